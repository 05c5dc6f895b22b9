using Whence.Datasets;

namespace Whence.Evaluation;

/// <summary>From ranks to what is reported: means over queries, intervals over models, averages over test cases.</summary>
public static class Summary
{
    /// <summary>Summarises test cases.</summary>
    /// <param name="testCases">At least one, each with a name of its own.</param>
    /// <param name="distractors">The distractors.</param>
    /// <param name="options">What the ranks were computed with.</param>
    /// <param name="compareWith">Results of an earlier run and their file, to be compared with; null for none.</param>
    /// <exception cref="WhenceException">Two test cases have one name, or the earlier run is of other test cases.</exception>
    public static EvaluationResults Of(
        IReadOnlyList<TestCaseRanks> testCases,
        DistractorInfo distractors,
        EvaluationOptions options,
        (EvaluationResults Results, string File)? compareWith = null)
    {
        ArgumentNullException.ThrowIfNull(testCases);
        ArgumentNullException.ThrowIfNull(distractors);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        CheckNames([.. testCases.Select(t => t.Name)]);
        var metrics = Metric.All(options.RecallAt);
        var random = new Random(options.Seed);
        var (results, rows) = (new List<PromptResult>(), new List<ResampledRow>());
        foreach (var testCase in testCases)
        {
            // One draw for all types of prompts: the same models answered them.
            var bootstrap = new Bootstrap(testCase.Exemplars.Count, options.Resamples, random);
            foreach (var prompt in testCase.Prompts)
            {
                var (result, row) = Summarise(testCase, prompt, metrics, bootstrap, distractors.Count);
                results.Add(result);
                rows.Add(row);
            }
        }

        var summary = new EvaluationResults
        {
            Distractors = distractors,
            Mapper = options.Mapper is { } mapper ? new MapperInfo(mapper.Name, mapper.Sha256) : null,
            RecallAt = options.RecallAt,
            Bootstrap = new BootstrapInfo(Bootstrap.Level, options.Resamples, options.Seed),
            Results = results,
            Averages = [.. Averages.Of(rows).Select(average => Average(average.Prompts, average.Rows, average.Means, results))],
        };
        return compareWith is { } other ? summary with { Comparison = Comparison.Of(summary, other.Results, other.File) } : summary;
    }

    /// <summary>Refuses test cases that could not be told apart in results.</summary>
    /// <exception cref="WhenceException">Two have one name.</exception>
    public static void CheckNames(IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        if (names.GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new WhenceException($"Two test cases are called '{twice.Key}' after their files; give the files different names.");
        }
    }

    /// <summary>Refuses an earlier run that results of test cases could not be compared with, before anything is ranked.</summary>
    /// <param name="earlier">The earlier run and its file.</param>
    /// <param name="distractors">N of this run.</param>
    /// <param name="testCases">The test cases of this run.</param>
    /// <exception cref="WhenceException">They are not of the same models, queries and number of distractors.</exception>
    public static void CheckComparable((EvaluationResults Results, string File) earlier, long distractors, IReadOnlyList<TestCaseFeatures> testCases)
    {
        ArgumentNullException.ThrowIfNull(testCases);
        Comparison.Check(earlier.Results, earlier.File, distractors, testCases);
    }

    private static (PromptResult Result, ResampledRow Row) Summarise(
        TestCaseRanks testCase, PromptRanks prompt, Metric[] metrics, Bootstrap bootstrap, long distractors)
    {
        var exemplars = testCase.Exemplars;
        var queries = new int[exemplars.Count];
        foreach (var query in prompt.Queries)
        {
            queries[query.Model]++;
        }

        var (means, sums, results) = (new Dictionary<string, ResampledMean>(), new Dictionary<string, double[]>(), new Dictionary<string, MetricResult>());
        var several = queries.Count(q => q > 0) > 1;
        foreach (var metric in metrics)
        {
            var sum = sums[metric.Key] = new double[exemplars.Count];
            var total = 0.0;
            foreach (var query in prompt.Queries)
            {
                var value = metric.Of(query.Sorted);
                sum[query.Model] += value;
                total += value;
            }

            var mean = means[metric.Key] = new ResampledMean(total / prompt.Queries.Count, several ? bootstrap.Means(sum, queries) : null);
            results[metric.Key] = Result(mean.Value, mean.Interval, Mean(metric.Ceiling), Mean(n => metric.Chance(n, distractors)));
        }

        (long Value, int Model)[] best = [.. prompt.Queries.Select(q => (q.Sorted[0], q.Model)).OrderBy(q => q.Item1)];
        results[Metric.MedianRank] = Result(
            (best[(best.Length - 1) / 2].Value + best[best.Length / 2].Value) / 2.0,
            several ? Bootstrap.Interval(bootstrap.Medians(best, queries)) : null,
            ceiling: 1,
            Chance.MedianRank(prompt.Queries.Select(q => exemplars[q.Model]), distractors));
        var models = Enumerable.Range(0, exemplars.Count).Where(m => queries[m] > 0).Select(m => new ModelResult(
            m, exemplars[m], queries[m], metrics.ToDictionary(metric => metric.Key, metric => sums[metric.Key][m] / queries[m])));
        return (
            new PromptResult(testCase.Name, prompt.Type, prompt.Queries.Count, results, [.. models]),
            new ResampledRow(testCase.Name, prompt.Type, means));

        // Over queries, as the metric itself.
        double Mean(Func<int, double> ofExemplars) =>
            Enumerable.Range(0, exemplars.Count).Where(m => queries[m] > 0).Sum(m => queries[m] * ofExemplars(exemplars[m])) / prompt.Queries.Count;
    }

    private static AverageResult Average(
        string? prompts, ResampledRow[] rows, IReadOnlyDictionary<string, ResampledMean> means, IReadOnlyList<PromptResult> results)
    {
        var averaged = results.Where(r => rows.Any(row => row.TestCase == r.TestCase && row.Prompts == r.Prompts)).ToArray();
        return new AverageResult(prompts, rows.Length, means.ToDictionary(mean => mean.Key, mean => Result(
            mean.Value.Value,
            mean.Value.Interval,
            averaged.Average(r => r.Metrics[mean.Key].Ceiling),
            averaged.Average(r => r.Metrics[mean.Key].Chance))));
    }

    private static MetricResult Result(double value, (double Low, double High)? interval, double ceiling, double chance) =>
        new(value, interval?.Low, interval?.High, ceiling, chance);
}
