using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>A run to be drawn beside others.</summary>
/// <param name="Label">What it is called: its feature space, or what was learned.</param>
/// <param name="Results">What it found.</param>
public sealed record EvaluationRun(string Label, EvaluationResults Results)
{
    /// <summary>True where mappers were applied.</summary>
    internal bool Tuned => Results.Mapper is not null;

    internal Mark Mark => new(Tuned ? PlotStyle.Blue : PlotStyle.Ink, Hollow: !Tuned);

    /// <summary>
    /// Each run's pretrained one: the nearest before it without mappers, where both are of the same models and queries; null for a run without mappers,
    /// or where there is none.
    /// </summary>
    internal static IReadOnlyList<ComparedRun> Compare(IReadOnlyList<EvaluationRun> runs)
    {
        var compared = new List<ComparedRun>();
        EvaluationRun? pretrained = null;
        foreach (var run in runs)
        {
            pretrained = run.Tuned ? pretrained : run;
            compared.Add(new ComparedRun(run, run.Tuned ? pretrained : null, Difference(run, run.Tuned ? pretrained : null) ?? run.Results.Comparison));
        }

        return compared;
    }

    /// <summary>Paired differences; null where the two are not of the same models and queries.</summary>
    internal static ComparisonResult? Difference(EvaluationRun run, EvaluationRun? other)
    {
        try
        {
            return other is null ? null : Comparison.Of(run.Results, other.Results, other.Label);
        }
        catch (WhenceException)
        {
            return null;
        }
    }

    /// <summary>A metric of a test case with prompts of one type, or of the mean over everything (null, null); null where the run has none.</summary>
    internal MetricResult? Find(string? testCase, string? prompts, string key) => testCase is null
        ? Results.Averages.FirstOrDefault(a => a.Prompts == prompts)?.Metrics.GetValueOrDefault(key)
        : Results.Results.FirstOrDefault(r => r.TestCase == testCase && r.Prompts == prompts)?.Metrics.GetValueOrDefault(key);
}

/// <summary>A run, the one that it grew out of, and what it gained.</summary>
internal sealed record ComparedRun(EvaluationRun Run, EvaluationRun? Pretrained, ComparisonResult? Comparison)
{
    public DifferenceResult? Find(string? testCase, string? prompts, string key) => testCase is null
        ? Comparison?.Averages.FirstOrDefault(a => a.Prompts == prompts)?.Differences.GetValueOrDefault(key)
        : Comparison?.Results.FirstOrDefault(r => r.TestCase == testCase && r.Prompts == prompts)?.Differences.GetValueOrDefault(key);
}
