using System.Text.Json;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Mapping;

namespace Whence.Tests.Evaluation;

/// <summary>What the authors' own <c>validate</c> computed, query by query, within the tolerances of its README.</summary>
public class GoldenEvaluationTests
{
    private const double Atol = 1e-9;
    private static readonly int[] RecallAt = [5, 10, 100];

    public static MatrixTheoryData<string, string> Files => new(["none", "linear", "channel", "mlp"], ["pth", "safetensors"]);

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_query_and_every_average_equals_the_authors(string kind, string extension)
    {
        var torch = extension == "pth";
        using var distractors = DistractorIndex.Open(Golden(torch ? "laion_subset.pth" : "features.safetensors"));
        var options = new EvaluationOptions
        {
            Mapper = kind == "none" ? null : MapperPair.Load(Golden($"mapper_{kind}.{extension}")),
            RecallAt = RecallAt,
        };
        using var evaluator = new Evaluator(distractors.Index, options);

        var ranks = evaluator.Rank(TestCaseFeatures.Load(Golden(torch ? "test_case.pth" : "features.safetensors")));

        Assert.Equal(4000, evaluator.Distractors);
        var results = Summary.Of([ranks], new("laion", evaluator.Distractors), options).Results;
        Assert.Equal(["gpt", "media"], results.Select(r => r.Prompts));
        using var json = JsonDocument.Parse(File.ReadAllBytes(Golden("expected.json")));
        foreach (var (prompt, result) in ranks.Prompts.Zip(results))
        {
            var expected = json.RootElement.GetProperty("results").GetProperty(kind).GetProperty(prompt.Type);
            Assert.Equal(234, result.Queries);
            Near(Numbers(expected.GetProperty("all_maps")), prompt.Queries.Select(q => RetrievalMetrics.AveragePrecision(q.Sorted)));
            Assert.Equal(
                expected.GetProperty("gt_ranks").EnumerateArray().Select(own => own.EnumerateArray().Select(r => r.GetInt64() + 1).Order().ToArray()),
                prompt.Queries.Select(q => q.Sorted));
            foreach (var (i, k) in RecallAt.Index())
            {
                Assert.Equal(
                    expected.GetProperty("all_recalls").EnumerateArray().Select(own => own[i].GetDouble()),
                    prompt.Queries.Select(q => RetrievalMetrics.Recall(q.Sorted, k)));
                Assert.Equal(expected.GetProperty("avg_recall")[i].GetDouble(), result.Metrics[$"recall@{k}"].Value, Atol);
            }

            Assert.Equal(expected.GetProperty("avg_map").GetDouble(), result.Metrics["map"].Value, Atol);
        }
    }

    private static void Near(IEnumerable<double> expected, IEnumerable<double> actual)
    {
        var pairs = expected.Zip(actual).ToArray();
        Assert.Equal(234, pairs.Length);
        Assert.All(pairs, pair => Assert.Equal(pair.First, pair.Second, Atol));
    }

    private static IEnumerable<double> Numbers(JsonElement list) => list.EnumerateArray().Select(x => x.GetDouble());

    private static string Golden(string file) => SharedData.Get("reference", "evaluation", file);
}
