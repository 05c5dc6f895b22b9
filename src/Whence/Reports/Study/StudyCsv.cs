using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using Whence.Calibration;
using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>All numbers of a study for spreadsheets (<c>docs/formats.md</c>): RFC 4180, UTF-8, full precision, what is not there empty.</summary>
public static class StudyCsv
{
    private static readonly string[] Options = ["kind", "regularizer", "temperature", "epochs", "batch", "learningRate", "seed"];

    /// <summary>Evaluations: a row for each metric of each test case and average of each variant, with the paired difference from the pretrained features and the paper's own figure.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="outcomes">The outcomes.</param>
    public static void WriteResults(Stream stream, IReadOnlyList<StudyOutcome> outcomes)
    {
        ArgumentNullException.ThrowIfNull(outcomes);
        Write(
            stream,
            ["space", "encoder", "variant", "test_case", "prompts", "count", "metric", "value", "low", "high", "ceiling", "chance", "difference", "difference_low", "difference_high", "paper", "paper_table"],
            outcomes.SelectMany(o => EvaluationRow.Of(o.Results).SelectMany(row => row.Metrics.Select(m => Row(o, row, m.Key, m.Value)))));
    }

    /// <summary>Trainings: a row a variant.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="outcomes">The outcomes.</param>
    public static void WriteTrainings(Stream stream, IReadOnlyList<StudyOutcome> outcomes)
    {
        ArgumentNullException.ThrowIfNull(outcomes);
        Write(
            stream,
            ["space", "variant", "models", "kind", "regularizer", "temperature", "epochs", "batch", "learning_rate", "seed", "kept_epoch", "recall_at", "validation_recall"],
            outcomes.Where(o => o.Training is not null).Select(o => (object?[])
            [
                o.Space, o.Variant, o.Training!.Models, .. Options.Select(o.Training.Options.GetValueOrDefault),
                o.Training.Epoch, o.Training.RecallAt, o.Training.Recall,
            ]));
    }

    /// <summary>Calibrations: a row for each test case and type of prompts, and for all queries, before and after.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="outcomes">The outcomes.</param>
    public static void WriteCalibrations(Stream stream, IReadOnlyList<StudyOutcome> outcomes)
    {
        ArgumentNullException.ThrowIfNull(outcomes);
        Write(
            stream,
            ["space", "variant", "tau", "lambda", "none_intercept", "none_slope", "test_case", "prompts", "queries", "calibration", "kl_divergence", "expected_calibration_error", "misplaced_mass", "mass_outside", "exemplars_at_zero", "nonzero", "none_present", "none_absent", "none_auc", "none_log_loss"],
            from outcome in outcomes
            where outcome.Calibration is not null
            let calibrator = outcome.Calibration!.Value.Calibrator
            let report = outcome.Calibration!.Value.Report
            from part in report.Parts.Prepend(report.All)
            from side in new[] { ("before", part.Before), ("after", part.After) }
            let none = part.TestCase is null && side.Item1 == "after" ? report.None : null
            select (object?[])
            [
                outcome.Space, outcome.Variant, calibrator.Tau, calibrator.Lambda, calibrator.None?.Intercept, calibrator.None?.Slope, part.TestCase, part.Prompts, part.Queries, side.Item1,
                .. Measures(side.Item2), none?.Present, none?.Absent, none?.Auc, none?.LogLoss,
            ]);
    }

    private static object?[] Row(StudyOutcome outcome, EvaluationRow row, string key, MetricResult metric)
    {
        var difference = row.Differences?.GetValueOrDefault(key);
        var paper = PaperTables.Find(outcome.Encoder, outcome.PaperMethod, row.TestCase, row.Prompts, key);
        return
        [
            outcome.Space, outcome.Encoder, outcome.Variant, row.TestCase, row.Prompts, row.Count, key, metric.Value, metric.Low, metric.High, metric.Ceiling, metric.Chance,
            difference?.Value, difference?.Low, difference?.High, paper?.Value, paper?.Table,
        ];
    }

    private static object?[] Measures(CalibrationMeasures m) => [m.Divergence, m.ExpectedCalibrationError, m.MisplacedMass, m.MassOutside, m.ExemplarsAtZero, m.Nonzero];

    private static void Write(Stream stream, string[] header, IEnumerable<object?[]> rows)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        using var csv = new CsvWriter(text, new CsvConfiguration(CultureInfo.InvariantCulture) { InjectionOptions = InjectionOptions.None });
        foreach (var row in rows.Prepend(header))
        {
            foreach (var cell in row)
            {
                csv.WriteField(cell is string words ? CsvReport.Guarded(words) : cell);
            }

            csv.NextRecord();
        }
    }
}
