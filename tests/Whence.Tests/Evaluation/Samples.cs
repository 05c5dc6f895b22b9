using System.Text;
using Whence.Evaluation;

namespace Whence.Tests.Evaluation;

/// <summary>Ranks and results the tests of the evaluation share.</summary>
internal static class Samples
{
    /// <summary>Six models with 1 to 9 exemplars, of which each type of prompts has some; every one has queries of <c>gpt</c>.</summary>
    public static TestCaseRanks Ranks(Random random, string name)
    {
        int[] exemplars = [.. Enumerable.Range(0, 6).Select(_ => 1 + random.Next(9))];
        return new TestCaseRanks(name, exemplars, [Prompt("gpt", 0), Prompt("object", 2)]);

        PromptRanks Prompt(string type, int firstModel) => new(
            type,
            [.. Enumerable.Range(firstModel, 6 - firstModel).SelectMany(m => Enumerable.Range(0, 1 + random.Next(4)).Select(_ => Query(m)))],
            Paths: null);

        QueryRanks Query(int model)
        {
            long[] ranks = [.. Enumerable.Range(0, exemplars[model]).Select(i => (long)(10 * i) + 1 + random.Next(10))];
            random.Shuffle(ranks);
            return new QueryRanks(model, ranks, [.. ranks.Order()]);
        }
    }

    public static EvaluationResults Results(string name = "a", EvaluationResults? compareWith = null) => Summary.Of(
        [Ranks(new Random(1), name)],
        new DistractorInfo("laion.pth", 1000),
        new EvaluationOptions { RecallAt = [1, 10], Resamples = 100 },
        compareWith is null ? null : (compareWith, "earlier.json"));

    public static string Json(EvaluationResults results)
    {
        using var stream = new MemoryStream();
        results.Write(stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
