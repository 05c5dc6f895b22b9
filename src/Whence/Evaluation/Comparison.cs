using Whence.Datasets;
using Whence.Vectors;

namespace Whence.Evaluation;

/// <summary>A number of this run minus that of another.</summary>
/// <param name="Value">The difference.</param>
/// <param name="Low">Lower end of its 95 % interval over models, drawn for both runs alike; null where there are fewer than two models.</param>
/// <param name="High">Upper end. Where zero lies outside, the difference is more than the choice of models explains.</param>
public sealed record DifferenceResult(double Value, double? Low, double? High);

/// <summary>Differences of a test case for prompts of one type.</summary>
/// <param name="TestCase">The test case.</param>
/// <param name="Prompts">The type of prompts.</param>
/// <param name="Differences">By the key of the metric; of a median there is none.</param>
public sealed record PromptComparison(string TestCase, string Prompts, IReadOnlyDictionary<string, DifferenceResult> Differences);

/// <summary>Unweighted means of <see cref="PromptComparison"/>.</summary>
/// <param name="Prompts">The type of prompts; null for all of them.</param>
/// <param name="Differences">By the key of the metric.</param>
public sealed record AverageComparison(string? Prompts, IReadOnlyDictionary<string, DifferenceResult> Differences);

/// <summary>This run against another one of the same test cases: paired differences, model by model.</summary>
/// <param name="With">The other run's file.</param>
/// <param name="Mapper">The other run's mappers; null for none.</param>
/// <param name="Results">Per test case and type of prompts.</param>
/// <param name="Averages">As the averages of the run.</param>
public sealed record ComparisonResult(
    string With, MapperInfo? Mapper, IReadOnlyList<PromptComparison> Results, IReadOnlyList<AverageComparison> Averages);

/// <summary>Pairs two runs.</summary>
internal static class Comparison
{
    /// <summary>What one run has over another.</summary>
    /// <param name="run">This run.</param>
    /// <param name="other">The other one.</param>
    /// <param name="file">Its file.</param>
    /// <exception cref="WhenceException">They are not of the same models, queries and number of distractors.</exception>
    public static ComparisonResult Of(EvaluationResults run, EvaluationResults other, string file)
    {
        CheckDistractors(run.Distractors.Count, other, file);
        var keys = Metric.All(run.RecallAt).Select(m => m.Key).Intersect(Metric.All(other.RecallAt).Select(m => m.Key)).ToArray();
        var random = new Random(run.Bootstrap.Seed);
        var rows = run.Results.GroupBy(r => r.TestCase).SelectMany(testCase =>
        {
            var models = testCase.Max(r => r.Models.Max(m => m.Model)) + 1;
            var bootstrap = new Bootstrap(models, run.Bootstrap.Resamples, random);
            return testCase.Select(result => Difference(result, Partner(result, other, file), keys, models, bootstrap)).ToArray();
        }).ToArray();
        return new ComparisonResult(
            file,
            other.Mapper,
            [.. rows.Select(row => new PromptComparison(row.TestCase, row.Prompts, row.Means.ToDictionary(m => m.Key, m => Result(m.Value))))],
            [.. Averages.Of(rows).Select(average => new AverageComparison(average.Prompts, average.Means.ToDictionary(m => m.Key, m => Result(m.Value))))]);
    }

    private static ResampledRow Difference(PromptResult ours, PromptResult theirs, string[] keys, int models, Bootstrap bootstrap)
    {
        var queries = new int[models];
        foreach (var model in ours.Models)
        {
            queries[model.Model] = model.Queries;
        }

        var means = keys.ToDictionary(key => key, key =>
        {
            var sums = new double[models];
            foreach (var (model, partner) in ours.Models.Zip(theirs.Models.OrderBy(m => m.Model)))
            {
                sums[model.Model] = model.Queries * (model.Means[key] - partner.Means[key]);
            }

            return new ResampledMean(
                ours.Metrics[key].Value - theirs.Metrics[key].Value,
                ours.Models.Count > 1 ? bootstrap.Means(sums, queries) : null);
        });
        return new ResampledRow(ours.TestCase, ours.Prompts, means);
    }

    /// <summary>Refuses, before anything is ranked, what <see cref="Of"/> would refuse.</summary>
    /// <exception cref="WhenceException">The runs are not of the same models, queries and number of distractors.</exception>
    public static void Check(EvaluationResults other, string file, long distractors, IReadOnlyList<TestCaseFeatures> testCases)
    {
        CheckDistractors(distractors, other, file);
        foreach (var testCase in testCases)
        {
            foreach (var prompt in testCase.Prompts)
            {
                var queries = prompt.Models.GroupBy(m => m).OrderBy(g => g.Key).Select(g => (g.Key, testCase.Chunks[g.Key].Count, g.Count()));
                Partner(testCase.Name, prompt.Type, queries, other, file);
            }
        }
    }

    private static void CheckDistractors(long distractors, EvaluationResults other, string file)
    {
        if (distractors != other.Distractors.Count)
        {
            throw new WhenceException($"{file}: its run had {other.Distractors.Count} distractors, this one has {distractors}; the fewer, the higher every exemplar stands, so they cannot be compared.");
        }
    }

    private static PromptResult Partner(PromptResult ours, EvaluationResults other, string file) =>
        Partner(ours.TestCase, ours.Prompts, ours.Models.Select(m => (m.Model, m.Exemplars, m.Queries)), other, file);

    private static PromptResult Partner(
        string testCase, string prompts, IEnumerable<(int Model, int Exemplars, int Queries)> models, EvaluationResults other, string file)
    {
        var theirs = other.Results.FirstOrDefault(r => r.TestCase == testCase && r.Prompts == prompts)
            ?? throw new WhenceException(
                $"{file}: has no test case '{testCase}' with prompts '{prompts}', only {Listing.Of([.. other.Results.Select(r => $"'{r.TestCase}' '{r.Prompts}'")])}; compare runs of the same test cases.");
        return models.SequenceEqual(theirs.Models.OrderBy(m => m.Model).Select(m => (m.Model, m.Exemplars, m.Queries))) ? theirs : throw new WhenceException(
            $"{file}: its '{testCase}' with prompts '{prompts}' is of other models, exemplars or queries than this run's; compare runs of the same test cases.");
    }

    private static DifferenceResult Result(ResampledMean mean) => new(mean.Value, mean.Interval?.Low, mean.Interval?.High);
}
