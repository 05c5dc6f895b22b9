using System.Text;
using Whence.Evaluation;
using Whence.Files;

namespace Whence.Reports;

/// <summary>The report of a study: <c>report.md</c>, its numbers as CSV, and its figures in <c>figures</c> (<c>docs/formats.md</c>). The same outcomes give the same bytes.</summary>
public static class StudyFolder
{
    /// <summary>The page.</summary>
    public const string PageFile = "report.md";

    private const string FiguresFolder = "figures";
    private const string Reference = "object+style", Ablation = Reference + ",";

    /// <summary>Writes each file beside its place and renames it.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="outcomes">Space by space, the features as they are first.</param>
    /// <param name="against">Test cases to be drawn against each other (Figures 5 and 6), the lower axis first; null for the paper's pairs, or the only two that there are.</param>
    /// <param name="sheets">Sheets, which are copied.</param>
    /// <param name="notes">What a reader has to know of what is not there, a sentence each.</param>
    /// <exception cref="WhenceException">A file cannot be written.</exception>
    public static void Write(string folder, IReadOnlyList<StudyOutcome> outcomes, IReadOnlyList<(string Across, string Up)>? against, IReadOnlyList<StudySheet> sheets, IReadOnlyList<string> notes)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(outcomes);
        ArgumentNullException.ThrowIfNull(sheets);
        ArgumentNullException.ThrowIfNull(notes);
        AtomicFile.Write(Path.Combine(folder, "results.csv"), stream => StudyCsv.WriteResults(stream, outcomes));
        AtomicFile.Write(Path.Combine(folder, "trainings.csv"), stream => StudyCsv.WriteTrainings(stream, outcomes));
        AtomicFile.Write(Path.Combine(folder, "calibrations.csv"), stream => StudyCsv.WriteCalibrations(stream, outcomes));
        EvaluationFolder.Create(Path.Combine(folder, FiguresFolder));
        var figures = new List<(string Section, string Path, string Title)>();
        foreach (var (section, into, figure) in Figures(outcomes, against ?? [.. Pairs(outcomes)]))
        {
            var place = string.Join('/', [FiguresFolder, .. into]);
            EvaluationFolder.Create(Path.Combine(folder, place));
            figure.Save(Path.Combine(folder, place));
            figures.Add((section, $"{place}/{figure.Name}", figure.Title));
        }

        foreach (var sheet in sheets)
        {
            var place = $"{FiguresFolder}/{FolderName(sheet.Space)}/sheets";
            EvaluationFolder.Create(Path.Combine(folder, place));
            var bytes = RegularFile.Guard(sheet.File, () => File.ReadAllBytes(sheet.File));
            AtomicFile.Write(Path.Combine(folder, place, Path.GetFileName(sheet.File)), stream => stream.Write(bytes));
            figures.Add((StudyMarkdown.Sheets, $"{place}/{Path.GetFileNameWithoutExtension(sheet.File)}", $"{sheet.Space}: {Path.GetFileNameWithoutExtension(sheet.File)}"));
        }

        AtomicFile.Write(Path.Combine(folder, PageFile), stream => StudyMarkdown.Write(stream, outcomes, notes, figures));
    }

    /// <summary>The metric that figures and the summary are about: Recall@10 as in the paper's main text, else the first Recall@K.</summary>
    internal static string Headline(IReadOnlyList<StudyOutcome> outcomes) =>
        outcomes[0].Results.RecallAt.Contains(10) ? Metric.Recall(10) : Metric.Recall(outcomes[0].Results.RecallAt[0]);

    /// <summary>Name of a folder after that of a space or a variant: small letters, digits, <c>+ . _</c>, all else hyphens. Empty where no letter or digit is in it.</summary>
    public static string FolderName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var folder = new StringBuilder();
        foreach (var c in name.ToLowerInvariant())
        {
            if (char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '+' or '.' or '_')
            {
                folder.Append(c);
            }
            else if (folder is not [.., '-'])
            {
                folder.Append('-');
            }
        }

        var text = folder.ToString().Trim('-', '.');
        return text.Any(char.IsAsciiLetterOrDigit) ? text : "";
    }

    private static IEnumerable<(string Section, string[] Into, Figure Figure)> Figures(IReadOnlyList<StudyOutcome> outcomes, IReadOnlyList<(string Across, string Up)> pairs)
    {
        var (spaces, headline) = (outcomes.GroupBy(o => o.Space).ToArray(), Headline(outcomes));

        // Ablations have a figure of their own.
        EvaluationRun[] runs = [.. outcomes.Where(o => !IsAblation(o))
            .Select(o => new EvaluationRun(spaces.Length > 1 ? $"{o.Space}, {o.Variant}" : o.Variant, o.Results))];
        foreach (var key in (string[])[headline, Metric.MeanAveragePrecision])
        {
            yield return (StudyMarkdown.Evaluation, [], EvaluationFigures.FeatureSpaces(runs, key));
            if (EvaluationFigures.Gains(runs, key) is { } gains)
            {
                yield return (StudyMarkdown.Evaluation, [], gains);
            }
        }

        foreach (var against in pairs.SelectMany(pair => (Figure?[])[AgainstFigure.Draw(runs, headline, pair.Across, pair.Up), AgainstFigure.Draw(runs, headline, pair.Across, pair.Up, gains: true)]).OfType<Figure>())
        {
            yield return (StudyMarkdown.Evaluation, [], against);
        }

        foreach (var space in spaces)
        {
            foreach (var figure in Ablations(space, headline))
            {
                yield return (StudyMarkdown.Ablations, [FolderName(space.Key)], spaces.Length > 1 ? figure with { Title = $"{space.Key}: {figure.Title}" } : figure);
            }

            foreach (var outcome in space)
            {
                string[] into = [FolderName(space.Key), FolderName(outcome.Variant)];
                foreach (var (section, figure) in Figures(outcome))
                {
                    yield return (section, into, figure with { Title = $"{space.Key}, {outcome.Variant}: {figure.Title}" });
                }
            }
        }
    }

    private static IEnumerable<(string Section, Figure Figure)> Figures(StudyOutcome outcome)
    {
        if (outcome.Training is { } training)
        {
            yield return (StudyMarkdown.Training, TrainingFigure.Draw(training.Curve));
        }

        if (outcome.Calibration is { } calibration)
        {
            yield return (StudyMarkdown.Calibration, CalibrationFigures.Reliability(calibration.Report.All));
            yield return (StudyMarkdown.Calibration, CalibrationFigures.Distribution(calibration.Report.All));
        }
    }

    private static IEnumerable<Figure> Ablations(IEnumerable<StudyOutcome> space, string key) =>
        Compared(space) is { Count: > 1 } runs ? [EvaluationFigures.Ablations(runs, key)] : [];

    /// <summary>Figure 7: the paper's reference, then its ablations and what else was trained on the same models; without it all variants.</summary>
    internal static IReadOnlyList<EvaluationRun> Compared(IEnumerable<StudyOutcome> space)
    {
        var reference = space.FirstOrDefault(o => o.PaperMethod == Reference);
        return [.. space.Where(o => o.Training is not null && (reference is null || o.Training.Models == reference.Training!.Models || IsAblation(o)))
            .OrderBy(o => o != reference).Select(o => new EvaluationRun(o.Variant, o.Results))];
    }

    private static bool IsAblation(StudyOutcome outcome) => outcome.PaperMethod?.StartsWith(Ablation, StringComparison.Ordinal) == true;

    // Figures 5 and 6: the paper's pairs where they are there, else the two test cases that there are.
    private static IEnumerable<(string Across, string Up)> Pairs(IReadOnlyList<StudyOutcome> outcomes)
    {
        string[] cases = [.. outcomes.SelectMany(o => o.Results.Results).Select(r => r.TestCase).Distinct(StringComparer.Ordinal)];
        return cases.Length == 2 ? [(cases[0], cases[1])]
            : new[] { ("test_observed_imagenet", "test_unobserved_imagenet"), ("test_bamfg", "test_artchive") }.Where(p => cases.Contains(p.Item1) && cases.Contains(p.Item2));
    }
}
