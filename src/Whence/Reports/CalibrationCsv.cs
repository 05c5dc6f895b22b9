using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using Whence.Calibration;

namespace Whence.Reports;

/// <summary>
/// The data of a calibration's plots for spreadsheets: RFC 4180, UTF-8, numbers at full precision. Rows of all queries have an empty test case and type of prompts.
/// </summary>
public static class CalibrationCsv
{
    /// <summary>Reliability diagrams: <c>test_case, prompts, calibration (before or after), low, high, count, predicted, observed</c>.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="report">The report.</param>
    public static void WriteReliability(Stream stream, CalibrationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        Write(stream, ["test_case", "prompts", "calibration", "low", "high", "count", "predicted", "observed"], csv =>
        {
            foreach (var (part, when, measures) in Each(report))
            {
                foreach (var bin in measures.Reliability)
                {
                    WriteRow(csv, part, [when, bin.Low, bin.High, bin.Count, bin.Predicted, bin.Observed]);
                }
            }
        });
    }

    /// <summary>Distributions of influence (Figure 11): <c>test_case, prompts, calibration, above, up_to, candidates, exemplars</c>; the row of exactly zero has 0 and 0.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="report">The report.</param>
    public static void WriteDistribution(Stream stream, CalibrationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        Write(stream, ["test_case", "prompts", "calibration", "above", "up_to", "candidates", "exemplars"], csv =>
        {
            foreach (var (part, when, measures) in Each(report))
            {
                var distribution = measures.Distribution;
                WriteRow(csv, part, [when, 0, 0, distribution.Zero, distribution.ExemplarsZero]);
                for (var i = 0; i < distribution.Edges.Count; i++)
                {
                    WriteRow(csv, part, [when, i == 0 ? 0 : distribution.Edges[i - 1], distribution.Edges[i], distribution.Counts[i], distribution.ExemplarCounts[i]]);
                }
            }
        });
    }

    /// <summary>The fit: <c>step, loss, inv_tau, bias, tau, lambda</c>, values before the step's update.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="steps">The steps.</param>
    public static void WriteSteps(Stream stream, IReadOnlyList<CalibrationStep> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        Write(stream, ["step", "loss", "inv_tau", "bias", "tau", "lambda"], csv =>
        {
            foreach (var step in steps)
            {
                WriteFields(csv, [step.Step, step.Loss, step.InverseTau, step.Bias, 1 / step.InverseTau, -Calibrator.BiasGain * step.Bias]);
            }
        });
    }

    private static IEnumerable<(CalibrationPart Part, string When, CalibrationMeasures Measures)> Each(CalibrationReport report) =>
        report.Parts.Prepend(report.All).SelectMany(part => new[] { (part, "before", part.Before), (part, "after", part.After) });

    private static void WriteRow(CsvWriter csv, CalibrationPart part, object[] values) =>
        WriteFields(csv, [CsvReport.Guarded(part.TestCase ?? ""), CsvReport.Guarded(part.Prompts ?? ""), .. values]);

    private static void WriteFields(CsvWriter csv, object[] values)
    {
        foreach (var value in values)
        {
            csv.WriteField(value);
        }

        csv.NextRecord();
    }

    private static void Write(Stream stream, string[] header, Action<CsvWriter> write)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        using var csv = new CsvWriter(text, new CsvConfiguration(CultureInfo.InvariantCulture) { InjectionOptions = InjectionOptions.None });
        WriteFields(csv, header);
        write(csv);
    }
}
