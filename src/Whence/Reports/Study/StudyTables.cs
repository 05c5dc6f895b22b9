using System.Globalization;
using Whence.Calibration;
using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>The tables of a study's page.</summary>
internal static class StudyTables
{
    private static readonly int[] PaperRecall = [5, 10, 100];

    /// <summary>Whether the paper has a number of an outcome.</summary>
    public static bool HasPaper(StudyOutcome outcome) =>
        outcome.Results.Results.Any(r => r.Metrics.Keys.Any(key => PaperTables.Find(outcome.Encoder, outcome.PaperMethod, r.TestCase, r.Prompts, key) is not null));

    /// <summary>Two test cases a table, a group of columns for each type of prompts; below a variant the paper's own figures.</summary>
    public static void WriteAsThePaper(StreamWriter text, IReadOnlyList<StudyOutcome> outcomes)
    {
        string[] keys = Keys(outcomes[0].Results.RecallAt);
        var known = PaperTables.TestCases.Keys.ToList();
        var places = outcomes.SelectMany(o => o.Results.Results).Select(r => (r.TestCase, r.Prompts)).Distinct()
            .GroupBy(p => p.TestCase).OrderBy(t => known.IndexOf(t.Key) is >= 0 and var place ? place : known.Count).ToArray(); // stable
        foreach (var table in places.Chunk(2))
        {
            var groups = table.SelectMany(t => t).ToArray();
            text.WriteLine($"**{string.Join(" · ", table.Select(t => PaperTables.TestCases.TryGetValue(t.Key, out var name) ? $"{StudyMarkdown.Safe(t.Key)} ({name})" : StudyMarkdown.Safe(t.Key)))}**\n");
            string[] header = ["features", "method", .. groups.SelectMany(g => keys.Select((key, i) => (i == 0 ? $"{(table.Length > 1 ? $"{StudyMarkdown.Safe(g.TestCase)}, " : "")}{StudyMarkdown.Safe(g.Prompts)}: " : "") + EvaluationRow.NameOf(key)))];
            WriteHeader(text, header, 2);
            foreach (var space in outcomes.GroupBy(o => o.Space))
            {
                foreach (var outcome in space)
                {
                    WriteLine(text, [StudyMarkdown.Safe(space.Key), StudyMarkdown.Safe(outcome.Variant), .. Cells((place, key) => Find(outcome, place, key) is { } metric ? EvaluationRow.Value(key, metric.Value) : "–")]);
                    if (groups.Any(g => keys.Any(key => Paper(outcome, g, key) is not null)))
                    {
                        var number = groups.SelectMany(g => keys.Select(key => Paper(outcome, g, key))).First(p => p is not null)!.Value.Table;
                        WriteLine(text, ["", $"*the paper, Table {number}*", .. Cells((place, key) => Paper(outcome, place, key) is { } paper ? $"*{EvaluationRow.Value(key, paper.Value)}*" : "–")]);
                    }
                }

                WriteLine(text, ["", "ceiling", .. Cells((place, key) => Find(space.First(), place, key) is { } metric ? EvaluationRow.Value(key, metric.Ceiling) : "–")]);
                WriteLine(text, ["", "chance", .. Cells((place, key) => Find(space.First(), place, key) is { } metric ? EvaluationRow.Value(key, metric.Chance) : "–")]);
            }

            text.WriteLine();
            IEnumerable<string> Cells(Func<(string TestCase, string Prompts), string, string> cell) => groups.SelectMany(g => keys.Select(key => cell(g, key)));
        }
    }

    /// <summary>A table for each test case and type of prompts, and each average.</summary>
    public static void WriteIntervals(StreamWriter text, IReadOnlyList<StudyOutcome> outcomes)
    {
        string[] keys = [.. outcomes[0].Results.RecallAt.Select(Metric.Recall), Metric.MeanAveragePrecision];
        var rows = outcomes.Select(o => (Outcome: o, Rows: EvaluationRow.Of(o.Results))).ToArray();
        var places = rows.SelectMany(r => r.Rows).Select(r => (r.TestCase, r.Prompts)).Distinct().OrderBy(p => p.TestCase is not null).ThenBy(p => p.TestCase is null && p.Prompts is not null).ToArray(); // the mean over all first; stable
        foreach (var place in places)
        {
            var here = rows.Select(r => (r.Outcome, Row: r.Rows.FirstOrDefault(row => (row.TestCase, row.Prompts) == place))).Where(r => r.Row is not null).ToArray();
            text.WriteLine($"### {StudyMarkdown.Safe(here[0].Row!.Title())}\n");
            string[] median = here[0].Row!.Metrics.Any(m => m.Key == Metric.MedianRank) ? [Metric.MedianRank] : []; // averages have none, and it has no gain
            WriteHeader(text, ["features", "method", .. keys.SelectMany(key => (string[])[EvaluationRow.NameOf(key), "gain"]), .. median.Select(EvaluationRow.NameOf)], 2);
            foreach (var (outcome, row) in here)
            {
                var metrics = row!.Metrics.ToDictionary();
                WriteLine(text, [StudyMarkdown.Safe(outcome.Space), StudyMarkdown.Safe(outcome.Variant), .. keys.SelectMany(key => (string[])[WithInterval(key, metrics[key]), Gain(row.Differences?.GetValueOrDefault(key))]), .. median.Select(key => WithInterval(key, metrics[key]))]);
            }

            text.WriteLine();
        }
    }

    /// <summary>What figures of the variants show, in numbers: paired differences from the first variant of each space, mean over all.</summary>
    public static void WriteDifferences(StreamWriter text, IReadOnlyList<StudyOutcome> outcomes)
    {
        string[] keys = [StudyFolder.Headline(outcomes), Metric.MeanAveragePrecision];
        var spaces = outcomes.GroupBy(o => o.Space).Select(space => (space.Key, Runs: StudyFolder.Compared(space))).Where(space => space.Runs.Count > 1).ToArray();
        if (spaces.Length == 0)
        {
            return;
        }

        WriteHeader(text, ["features", "difference from", "method", .. keys.Select(EvaluationRow.NameOf)], 3);
        foreach (var (space, runs) in spaces)
        {
            foreach (var run in runs.Skip(1))
            {
                var compared = new ComparedRun(run, runs[0], EvaluationRun.Difference(run, runs[0]));
                var place = EvaluationFigures.Check([run], keys[0])[^1];
                WriteLine(text, [StudyMarkdown.Safe(space), StudyMarkdown.Safe(runs[0].Label), StudyMarkdown.Safe(run.Label), .. keys.Select(key => Gain(compared.Find(place.TestCase, place.Prompts, key)))]);
            }
        }

        text.WriteLine();
    }

    /// <summary>How the variants were trained and which epoch was kept.</summary>
    public static void WriteTrainings(StreamWriter text, IReadOnlyList<StudyOutcome> outcomes)
    {
        WriteHeader(text, ["features", "method", "kind", "models", "epochs", "batch", "regulariser", "kept epoch", "recall on the validation split"], 3);
        foreach (var outcome in outcomes.Where(o => o.Training is not null))
        {
            var training = outcome.Training!;
            WriteLine(text,
            [
                StudyMarkdown.Safe(outcome.Space), StudyMarkdown.Safe(outcome.Variant), Option("kind"), training.Models.ToString("N0", CultureInfo.InvariantCulture), Option("epochs"), Option("batch"), Option("regularizer"),
                training.Epoch == 0 ? "0 (none was better than the start)" : training.Epoch.ToString(CultureInfo.InvariantCulture),
                training.Recall is { } recall ? string.Create(CultureInfo.InvariantCulture, $"{recall:F3} (R@{training.RecallAt})") : "–",
            ]);
            string Option(string name) => training.Options.GetValueOrDefault(name, "–");
        }

        text.WriteLine();
    }

    /// <summary>What calibrating changed, and none of these.</summary>
    public static void WriteCalibrations(StreamWriter text, IReadOnlyList<StudyOutcome> outcomes)
    {
        WriteHeader(text, ["features", "method", "tau", "lambda", "KL", "ECE", "misplaced", "outside", "at zero", "none: there / taken out", "none: AUC"], 2);
        foreach (var outcome in outcomes.Where(o => o.Calibration is not null))
        {
            var (calibrator, report) = outcome.Calibration!.Value;
            var (before, after) = (report.All.Before, report.All.After);
            WriteLine(text,
            [
                StudyMarkdown.Safe(outcome.Space), StudyMarkdown.Safe(outcome.Variant), Format.Parameter(calibrator.Tau), Format.Parameter(calibrator.Lambda),
                string.Create(CultureInfo.InvariantCulture, $"{before.Divergence:F3} → {after.Divergence:F3}"),
                Change(m => m.ExpectedCalibrationError), Change(m => m.MisplacedMass), Change(m => m.MassOutside), Change(m => m.ExemplarsAtZero),
                report.None is { } none ? $"{Format.Percent(none.Present)} / {Format.Percent(none.Absent)}" : "–",
                report.None?.Auc.ToString("F3", CultureInfo.InvariantCulture) ?? "–",
            ]);
            string Change(Func<CalibrationMeasures, double> measure) => $"{Format.Percent(measure(before))} → {Format.Percent(measure(after))}";
        }

        text.WriteLine();
        foreach (var outcome in outcomes.Where(o => o.NotCalibrated is not null))
        {
            text.WriteLine($"- {StudyMarkdown.Safe($"{outcome.Space}, {outcome.Variant}: not calibrated; {outcome.NotCalibrated}")}\n");
        }
    }

    /// <summary>A number and its interval.</summary>
    public static string WithInterval(string key, MetricResult metric) =>
        EvaluationRow.Value(key, metric.Value) + (metric.Low is null ? "" : $" [{EvaluationRow.Interval(key, metric.Low, metric.High)}]");

    private static string Gain(DifferenceResult? difference) => difference switch
    {
        null => "",
        { Low: null } => EvaluationRow.Difference(difference.Value),
        { Low: > 0 } or { High: < 0 } => $"**{EvaluationRow.Difference(difference.Value)}** [{EvaluationRow.DifferenceInterval(difference)}]",
        _ => $"{EvaluationRow.Difference(difference.Value)} [{EvaluationRow.DifferenceInterval(difference)}]",
    };

    // The paper's Recall@K, as far as they were asked for, else all; then mAP.
    private static string[] Keys(IReadOnlyList<int> recallAt)
    {
        int[] shown = [.. recallAt.Intersect(PaperRecall)];
        return [.. (shown.Length > 0 ? shown : [.. recallAt]).Select(Metric.Recall), Metric.MeanAveragePrecision];
    }

    private static MetricResult? Find(StudyOutcome outcome, (string TestCase, string Prompts) place, string key) =>
        outcome.Results.Results.FirstOrDefault(r => (r.TestCase, r.Prompts) == place)?.Metrics.GetValueOrDefault(key);

    private static (double Value, int Table)? Paper(StudyOutcome outcome, (string TestCase, string Prompts) place, string key) =>
        PaperTables.Find(outcome.Encoder, outcome.PaperMethod, place.TestCase, place.Prompts, key);

    private static void WriteHeader(StreamWriter text, string[] names, int words)
    {
        WriteLine(text, names);
        WriteLine(text, names.Select((_, i) => i < words ? "---" : "---:"));
    }

    private static void WriteLine(StreamWriter text, IEnumerable<string> cells) => text.WriteLine($"| {string.Join(" | ", cells)} |");
}
