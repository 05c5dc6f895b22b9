namespace Whence.Evaluation;

/// <summary>
/// What else might have come out with other models: models are drawn with replacement, as many as there are, and each draw's statistic is computed
/// anew. A model's queries stay together, because they share their exemplars; drawing queries would promise too narrow an interval.
/// </summary>
internal sealed class Bootstrap
{
    /// <summary>An interval leaves out 2.5 % of the draws at either end.</summary>
    public const double Level = 0.95;

    private readonly int[][] _counts;

    /// <param name="models">Number of models, at least 1.</param>
    /// <param name="resamples">Number of draws.</param>
    /// <param name="random">Where draws come from; test cases that follow each other draw independently.</param>
    public Bootstrap(int models, int resamples, Random random)
    {
        _counts = new int[resamples][];
        for (var draw = 0; draw < resamples; draw++)
        {
            _counts[draw] = new int[models];
            for (var i = 0; i < models; i++)
            {
                _counts[draw][random.Next(models)]++;
            }
        }
    }

    /// <summary>Per draw a mean over queries.</summary>
    /// <param name="sums">Per model the sum over its queries.</param>
    /// <param name="queries">Per model its number of queries.</param>
    /// <returns>NaN for a draw without any query.</returns>
    public double[] Means(double[] sums, int[] queries) => Array.ConvertAll(_counts, counts =>
    {
        var (sum, total) = (0.0, 0L);
        for (var m = 0; m < counts.Length; m++)
        {
            sum += counts[m] * sums[m];
            total += (long)counts[m] * queries[m];
        }

        return sum / total;
    });

    /// <summary>Per draw a median over queries, the mean of the two in the middle where there are two.</summary>
    /// <param name="sorted">Each query's value and model, values ascending.</param>
    /// <param name="queries">Per model its number of queries.</param>
    /// <returns>NaN for a draw without any query.</returns>
    public double[] Medians((long Value, int Model)[] sorted, int[] queries) => Array.ConvertAll(_counts, counts =>
    {
        var total = 0L;
        for (var m = 0; m < counts.Length; m++)
        {
            total += (long)counts[m] * queries[m];
        }

        if (total == 0)
        {
            return double.NaN;
        }

        var (passed, i, lower) = (0L, -1, (total - 1) / 2);
        while (passed <= lower)
        {
            passed += counts[sorted[++i].Model];
        }

        var low = sorted[i].Value;
        while (passed <= total / 2)
        {
            passed += counts[sorted[++i].Model];
        }

        return (low + sorted[i].Value) / 2.0;
    });

    /// <summary>The percentile interval of a statistic; null where fewer than two draws have one.</summary>
    public static (double Low, double High)? Interval(double[] statistics)
    {
        var sorted = statistics.Where(s => !double.IsNaN(s)).Order().ToArray();
        return sorted.Length < 2 ? null : (Quantile(sorted, (1 - Level) / 2), Quantile(sorted, (1 + Level) / 2));
    }

    /// <summary>The mean of several statistics, draw by draw.</summary>
    public static double[] Average(IReadOnlyList<double[]> statistics) =>
        [.. Enumerable.Range(0, statistics[0].Length).Select(draw => statistics.Average(s => s[draw]))];

    private static double Quantile(double[] sorted, double share)
    {
        var place = share * (sorted.Length - 1);
        var before = (int)place;
        var after = Math.Min(before + 1, sorted.Length - 1);
        return sorted[before] + ((place - before) * (sorted[after] - sorted[before]));
    }
}
