using System.Globalization;
using System.Text;
using Whence.Calibration;

namespace Whence.Reports;

/// <summary>A calibration and what was measured of it as a Markdown page.</summary>
public static class CalibrationMarkdown
{
    /// <summary>Writes the page as UTF-8.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="calibrator">The calibration.</param>
    /// <param name="report">What was measured.</param>
    public static void Write(Stream stream, Calibrator calibrator, CalibrationReport report)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true) { NewLine = "\n" };
        text.WriteLine("# Calibration\n");
        foreach (var fact in Facts(calibrator, report))
        {
            text.WriteLine($"- {EvaluationMarkdown.Escaped(fact)}");
        }

        text.WriteLine("\n## Before and after\n");
        foreach (var part in report.Parts.Count > 1 ? report.Parts.Prepend(report.All) : report.Parts)
        {
            text.WriteLine($"### {EvaluationMarkdown.Escaped(Title(part))}\n");
            text.WriteLine("| | before | after |\n|---|---:|---:|");
            foreach (var (name, before, after) in Rows(part))
            {
                text.WriteLine($"| {name} | {before} | {after} |");
            }

            text.WriteLine();
        }

        text.WriteLine("## Reliability\n");
        text.WriteLine("Does 10 % mean 10 %? Bins of equal predicted mass over all candidates with an influence; observed is their mean truth, 1/n for one of n exemplars, else 0. The expected calibration error is a mean over candidates: where all influences are small, as before, it is small too, and the influence in bins that did not earn it tells more.\n");
        WriteBins(text, report.All.After.Reliability, "candidates");
        if (report.None is { } none)
        {
            text.WriteLine("\n## None of these\n");
            text.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"Mean mass for none: {Format.Percent(none.Present)} where the exemplars are in the index, {Format.Percent(none.Absent)} after they were taken out. Area under the curve {none.Auc:F3}, loss {none.LogLoss:F3} nats (0.693 for a guess).\n"));
            WriteBins(text, none.Reliability, "queries");
        }
    }

    /// <summary>What was fitted and measured, one sentence each.</summary>
    public static IReadOnlyList<string> Facts(Calibrator calibrator, CalibrationReport report)
    {
        ArgumentNullException.ThrowIfNull(calibrator);
        ArgumentNullException.ThrowIfNull(report);
        var facts = new List<string>
        {
            string.Create(
                CultureInfo.InvariantCulture,
                $"tau {calibrator.Tau:G6}, lambda {calibrator.Lambda:G6} (the authors' parameters: inv_tau {1 / calibrator.Tau:G6}, bias {-calibrator.Lambda / Calibrator.BiasGain:G6})"),
        };
        if (calibrator.Lambda > 0)
        {
            facts.Add(string.Create(CultureInfo.InvariantCulture, $"an image further than {calibrator.Tau * Math.Log(1 / calibrator.Lambda):F4} below the best has no influence"));
        }

        if (calibrator.None is { } none)
        {
            facts.Add(string.Create(CultureInfo.InvariantCulture, $"none of these: logit {none.Intercept:G6} {none.Slope:+0.#####;-0.#####} times the best similarity"));
        }

        facts.Add($"encoder: {calibrator.Encoder ?? "nobody says, so that results stay marked uncalibrated"}; mapper: {calibrator.Mapper switch { null => "nobody says", "" => "none, raw features", var mapper => $"SHA-256 {mapper}" }}");
        if (calibrator.Fit is { } fit)
        {
            facts.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"fitted to {fit.Queries:N0} queries of {string.Join(", ", fit.Features.Select(f => f.Name))} against {fit.Distractors:N0} distractors, at most {fit.Top:N0} candidates each, {fit.Steps} steps of {fit.BatchSize:N0} queries, seed {fit.Seed}: Kullback-Leibler divergence {fit.DivergenceBefore:F4} before, {fit.DivergenceAfter:F4} after"));
        }

        facts.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"measured on {report.All.Queries:N0} queries {(report.HeldOut ? "that it was not fitted to" : "that it was fitted to, which flatters it: give others with --test-case")}"));
        if (report.Truncated > 0)
        {
            facts.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"of {report.Truncated:N0} queries even the last of {report.Top:N0} candidates has an influence: distractors beyond have some too, so that influences measured here are a little too large"));
        }

        return [.. facts.Select(fact => ShownText.Clean(fact).ReplaceLineEndings(" "))];
    }

    /// <summary>What a part is about; hidden characters made visible.</summary>
    public static string Title(CalibrationPart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        var name = part.TestCase is null ? "all" : $"{part.TestCase}, {part.Prompts}";
        return ShownText.Clean(string.Create(CultureInfo.InvariantCulture, $"{name}: {part.Queries:N0} {(part.Queries == 1 ? "query" : "queries")}")).ReplaceLineEndings(" ");
    }

    /// <summary>The measures of a part for a table: name, before, after.</summary>
    public static IReadOnlyList<(string Name, string Before, string After)> Rows(CalibrationPart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        return
        [
            Row("KL divergence, nats (with softplus)", m => m.Divergence.ToString("F4", CultureInfo.InvariantCulture)),
            Row("expected calibration error", m => Format.Percent(m.ExpectedCalibrationError)),
            Row("influence in bins that did not earn it", m => Format.Percent(m.MisplacedMass)),
            Row("influence outside the exemplars", m => Format.Percent(m.MassOutside)),
            Row("exemplars at exactly zero", m => Format.Percent(m.ExemplarsAtZero)),
            Row("candidates with an influence, mean", m => m.Nonzero.ToString("N1", CultureInfo.InvariantCulture)),
        ];

        (string, string, string) Row(string name, Func<CalibrationMeasures, string> show) => (name, show(part.Before), show(part.After));
    }

    private static void WriteBins(StreamWriter text, IReadOnlyList<ReliabilityBin> bins, string what)
    {
        text.WriteLine($"| from | to | {what} | predicted | observed |\n|---:|---:|---:|---:|---:|");
        foreach (var bin in bins)
        {
            text.WriteLine($"| {Format.Percent(bin.Low)} | {Format.Percent(bin.High)} | {bin.Count.ToString("N0", CultureInfo.InvariantCulture)} | {Format.Percent(bin.Predicted)} | {Format.Percent(bin.Observed)} |");
        }
    }
}
