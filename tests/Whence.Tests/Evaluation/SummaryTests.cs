using FsCheck.Xunit;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Vectors;

namespace Whence.Tests.Evaluation;

public class SummaryTests
{
    private const double Atol = 1e-12;
    private static readonly EvaluationOptions Options = new() { RecallAt = [1, 5], Resamples = 200 };

    [Property(MaxTest = 30)]
    public bool Every_value_is_the_plain_mean_over_queries_and_averages_are_unweighted(int seed)
    {
        var random = new Random(seed);
        var cases = new[] { Samples.Ranks(random, "a"), Samples.Ranks(random, "b") };

        var results = Summary.Of(cases, new("d", 1000), Options);

        var queries = cases.SelectMany(c => c.Prompts.Select(p => p.Queries)).ToArray();
        Func<QueryRanks, double> precision = q => RetrievalMetrics.AveragePrecision(q.Sorted), recall = q => RetrievalMetrics.Recall(q.Sorted, 5);
        return results.Results.Zip(queries).All(r =>
                Near(r.First.Metrics["map"].Value, r.Second.Average(precision)) && Near(r.First.Metrics["recall@5"].Value, r.Second.Average(recall))
                && Near(r.First.Metrics["recall@5"].Ceiling, r.Second.Average(q => RetrievalMetrics.RecallCeiling(q.Ranks.Length, 5)))
                && Near(r.First.Metrics["map"].Chance, r.Second.Average(q => Chance.AveragePrecision(q.Ranks.Length, 1000)))
                && Near(r.First.Metrics["medianRank"].Value, Median(r.Second.Select(q => q.Ranks.Min()))))
            && results.Results.All(r => r.Metrics.Values.All(m => m.Low <= m.Value && m.Value <= m.High))
            && results.Averages.Select(a => (a.Prompts, a.Over)).SequenceEqual([("gpt", 2), ("object", 2), (null, 4)])
            && Near(results.Averages[0].Metrics["map"].Value, results.Results.Where(r => r.Prompts == "gpt").Average(r => r.Metrics["map"].Value))
            && Near(results.Averages[2].Metrics["recall@1"].Value, results.Results.Average(r => r.Metrics["recall@1"].Value))
            && results.Averages.All(a => !a.Metrics.ContainsKey("medianRank"));

        static bool Near(double a, double b) => Math.Abs(a - b) < Atol;
    }

    [Fact]
    public void Models_keep_their_own_means()
    {
        var ranks = Samples.Ranks(new Random(2), "a");
        var result = Summary.Of([ranks], new("d", 50), Options).Results[0];
        Assert.Equal(ranks.Prompts[0].Queries.Select(q => q.Model).Distinct().Order(), result.Models.Select(m => m.Model));
        foreach (var model in result.Models)
        {
            var own = ranks.Prompts[0].Queries.Where(q => q.Model == model.Model).ToArray();
            Assert.Equal((own.Length, ranks.Exemplars[model.Model]), (model.Queries, model.Exemplars));
            Assert.Equal(own.Average(q => RetrievalMetrics.NormalizedRecall(q.Sorted, 5)), model.Means["normalizedRecall@5"], Atol);
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_intervals()
    {
        var ranks = Samples.Ranks(new Random(3), "a");
        Assert.Equal(Text(Options), Text(Options));
        Assert.NotEqual(Text(Options), Text(Options with { Seed = 1 }));

        string Text(EvaluationOptions options) => Samples.Json(Summary.Of([ranks], new("d", 50), options));
    }

    [Fact]
    public void A_single_model_has_no_interval()
    {
        var ranks = new TestCaseRanks("a", [2], [new("gpt", [new(0, [1, 9], [1, 9]), new(0, [4, 3], [3, 4])], null)]);
        var metrics = Summary.Of([ranks], new("d", 50), Options).Results[0].Metrics;
        Assert.All(metrics.Values, m => Assert.Equal((null, null), (m.Low, m.High)));
        Assert.Equal(2, metrics["medianRank"].Value);
        Assert.Empty(Summary.Of([ranks], new("d", 50), Options).Averages);
    }

    [Fact]
    public void Two_test_cases_of_one_name_are_refused()
    {
        var ranks = Samples.Ranks(new Random(2), "a");
        Assert.Contains("'a'", Assert.Throws<WhenceException>(() => Summary.Of([ranks, ranks], new("d", 50), Options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_differs_from_itself_by_nothing()
    {
        var ranks = Samples.Ranks(new Random(4), "a");
        var first = Summary.Of([ranks], new("d", 50), Options);
        var comparison = Summary.Of([ranks], new("d", 50), Options, (first, "first.json")).Comparison!;
        Assert.Equal("first.json", comparison.With);
        Assert.All(comparison.Results.SelectMany(r => r.Differences.Values), d => Assert.Equal(new DifferenceResult(0, 0, 0), d));
        Assert.Equal(["map", "normalizedRecall@1", "normalizedRecall@5", "recall@1", "recall@5"], comparison.Results[0].Differences.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([null], comparison.Averages.Select(a => a.Prompts));
    }

    [Fact]
    public void Differences_are_paired_by_model()
    {
        // Models differ widely, the two runs by exactly as much in each model: the difference is certain, its values are not.
        var earlier = Run([1, 10, 100, 1000]);
        var later = Run([2, 20, 200, 2000]);
        var first = Summary.Of([earlier], new("d", 5000), Options);
        var second = Summary.Of([later], new("d", 5000), Options, (first, "f"));
        var (value, difference) = (second.Results[0].Metrics["map"], second.Comparison!.Results[0].Differences["map"]);
        Assert.Equal(value.Value - first.Results[0].Metrics["map"].Value, difference.Value, Atol);

        // Draw by draw it is the later mean minus the earlier one of the same models, here minus half of the earlier one.
        Assert.Equal(-first.Results[0].Metrics["map"].High!.Value / 2, difference.Low!.Value, Atol);
        Assert.Equal(-first.Results[0].Metrics["map"].Low!.Value / 2, difference.High!.Value, Atol);

        static TestCaseRanks Run(long[] ranks) =>
            new("a", [1, 1, 1, 1], [new("gpt", [.. ranks.Select((rank, m) => new QueryRanks(m, [rank], [rank]))], null)]);
    }

    [Fact]
    public void Only_runs_of_the_same_test_cases_can_be_compared()
    {
        var (a, b) = (Samples.Ranks(new Random(5), "a"), Samples.Ranks(new Random(6), "a"));
        var first = Summary.Of([a], new("d", 50), Options);
        Refused(a, 51, "50 distractors, this one has 51");
        Refused(b, 50, "other models");
        Refused(a with { Name = "c" }, 50, "no test case 'c'");
        Refused(a with { Prompts = [a.Prompts[0] with { Queries = [.. a.Prompts[0].Queries.Skip(1)] }] }, 50, "other models, exemplars or queries");

        void Refused(TestCaseRanks ranks, long distractors, string expected) => Assert.Contains(
            expected,
            Assert.Throws<WhenceException>(() => Summary.Of([ranks], new("d", distractors), Options, (first, "f.json"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_compared_is_known_before_anything_is_ranked()
    {
        var testCase = new TestCaseFeatures(
            "a", new FeatureMatrix(3, 1, [1, 2, 3]), [new(0, 1), new(1, 3)], [new("gpt", new FeatureMatrix(3, 1, [1, 2, 3]), [1, 0, 1], null)]);
        var ranks = new TestCaseRanks("a", [1, 2], [new("gpt", [new(1, [1, 2], [1, 2]), new(0, [1], [1]), new(1, [1, 2], [1, 2])], null)]);
        var earlier = Summary.Of([ranks], new("d", 50), Options);
        Summary.CheckComparable((earlier, "f"), 50, [testCase]);
        Assert.Throws<WhenceException>(() => Summary.CheckComparable((earlier, "f"), 49, [testCase]));
        var other = new TestCaseFeatures(
            "a", new FeatureMatrix(3, 1, [1, 2, 3]), [new(0, 2), new(2, 3)], [new("gpt", new FeatureMatrix(3, 1, [1, 2, 3]), [1, 0, 1], null)]);
        Assert.Throws<WhenceException>(() => Summary.CheckComparable((earlier, "f"), 50, [other]));
    }

    private static double Median(IEnumerable<long> values)
    {
        long[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2.0;
    }
}
