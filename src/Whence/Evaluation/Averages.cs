namespace Whence.Evaluation;

/// <summary>A mean over queries, and the same of each draw of models; null where models cannot be drawn.</summary>
internal sealed record ResampledMean(double Value, double[]? Draws)
{
    public (double Low, double High)? Interval => Draws is null ? null : Bootstrap.Interval(Draws);
}

/// <summary>The means of one test case and type of prompts, by key of the metric.</summary>
internal sealed record ResampledRow(string TestCase, string Prompts, IReadOnlyDictionary<string, ResampledMean> Means);

/// <summary>Unweighted means over test cases, as the paper's tables have them.</summary>
internal static class Averages
{
    /// <summary>Per type of prompts that several test cases have, then (with a type of null) over all rows where these are of several types.</summary>
    public static IEnumerable<(string? Prompts, ResampledRow[] Rows, IReadOnlyDictionary<string, ResampledMean> Means)> Of(IReadOnlyList<ResampledRow> rows)
    {
        var types = rows.GroupBy(r => r.Prompts, StringComparer.Ordinal).ToArray();
        foreach (var type in types.Where(t => t.Count() > 1))
        {
            yield return (type.Key, [.. type], Mean([.. type]));
        }

        if (types.Length > 1)
        {
            yield return (null, [.. rows], Mean(rows));
        }
    }

    private static Dictionary<string, ResampledMean> Mean(IReadOnlyList<ResampledRow> rows) => rows[0].Means.Keys.ToDictionary(key => key, key =>
    {
        var means = rows.Select(r => r.Means[key]).ToArray();
        return new ResampledMean(
            means.Average(m => m.Value),
            Array.TrueForAll(means, m => m.Draws is not null) ? Bootstrap.Average([.. means.Select(m => m.Draws!)]) : null);
    });
}
