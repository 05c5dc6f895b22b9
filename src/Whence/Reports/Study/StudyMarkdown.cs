using System.Globalization;
using System.Text;
using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>The report of a study as a Markdown page: what came of it in a sentence a space, tables laid out as the paper's Tables 3 and 4, the same with intervals, trainings, calibrations, figures.</summary>
public static class StudyMarkdown
{
    internal const string Evaluation = "Figures of the evaluation", Ablations = "Figures of the variants", Training = "Training", Calibration = "Calibration", Sheets = "What stands first";

    /// <summary>Writes the page as UTF-8.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="outcomes">Space by space, the features as they are first.</param>
    /// <param name="notes">What a reader has to know of what is not there.</param>
    /// <param name="figures">Figures by section: path without extension, from the page's folder, and title.</param>
    public static void Write(
        Stream stream, IReadOnlyList<StudyOutcome> outcomes, IReadOnlyList<string> notes, IReadOnlyList<(string Section, string Path, string Title)> figures)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(outcomes);
        ArgumentNullException.ThrowIfNull(notes);
        ArgumentNullException.ThrowIfNull(figures);
        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true) { NewLine = "\n" };
        text.WriteLine("# Study of feature spaces\n");
        foreach (var line in Findings(outcomes).Concat(Facts(outcomes)).Concat(notes))
        {
            text.WriteLine($"- {Safe(line)}");
        }

        text.WriteLine("\nA query is an image by a customized model; its candidates are the model's own exemplars and all distractors. R@K: the share of the exemplars that stand among the first K candidates; mAP: mean average precision; median rank: of the best exemplar. Chance is what features that know nothing reach, the ceiling what perfect ones do. In the authors' files prompts of the type `gpt` are captions, `media` (of objects) and `object` (of styles) are procedural.");
        text.WriteLine("\n## Tables, laid out as the paper's Tables 3 and 4\n");
        StudyTables.WriteAsThePaper(text, outcomes);
        text.WriteLine("\n## With intervals, and what training gained\n");
        text.WriteLine("In brackets 95 % intervals over models. A gain is the difference from the pretrained features of the same space, paired by model; where its interval leaves out zero (bold), it is more than the choice of models explains.\n");
        StudyTables.WriteIntervals(text, outcomes);
        Draw(text, figures, Evaluation, heading: true);
        Draw(text, figures, Ablations, heading: true);
        StudyTables.WriteDifferences(text, outcomes);
        if (outcomes.Any(o => o.Training is not null))
        {
            text.WriteLine($"## {Training}\n");
            StudyTables.WriteTrainings(text, outcomes);
            Draw(text, figures, Training, heading: false);
        }

        if (outcomes.Any(o => o.Calibration is not null || o.NotCalibrated is not null))
        {
            text.WriteLine($"## {Calibration}\n");
            text.WriteLine("Before: a plain softmax over similarities (tau 1, lambda 0). KL: divergence from the truth in nats, with softplus. ECE: expected calibration error, does 10 % mean 10 %? It is small too where all influences are small, as before. Misplaced: influence in bins that did not earn it, the better measure of the two there. Outside: influence on images that are no exemplars. At zero: exemplars without any influence.\n");
            StudyTables.WriteCalibrations(text, outcomes);
            Draw(text, figures, Calibration, heading: false);
        }

        if (figures.Any(f => f.Section == Sheets))
        {
            text.WriteLine($"## {Sheets}\n");
            text.WriteLine("Queries drawn at random, one of each model first. Boxed: the exemplars that the model was customized on; the best of them is added with its rank where it is not among the first. Below each image its influence over all candidates, by the calibration of its row's features where there is one.\n");
            Draw(text, figures, Sheets, heading: false, vector: false);
        }

        text.WriteLine("All numbers at full precision: `results.csv`, `trainings.csv`, `calibrations.csv`.");
    }

    /// <summary>Text of others for a page: hidden characters made visible, no line breaks, no markup.</summary>
    internal static string Safe(string text) => EvaluationMarkdown.Escaped(ShownText.Clean(text).ReplaceLineEndings(" "));

    // One a space: what the features reach, what the best variant made of it.
    private static IEnumerable<string> Findings(IReadOnlyList<StudyOutcome> outcomes)
    {
        var key = StudyFolder.Headline(outcomes);
        foreach (var space in outcomes.GroupBy(o => o.Space))
        {
            var pretrained = Overall(space.First());
            var sentence = new StringBuilder(string.Create(
                CultureInfo.InvariantCulture, $"{space.Key}: {EvaluationRow.NameOf(key)} {Number(pretrained, key)} as it is, of at most {EvaluationRow.Value(key, Metric(pretrained, key).Ceiling)}, chance {EvaluationRow.Value(key, Metric(pretrained, key).Chance)} ({pretrained.Title()})"));
            if (space.Skip(1).MaxBy(o => Metric(Overall(o), key).Value) is { } best)
            {
                var row = Overall(best);
                sentence.Append(CultureInfo.InvariantCulture, $"; the best variant, {best.Variant}, reaches {Number(row, key)}");
                if (row.Differences?.GetValueOrDefault(key) is { } gain)
                {
                    var clear = gain.Low is null ? "without an interval, since a test case has fewer than two models"
                        : gain.Low > 0 ? "more than the choice of models explains"
                        : gain.High < 0 ? "a loss that the choice of models does not explain"
                        : "no more than the choice of models explains";
                    sentence.Append(CultureInfo.InvariantCulture, $", a gain of {EvaluationRow.Difference(gain.Value)}{(gain.Low is null ? "" : $" [{EvaluationRow.DifferenceInterval(gain)}]")}, {clear}");
                }
            }

            yield return sentence.ToString();
        }

        static string Number(EvaluationRow row, string key) => StudyTables.WithInterval(key, Metric(row, key));
        static MetricResult Metric(EvaluationRow row, string key) => row.Metrics.First(m => m.Key == key).Value;
    }

    /// <summary>The mean over all, or the only test case.</summary>
    internal static EvaluationRow Overall(StudyOutcome outcome) => EvaluationRow.Of(outcome.Results)[^1];

    private static IEnumerable<string> Facts(IReadOnlyList<StudyOutcome> outcomes)
    {
        foreach (var space in outcomes.GroupBy(o => o.Space))
        {
            var (first, results) = (space.First(), space.First().Results);
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{space.Key}: encoder {first.Encoder ?? "unknown"}, {results.Distractors.Count:N0} distractors ({results.Distractors.Source}), {string.Join(", ", results.Results.GroupBy(r => r.TestCase).Select(t => $"{t.Key} ({Models(t.Max(r => r.Models.Count))}, {t.Sum(r => r.Queries):N0} queries)"))}");
        }

        var bootstrap = outcomes[0].Results.Bootstrap;
        yield return string.Create(CultureInfo.InvariantCulture, $"intervals: {bootstrap.Level:P0} over models, {bootstrap.Resamples:N0} draws, seed {bootstrap.Seed}");
        if (outcomes.Any(StudyTables.HasPaper))
        {
            yield return "rows of the paper are its Tables 3 and 4: the authors' models and prompts among a random million of LAION-400M; only numbers of the same test cases among as many distractors can be compared";
        }
    }

    private static string Models(int count) => count == 1 ? "1 model" : string.Create(CultureInfo.InvariantCulture, $"{count:N0} models");

    private static void Draw(StreamWriter text, IReadOnlyList<(string Section, string Path, string Title)> figures, string section, bool heading, bool vector = true)
    {
        var drawn = figures.Where(f => f.Section == section).ToArray();
        if (drawn.Length > 0 && heading)
        {
            text.WriteLine($"## {section}\n");
        }

        foreach (var (_, path, title) in drawn)
        {
            text.WriteLine($"![{Safe(title)}]({path}.png)\n{(vector ? $"\n[{Safe(title)}, SVG]({path}.svg)\n" : "")}");
        }
    }
}
