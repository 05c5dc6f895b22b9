using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Evaluation;

namespace Whence.Bench.Evaluate;

/// <summary>
/// The evaluation in a process of its own, one line for one line: <c>run</c> does all of it from files as <c>whence evaluate</c> does and answers with
/// the seconds of its steps; <c>ranks</c> ranks once more, with everything open, and answers with the seconds; <c>memory</c> and <c>answers N</c>
/// answer with JSON.
/// </summary>
internal static class EvaluateProcess
{
    public static JsonObject Run(string folder, int threads)
    {
        var options = new EvaluationOptions { Threads = threads };
        DistractorIndex? distractors = null;
        Evaluator? evaluator = null;
        try
        {
            var testCase = EvaluateData.TestCase(folder);
            TestCaseRanks? ranks = null;
            for (var line = Console.ReadLine(); line is not null; line = Console.ReadLine())
            {
                switch (line.Split(' '))
                {
                    case ["run"]:
                        var steps = new JsonObject();
                        Step(steps, "index", () => distractors = DistractorIndex.Open(Path.Combine(folder, "distractors.npy")));
                        Step(steps, "layout", () => evaluator = new Evaluator(distractors!.Index, options));
                        Step(steps, "ranks", () => ranks = evaluator!.Rank(testCase));
                        Step(steps, "summary", () => Summary.Of([ranks!], new DistractorInfo("distractors.npy", evaluator!.Distractors), options));
                        Console.WriteLine(steps.ToJsonString());
                        break;
                    case ["ranks"]:
                        Console.WriteLine(Rounds.Time(() => ranks = evaluator!.Rank(testCase)).ToString(CultureInfo.InvariantCulture));
                        break;
                    case ["answers", var count]:
                        Console.WriteLine(JsonSerializer.Serialize(ranks!.Prompts[0].Queries.Take(int.Parse(count, CultureInfo.InvariantCulture)).Select(q => q.Ranks)));
                        break;
                    default:
                        Console.WriteLine(Memory.Of(Environment.ProcessId)!.ToJson().ToJsonString());
                        break;
                }
            }

            return [];
        }
        finally
        {
            evaluator?.Dispose();
            distractors?.Dispose();
        }
    }

    private static void Step(JsonObject steps, string name, Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        steps[name] = Math.Round(watch.Elapsed.TotalSeconds, 3);
    }
}
