using System.Runtime.InteropServices;

namespace Whence.Search;

/// <summary>
/// A guess of each query's k-th similarity from one row in 64. It is low enough in all but some 3 of 100,000 cases where the sample is
/// like the rest; a guess decides nothing but how long the search takes.
/// </summary>
internal sealed class SampledThreshold : IScanVisitor
{
    // A run of rows in each chunk, so that a block is read for it and not a row, and at another place in each.
    private const int Run = 16;

    // Fewer rows of the sample above the k-th similarity would be told apart too badly.
    private const int FewestAbove = 256;

    // The number of rows of the sample above the k-th similarity is nearly normally distributed, with a variance of at most its mean.
    private const double Deviations = 4;

    private readonly List<ulong>[] _keys;

    private SampledThreshold(int queries) => _keys = [.. Enumerable.Range(0, queries).Select(_ => new List<ulong>())];

    /// <summary>The rows to look at; null where they would tell too little of the k best.</summary>
    /// <param name="members">The rows that are searched.</param>
    /// <param name="k">From 1 to their number.</param>
    public static RowSet? Rows(RowSet members, int k)
    {
        if (Above(members.Count / (LayoutPart.ChunkRows / Run), members.Count, k) < FewestAbove)
        {
            return null;
        }

        const int Runs = LayoutPart.ChunkRows / Run, Stride = 37;
        var chunks = (members.Length + LayoutPart.ChunkRows - 1) / LayoutPart.ChunkRows;
        var sample = Enumerable.Range(0, (int)chunks)
            .SelectMany(chunk => Enumerable.Range(chunk * Stride % Runs * Run, Run).Select(row => ((long)chunk * LayoutPart.ChunkRows) + row))
            .Where(id => id < members.Length);
        var rows = RowSet.Of(members.Length, sample).Intersect(members);
        return Above(rows.Count, members.Count, k) < FewestAbove ? null : rows;
    }

    /// <summary>Guesses.</summary>
    /// <param name="queries">Number of queries.</param>
    /// <param name="k">At least 1.</param>
    /// <param name="sample">Number of rows that <see cref="Rows"/> gave.</param>
    /// <param name="members">Number of rows that are searched.</param>
    /// <param name="scan">Shows the rows of the sample to a visitor.</param>
    public static float[] Of(int queries, int k, long sample, long members, Action<IScanVisitor> scan)
    {
        var visitor = new SampledThreshold(queries);
        scan(visitor);
        var above = Above(sample, members, k);
        var place = (int)Math.Ceiling(above + (Deviations * Math.Sqrt(above)));
        return Array.ConvertAll(visitor._keys, keys => place > keys.Count ? float.NegativeInfinity : RankKey.Highest(CollectionsMarshal.AsSpan(keys), place));
    }

    public void Visit(int query, ScanBlock block, ReadOnlySpan<float> upper, float slack)
    {
        var count = ScanFilter.AtLeast(upper, float.NegativeInfinity, block.Found);
        lock (_keys[query])
        {
            foreach (var i in block.Found.AsSpan(0, count))
            {
                _keys[query].Add(RankKey.Pack(upper[i] - slack, 0));
            }
        }
    }

    private static double Above(long sample, long members, int k) => (double)k * sample / members;
}

/// <summary>
/// The k most similar rows at or above a first threshold, by their canonical similarities: each is computed while its row is in the cache,
/// and with the k-th best so far the threshold rises. A threshold too high to begin with leaves fewer than k.
/// </summary>
internal sealed class NearestScan : ThresholdScan
{
    private readonly int _k;
    private readonly List[] _lists;

    /// <param name="thresholds">Per query a similarity; raised.</param>
    /// <param name="k">At least 1.</param>
    public NearestScan(float[] thresholds, int k)
        : base(thresholds) => (_k, _lists) = (k, [.. thresholds.Select(_ => new List(GC.AllocateUninitializedArray<ulong>((2 * k) + LayoutPart.ChunkRows)))]);

    /// <summary>A query's k best rows; null where fewer reach its first threshold.</summary>
    public Match[]? Matches(int query)
    {
        var list = _lists[query];
        return list.Count < _k ? null : RankKey.Unpack(list.Cut(_k));
    }

    protected override void Keep(int query, ScanBlock block, ReadOnlySpan<int> rows, ReadOnlySpan<float> similarities)
    {
        var list = _lists[query];
        lock (list)
        {
            if (list.Count + rows.Length > list.Keys.Length)
            {
                Thresholds[query] = RankKey.Similarity(list.Cut(_k)[^1]);
            }

            for (var i = 0; i < rows.Length; i++)
            {
                list.Keys[list.Count++] = RankKey.Pack(similarities[i], block.Id(rows[i]));
            }
        }
    }

    private sealed class List(ulong[] keys)
    {
        public ulong[] Keys => keys;

        public int Count { get; set; }

        /// <summary>The best k, sorted; the others are given up.</summary>
        public ReadOnlySpan<ulong> Cut(int k)
        {
            RankKey.Sort(keys.AsSpan(0, Count));
            Count = k;
            return keys.AsSpan(0, k);
        }
    }
}
