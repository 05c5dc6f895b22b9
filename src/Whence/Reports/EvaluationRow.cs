using System.Globalization;
using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>What the tables of an evaluation show in one place: a test case with prompts of one type, or an average over several.</summary>
/// <param name="TestCase">The test case; null for an average.</param>
/// <param name="Prompts">The type of prompts; null for an average over all types.</param>
/// <param name="Count">Queries; of an average the number of rows averaged.</param>
/// <param name="Metrics">By key, in the order in which they are shown.</param>
/// <param name="Differences">From the run compared with, by key; null where there is none.</param>
public sealed record EvaluationRow(
    string? TestCase,
    string? Prompts,
    int Count,
    IReadOnlyList<KeyValuePair<string, MetricResult>> Metrics,
    IReadOnlyDictionary<string, DifferenceResult>? Differences)
{
    private const string Recall = "recall@";
    private const string NormalizedRecall = "normalizedRecall@";

    /// <summary>Test cases in order, then averages.</summary>
    public static IReadOnlyList<EvaluationRow> Of(EvaluationResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        return
        [
            .. results.Results.Select(r => new EvaluationRow(
                r.TestCase, r.Prompts, r.Queries, Ordered(r.Metrics), results.Comparison?.Results.FirstOrDefault(c => c.TestCase == r.TestCase && c.Prompts == r.Prompts)?.Differences)),
            .. results.Averages.Select(a => new EvaluationRow(
                null, a.Prompts, a.Over, Ordered(a.Metrics), results.Comparison?.Averages.FirstOrDefault(c => c.Prompts == a.Prompts)?.Differences)),
        ];

        KeyValuePair<string, MetricResult>[] Ordered(IReadOnlyDictionary<string, MetricResult> metrics) =>
            [.. EvaluationResults.MetricKeys(results.RecallAt).Where(metrics.ContainsKey).Select(key => KeyValuePair.Create(key, metrics[key]))];
    }

    /// <summary>What the row is about, for example <c>test_artchive, gpt: 10,200 queries</c> or <c>mean of 4 test cases, gpt</c>; hidden characters made visible.</summary>
    public string Title() => ShownText.Clean(TestCase is null
        ? string.Create(CultureInfo.InvariantCulture, $"mean of {Count}{(Prompts is null ? "" : " test cases")}, {Prompts ?? "all prompts"}")
        : string.Create(CultureInfo.InvariantCulture, $"{TestCase}, {Prompts}: {Count:N0} {(Count == 1 ? "query" : "queries")}")).ReplaceLineEndings(" ");

    /// <summary>What a metric is called in tables: <c>mAP</c>, <c>R@10</c>, <c>R@10 of min(10, n)</c>, <c>median rank</c>.</summary>
    public static string NameOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key == "map" ? "mAP"
            : key.StartsWith(Recall, StringComparison.Ordinal) ? $"R@{key[Recall.Length..]}"
            : key.StartsWith(NormalizedRecall, StringComparison.Ordinal) ? $"R@{key[NormalizedRecall.Length..]} of min({key[NormalizedRecall.Length..]}, n)"
            : "median rank";
    }

    /// <summary>A number of a metric for a person: three decimals, two digits where these would read as nothing; ranks whole or halved.</summary>
    public static string Value(string key, double value) => value.ToString(
        IsRank(key) ? "#,0.#"
        : value is > 0 and < 0.0005 ? $"F{1 - (int)Math.Floor(Math.Log10(value))}"
        : "0.000",
        CultureInfo.InvariantCulture);

    /// <summary>An interval for a person; a dash where there is none.</summary>
    public static string Interval(string key, double? low, double? high) =>
        low is { } from && high is { } to ? $"{Value(key, from)} to {Value(key, to)}" : "–";

    /// <summary>A difference for a person, with its sign.</summary>
    public static string Difference(double value) => value.ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture);

    /// <summary>The interval of a difference; a dash where there is none.</summary>
    public static string DifferenceInterval(DifferenceResult difference)
    {
        ArgumentNullException.ThrowIfNull(difference);
        return difference is { Low: { } low, High: { } high } ? $"{Difference(low)} to {Difference(high)}" : "–";
    }

    /// <summary>What stands behind a metric's name in a table: value, interval, ceiling, chance, and where a run was compared with, difference and its interval.</summary>
    public IReadOnlyList<string> Cells(string key, MetricResult metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        string[] cells =
        [
            Value(key, metric.Value), Interval(key, metric.Low, metric.High), Value(key, metric.Ceiling), Value(key, metric.Chance),
        ];
        return Differences is null ? cells
            : Differences.GetValueOrDefault(key) is { } difference ? [.. cells, Difference(difference.Value), DifferenceInterval(difference)]
            : [.. cells, "–", "–"];
    }

    private static bool IsRank(string key) => NameOf(key) == "median rank";
}
