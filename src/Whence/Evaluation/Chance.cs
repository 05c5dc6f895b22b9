namespace Whence.Evaluation;

/// <summary>
/// What a ranking in random order is expected to reach with n exemplars among N distractors; T = N + n candidates. Computed, not simulated.
/// </summary>
public static class Chance
{
    private const int SummedOut = 256;
    private const double EulerMascheroni = 0.57721566490153286;

    /// <summary>
    /// Expected average precision: (H_T + (n - 1) / (T - 1) (T - H_T)) / T with the harmonic number H_T. At rank r stands an exemplar with probability
    /// n / T, and then each of the r - 1 before it is one with probability (n - 1) / (T - 1).
    /// </summary>
    /// <param name="n">Number of exemplars, at least 1.</param>
    /// <param name="distractors">N, at least 0.</param>
    public static double AveragePrecision(int n, long distractors)
    {
        var candidates = Candidates(n, distractors);
        var harmonic = Harmonic(candidates);
        return (harmonic + (n == 1 ? 0 : (n - 1.0) / (candidates - 1) * (candidates - harmonic))) / candidates;
    }

    /// <summary>Expected Recall@K: min(K, T) / T.</summary>
    /// <param name="n">Number of exemplars, at least 1.</param>
    /// <param name="distractors">N, at least 0.</param>
    /// <param name="k">K, at least 1.</param>
    public static double Recall(int n, long distractors, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        var candidates = Candidates(n, distractors);
        return (double)Math.Min(k, candidates) / candidates;
    }

    /// <summary>Expected recall divided by its ceiling.</summary>
    /// <param name="n">Number of exemplars, at least 1.</param>
    /// <param name="distractors">N, at least 0.</param>
    /// <param name="k">K, at least 1.</param>
    public static double NormalizedRecall(int n, long distractors, int k) => Recall(n, distractors, k) / RetrievalMetrics.RecallCeiling(n, k);

    /// <summary>
    /// The median over queries of the best exemplar's rank: the smallest r that it is at or before with probability 1/2 or more, for a query drawn
    /// from all. All n exemplars stand behind r with probability (T - r)(T - r - 1)... / T(T - 1)..., n factors each.
    /// </summary>
    /// <param name="exemplars">Per query n, at least one query.</param>
    /// <param name="distractors">N, at least 0.</param>
    public static long MedianRank(IEnumerable<int> exemplars, long distractors)
    {
        ArgumentNullException.ThrowIfNull(exemplars);
        var queries = exemplars.GroupBy(n => n).Select(g => (N: g.Key, Share: g.Count())).ToArray();
        double all = queries.Sum(q => q.Share);
        var (low, high) = (1L, Candidates(queries.Max(q => q.N), distractors));
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = queries.Sum(q => q.Share * Behind(q.N, distractors, middle)) <= all / 2 ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private static double Behind(int n, long distractors, long rank)
    {
        var candidates = Candidates(n, distractors);
        var probability = 1.0;
        for (var i = 0; i < n && probability > 0; i++)
        {
            probability *= Math.Max(candidates - rank - i, 0) / (double)(candidates - i);
        }

        return probability;
    }

    private static double Harmonic(long count)
    {
        if (count > SummedOut)
        {
            // The next term of the series is below 1e-17.
            double square = (double)count * count;
            return Math.Log(count) + EulerMascheroni + (1 / (2.0 * count)) - (1 / (12 * square)) + (1 / (120 * square * square));
        }

        var sum = 0.0;
        for (var i = count; i >= 1; i--)
        {
            sum += 1.0 / i;
        }

        return sum;
    }

    private static long Candidates(int n, long distractors)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(distractors);
        return distractors + n;
    }
}
