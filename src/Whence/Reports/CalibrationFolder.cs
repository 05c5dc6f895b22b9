using System.Text.Json;
using Whence.Calibration;
using Whence.Encoders;
using Whence.Files;

namespace Whence.Reports;

/// <summary>
/// The files of a calibration's report: <c>fit.csv</c>, <c>influence.csv</c>, <c>reliability.csv</c>, <c>calibration.md</c>, figures in <c>plots</c>, <c>report.json</c>
/// (<c>docs/formats.md</c>).
/// </summary>
public static class CalibrationFolder
{
    /// <summary>Version of the schema of <c>report.json</c>: fields may be added within it, never renamed.</summary>
    public const int Schema = 1;

    private static readonly JsonSerializerOptions JsonOptions = new(SpecJson.Options)
    {
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.Never,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes each file beside its place and renames it, <c>report.json</c> last, so that where this one is new all are.</summary>
    /// <param name="folder">An existing folder; other files in it stay.</param>
    /// <param name="calibrator">The calibration.</param>
    /// <param name="report">What was measured.</param>
    /// <param name="steps">The steps of its fit; null where they are not known.</param>
    /// <exception cref="WhenceException">A file cannot be written.</exception>
    public static void Write(string folder, Calibrator calibrator, CalibrationReport report, IReadOnlyList<CalibrationStep>? steps = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (steps is not null)
        {
            AtomicFile.Write(Path.Combine(folder, "fit.csv"), stream => CalibrationCsv.WriteSteps(stream, steps));
        }

        AtomicFile.Write(Path.Combine(folder, "influence.csv"), stream => CalibrationCsv.WriteDistribution(stream, report));
        AtomicFile.Write(Path.Combine(folder, "reliability.csv"), stream => CalibrationCsv.WriteReliability(stream, report));
        AtomicFile.Write(Path.Combine(folder, "calibration.md"), stream => CalibrationMarkdown.Write(stream, calibrator, report));
        var plots = Path.Combine(folder, EvaluationFolder.PlotsFolder);
        EvaluationFolder.Create(plots);
        CalibrationFigures.Distribution(report.All).Save(plots);
        CalibrationFigures.Reliability(report.All).Save(plots);
        AtomicFile.Write(Path.Combine(folder, "report.json"), stream =>
        {
            JsonSerializer.Serialize(stream, new Content("whence-calibration-report", Schema, calibrator.Tau, calibrator.Lambda, calibrator.None, calibrator.Encoder, calibrator.Mapper, report), JsonOptions);
            stream.WriteByte((byte)'\n');
        });
    }

    private sealed record Content(
        string Format, int Schema, double Tau, double Lambda, NoneOfThese? None, string? Encoder, string? Mapper, CalibrationReport Report);
}
