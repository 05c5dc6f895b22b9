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

    // The number of rows of the sample above the k-th similarity is nearly normally distributed, with a variance of at most its mean (of a
    // larger one where rows beside each other are alike, as in a source sorted by class: then more guesses are too high).
    private const double Deviations = 4;

    private readonly BestKeys[] _lists;

    private SampledThreshold(int queries, int place) => _lists = [.. Enumerable.Range(0, queries).Select(_ => new BestKeys(place))];

    /// <summary>The rows to look at; null where they would tell too little of the k best.</summary>
    /// <param name="members">The rows that are searched.</param>
    /// <param name="k">From 1 to their number.</param>
    public static RowSet? Rows(RowSet members, int k)
    {
        if (members.Count == 0 || Above(members.Count / (LayoutPart.ChunkRows / Run), members.Count, k) < FewestAbove)
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
        var thresholds = new float[queries];
        Array.Fill(thresholds, float.NegativeInfinity);
        var above = Above(sample, members, k);
        if (Math.Ceiling(above + (Deviations * Math.Sqrt(above))) is var place && place <= sample)
        {
            var visitor = new SampledThreshold(queries, (int)place);
            scan(visitor);
            for (var q = 0; q < queries; q++)
            {
                thresholds[q] = RankKey.Similarity(visitor._lists[q].Cut()[^1]);
            }
        }

        return thresholds;
    }

    public void Visit(int query, ScanBlock block, ReadOnlySpan<float> upper, float slack)
    {
        // The threshold may be raised meanwhile: then some rows too many are added and go again.
        var list = _lists[query];
        var count = ScanFilter.AtLeast(upper, list.Threshold, block.Found);
        lock (list)
        {
            list.MakeRoom(count);
            foreach (var i in block.Found.AsSpan(0, count))
            {
                list.Add(upper[i] - slack, 0);
            }
        }
    }

    private static double Above(long sample, long members, int k) => (double)k * sample / members;
}
