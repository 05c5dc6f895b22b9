namespace Whence.Evaluation;

/// <summary>
/// What the ranks of a query's n exemplars are worth (section 4.1 of the paper, as the authors compute it). Ranks count from 1, among the
/// distractors and the query's own exemplars.
/// </summary>
public static class RetrievalMetrics
{
    /// <summary>
    /// Average precision over the full ranking and all exemplars: the mean, over the exemplars in rank order, of the number found so far divided by the rank.
    /// </summary>
    /// <param name="ranks">Ascending, at least one.</param>
    /// <returns>Above 0 and at most 1.</returns>
    public static double AveragePrecision(ReadOnlySpan<long> ranks)
    {
        ArgumentOutOfRangeException.ThrowIfZero(ranks.Length, nameof(ranks));
        double sum = 0;
        for (var i = 0; i < ranks.Length; i++)
        {
            sum += (i + 1.0) / ranks[i];
        }

        return sum / ranks.Length;
    }

    /// <summary>Recall@K as the authors define it: exemplars within the first K, divided by n (not by min(K, n)).</summary>
    /// <param name="ranks">At least one, in any order.</param>
    /// <param name="k">K, at least 1.</param>
    /// <returns>From 0 to <see cref="RecallCeiling"/>.</returns>
    public static double Recall(ReadOnlySpan<long> ranks, int k) => (double)Hits(ranks, k) / ranks.Length;

    /// <summary>Recall@K that can be reached: exemplars within the first K, divided by min(K, n).</summary>
    /// <param name="ranks">At least one, in any order.</param>
    /// <param name="k">K, at least 1.</param>
    /// <returns>From 0 to 1.</returns>
    public static double NormalizedRecall(ReadOnlySpan<long> ranks, int k) => (double)Hits(ranks, k) / Math.Min(k, ranks.Length);

    /// <summary>The most that Recall@K can be, because no more than K exemplars fit within the first K: min(K, n) / n.</summary>
    /// <param name="n">Number of exemplars, at least 1.</param>
    /// <param name="k">K, at least 1.</param>
    public static double RecallCeiling(int n, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        return (double)Math.Min(k, n) / n;
    }

    private static int Hits(ReadOnlySpan<long> ranks, int k)
    {
        ArgumentOutOfRangeException.ThrowIfZero(ranks.Length, nameof(ranks));
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        var hits = 0;
        foreach (var rank in ranks)
        {
            hits += rank <= k ? 1 : 0;
        }

        return hits;
    }
}
