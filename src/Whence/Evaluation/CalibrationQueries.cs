using Whence.Datasets;

namespace Whence.Evaluation;

/// <summary>A query of a pool.</summary>
/// <param name="TestCase">Number of its test case.</param>
/// <param name="Prompts">Number of its type of prompts in the test case.</param>
/// <param name="Row">Its row among the features of that type.</param>
internal readonly record struct CalibrationQuery(int TestCase, int Prompts, int Row);

/// <summary>A fixed pool of queries, drawn from the queries of test cases: each of them is as likely as any other.</summary>
internal sealed class CalibrationQueries
{
    private CalibrationQueries(IReadOnlyList<TestCaseFeatures> testCases, CalibrationQuery[] queries, int seed) =>
        (TestCases, Queries, Seed) = (testCases, queries, seed);

    /// <summary>The test cases, of one dimension.</summary>
    public IReadOnlyList<TestCaseFeatures> TestCases { get; }

    /// <summary>The pool in the order in which it was drawn, so that any run of it is a fair draw too.</summary>
    public IReadOnlyList<CalibrationQuery> Queries { get; }

    /// <summary>What the draw began with.</summary>
    public int Seed { get; }

    /// <summary>Draws a pool without replacement.</summary>
    /// <param name="testCases">At least one.</param>
    /// <param name="count">Most queries, at least 1; all of them where there are fewer.</param>
    /// <param name="seed">The same seed gives the same pool.</param>
    public static CalibrationQueries Draw(IReadOnlyList<TestCaseFeatures> testCases, int count, int seed)
    {
        CalibrationQuery[] all = [.. testCases.SelectMany((testCase, t) =>
            testCase.Prompts.SelectMany((prompt, p) => Enumerable.Range(0, prompt.Models.Count).Select(row => new CalibrationQuery(t, p, row))))];
        var random = new Random(seed);
        var drawn = Math.Min(count, all.Length);
        for (var i = 0; i < drawn; i++)
        {
            var j = random.Next(i, all.Length);
            (all[i], all[j]) = (all[j], all[i]);
        }

        return new CalibrationQueries(testCases, all[..drawn], seed);
    }

    /// <summary>Where a query's exemplars are in its test case.</summary>
    public ExemplarChunk Exemplars(CalibrationQuery query) => TestCases[query.TestCase].Chunks[Prompts(query).Models[query.Row]];

    /// <summary>A query's raw feature.</summary>
    public ReadOnlySpan<float> Feature(CalibrationQuery query) => Prompts(query).Features.Row(query.Row);

    /// <summary>Test cases and types of prompts that have a query in the pool, in order.</summary>
    public IReadOnlyList<(int TestCase, int Prompts)> Parts() =>
        [.. Queries.Select(q => (q.TestCase, q.Prompts)).Distinct().Order()];

    /// <summary>The names of a part.</summary>
    public (string? TestCase, string? Prompts) NameOf((int TestCase, int Prompts) part) =>
        (TestCases[part.TestCase].Name, TestCases[part.TestCase].Prompts[part.Prompts].Type);

    private PromptFeatures Prompts(CalibrationQuery query) => TestCases[query.TestCase].Prompts[query.Prompts];
}
