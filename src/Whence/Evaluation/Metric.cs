namespace Whence.Evaluation;

/// <summary>A number that every query has, whose mean over queries is reported: average precision, recalls.</summary>
/// <param name="Key">Its name in files (<c>docs/formats.md</c>).</param>
/// <param name="Of">From a query's ranks, ascending.</param>
/// <param name="Ceiling">The most that it can be, from n.</param>
/// <param name="Chance">What to expect of a random order, from n and N.</param>
internal sealed record Metric(string Key, Func<long[], double> Of, Func<int, double> Ceiling, Func<int, long, double> Chance)
{
    public const string MeanAveragePrecision = "map";

    /// <summary>A median over queries, not a mean; it has no <see cref="Metric"/>.</summary>
    public const string MedianRank = "medianRank";

    public static string Recall(int k) => FormattableString.Invariant($"recall@{k}");

    public static string NormalizedRecall(int k) => FormattableString.Invariant($"normalizedRecall@{k}");

    /// <summary>All metrics in the order in which they are reported.</summary>
    public static Metric[] All(IReadOnlyList<int> recallAt) =>
    [
        new(MeanAveragePrecision, ranks => RetrievalMetrics.AveragePrecision(ranks), _ => 1, Evaluation.Chance.AveragePrecision),
        .. recallAt.Select(k => new Metric(
            Recall(k), ranks => RetrievalMetrics.Recall(ranks, k), n => RetrievalMetrics.RecallCeiling(n, k), (n, total) => Evaluation.Chance.Recall(n, total, k))),
        .. recallAt.Select(k => new Metric(
            NormalizedRecall(k), ranks => RetrievalMetrics.NormalizedRecall(ranks, k), _ => 1, (n, total) => Evaluation.Chance.NormalizedRecall(n, total, k))),
    ];
}
