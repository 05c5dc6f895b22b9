namespace Whence.Search;

/// <summary>
/// The k most similar rows at or above a first threshold, by their canonical similarities: each is computed while its row is in the cache,
/// and with the k-th best so far the threshold rises. A threshold too high to begin with leaves fewer than k.
/// </summary>
internal sealed class NearestScan : ThresholdScan
{
    private readonly int _k;
    private readonly BestKeys[] _lists;

    /// <param name="thresholds">Per query a similarity; raised.</param>
    /// <param name="k">At least 1.</param>
    public NearestScan(float[] thresholds, int k)
        : base(thresholds) => (_k, _lists) = (k, [.. thresholds.Select(_ => new BestKeys(k))]);

    /// <summary>A query's k best rows; null where fewer reach its first threshold.</summary>
    public Match[]? Matches(int query)
    {
        var best = _lists[query].Cut();
        return best.Length < _k ? null : RankKey.Unpack(best);
    }

    protected override void Keep(int query, ScanBlock block, ReadOnlySpan<int> rows, ReadOnlySpan<float> similarities)
    {
        var list = _lists[query];
        lock (list)
        {
            if (list.MakeRoom(rows.Length))
            {
                Thresholds[query] = list.Threshold;
            }

            for (var i = 0; i < rows.Length; i++)
            {
                list.Add(similarities[i], block.Id(rows[i]));
            }
        }
    }
}
