using Whence.Calibration;

namespace Whence.Search;

/// <summary>Asks for the canonical similarity of every row that can reach a query's threshold.</summary>
internal abstract class ThresholdScan(float[] thresholds) : IScanVisitor
{
    private readonly int[] _found = new int[LayoutPart.ChunkRows];

    public void Visit(int query, ScanBlock block, ReadOnlySpan<float> upper, float slack)
    {
        var count = ScanFilter.AtLeast(upper, thresholds[query], _found);
        foreach (var i in _found.AsSpan(0, count))
        {
            var similarity = block.Similarity(query, i);
            if (similarity >= thresholds[query])
            {
                Found(query, block.Id(i), similarity);
            }
        }
    }

    protected abstract void Found(int query, long id, float similarity);
}

/// <summary>Every row at or above a threshold.</summary>
internal sealed class AboveScan : ThresholdScan
{
    private readonly List<ulong>[] _found;

    public AboveScan(float[] thresholds)
        : base(thresholds) => _found = [.. thresholds.Select(_ => new List<ulong>())];

    /// <summary>A query's rows out of all threads' visitors, in rank order.</summary>
    public static Match[] Merge(IReadOnlyCollection<AboveScan> scans, int query)
    {
        ulong[] keys = [.. scans.SelectMany(s => s._found[query])];
        RankKey.Sort(keys);
        return Array.ConvertAll(keys, RankKey.Unpack);
    }

    protected override void Found(int query, long id, float similarity) => _found[query].Add(RankKey.Pack(similarity, id));
}

/// <summary>The denominator of Eq. 6 for queries whose best similarity is known.</summary>
internal sealed class InfluenceScan(Calibrator calibrator, float[] maxima)
    : ThresholdScan([.. maxima.Select(m => (float)(calibrator.SmallestSimilarity(m) - Margin))])
{
    // The threshold is where the weight reaches zero, but for the roundings of its logarithm.
    private const double Margin = 1e-6;

    private readonly InfluenceSum[] _sums = new InfluenceSum[maxima.Length];

    /// <summary>A query's sum out of all threads' visitors.</summary>
    public static InfluenceSum Merge(IReadOnlyCollection<InfluenceScan> scans, int query) =>
        scans.Aggregate(default(InfluenceSum), (sum, scan) => sum + scan._sums[query]);

    protected override void Found(int query, long id, float similarity) =>
        _sums[query].Add(calibrator.Weight(similarity, maxima[query]));
}
