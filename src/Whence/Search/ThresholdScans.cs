using System.Runtime.InteropServices;
using Whence.Calibration;

namespace Whence.Search;

/// <summary>Asks for the canonical similarity of every row that can reach a query's threshold.</summary>
internal abstract class ThresholdScan(float[] thresholds) : IScanVisitor
{
    /// <summary>Per query the least similarity that is kept. Whoever raises one meanwhile gets some rows too many.</summary>
    protected float[] Thresholds => thresholds;

    public void Visit(int query, ScanBlock block, ReadOnlySpan<float> upper, float slack)
    {
        var found = block.Found.AsSpan(0, ScanFilter.AtLeast(upper, thresholds[query], block.Found));
        var similarities = block.Similarities.AsSpan(0, found.Length);
        block.Compare(query, found, similarities);
        var kept = 0;
        for (var i = 0; i < found.Length; i++)
        {
            if (similarities[i] >= thresholds[query])
            {
                (found[kept], similarities[kept]) = (found[i], similarities[i]);
                kept++;
            }
        }

        if (kept > 0)
        {
            Keep(query, block, found[..kept], similarities[..kept]);
        }
    }

    /// <summary>Takes up rows of a block, those at or above the query's threshold.</summary>
    protected abstract void Keep(int query, ScanBlock block, ReadOnlySpan<int> rows, ReadOnlySpan<float> similarities);
}

/// <summary>Every row at or above a threshold.</summary>
internal sealed class AboveScan : ThresholdScan
{
    private readonly List<ulong>[] _keys;

    public AboveScan(float[] thresholds)
        : base(thresholds) => _keys = [.. thresholds.Select(_ => new List<ulong>())];

    /// <summary>A query's rows in rank order.</summary>
    public Match[] Matches(int query)
    {
        var keys = CollectionsMarshal.AsSpan(_keys[query]);
        RankKey.Sort(keys);
        return RankKey.Unpack(keys);
    }

    protected override void Keep(int query, ScanBlock block, ReadOnlySpan<int> rows, ReadOnlySpan<float> similarities)
    {
        lock (_keys[query])
        {
            for (var i = 0; i < rows.Length; i++)
            {
                _keys[query].Add(RankKey.Pack(similarities[i], block.Id(rows[i])));
            }
        }
    }
}

/// <summary>The denominator of Eq. 6 for queries whose best similarity is known.</summary>
internal sealed class InfluenceScan(Calibrator calibrator, float[] maxima)
    : ThresholdScan([.. maxima.Select(m => (float)(calibrator.SmallestSimilarity(m) - Margin))])
{
    // The threshold is where the weight reaches zero, but for the roundings of its logarithm.
    private const double Margin = 1e-6;

    private readonly Lock _lock = new();
    private readonly InfluenceSum[] _sums = new InfluenceSum[maxima.Length];

    /// <summary>Eq. 6 for a query.</summary>
    public Influence Influence(int query) => new(calibrator, maxima[query], _sums[query]);

    protected override void Keep(int query, ScanBlock block, ReadOnlySpan<int> rows, ReadOnlySpan<float> similarities)
    {
        var sum = default(InfluenceSum);
        foreach (var similarity in similarities)
        {
            sum.Add(calibrator.Weight(similarity, maxima[query]));
        }

        lock (_lock)
        {
            _sums[query] += sum;
        }
    }
}
