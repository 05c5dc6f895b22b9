using System.Globalization;
using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>The figures of one or several evaluations, laid out after Figures 5, 6, 7 and 16 of the paper. Numbers come from the results, none is computed anew.</summary>
public static class EvaluationFigures
{
    /// <summary>Name of <see cref="OverviewGains"/>.</summary>
    internal const string GainsName = "gains";

    // Less than this lies on the axis' zero line and is said in words.
    private const double VisibleChance = 0.004;

    private const string Paired = "Paired by model. Where the interval leaves out zero, the difference is more than the choice of models explains.";

    private static readonly LegendEntry Interval = new("95 % interval over models", null, PlotStyle.Ink);
    private static readonly LegendEntry Chance = new("chance", null, PlotStyle.Muted, Dashed: true, Upright: true);
    private static readonly LegendEntry Ceiling = new("ceiling: the most that is possible", null, PlotStyle.Muted, Upright: true);
    private static readonly LegendEntry[] Kinds =
    [
        new("features as they are", new Mark(PlotStyle.Ink, Hollow: true)), new("with mappers", new Mark(PlotStyle.Blue)),
    ];

    /// <summary>One run by itself: every metric of every test case, and of the mean over all.</summary>
    /// <param name="run">The run.</param>
    /// <exception cref="ArgumentException">It has no test case.</exception>
    public static Figure Overview(EvaluationRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var places = Check([run], "map");
        DotPanel[] panels = [.. Keys([run]).Select(key => new DotPanel(EvaluationRow.NameOf(key), "", [.. places.Select(place => Value(run, place, key))]))];
        return DotFigure.Draw("metrics", $"Evaluation of {run.Label}", Facts([run], ""), [.. UsedKinds([run]), .. Legend(panels)], [.. places.Select(p => p.Name)], panels);
    }

    /// <summary>One run against the one that it was compared with: the paired difference of every metric of every test case.</summary>
    /// <param name="run">The run.</param>
    /// <returns>Null where it was compared with none.</returns>
    public static Figure? OverviewGains(EvaluationRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var (places, compared) = (Check([run], "map"), new ComparedRun(run, null, run.Results.Comparison));
        DotPanel[] panels = [.. Keys([run])
            .Select(key => new DotPanel(EvaluationRow.NameOf(key), "", [.. places.Select(place => Difference(compared.Find(place.TestCase, place.Prompts, key)))], Differences: true))
            .Where(p => p.Dots.Any(d => d is not null))];
        return panels.Length == 0 ? null : DotFigure.Draw(
            GainsName, $"{run.Label} minus {ShortName(run.Results.Comparison!.With)}", Paired, DifferenceLegend(panels), [.. places.Select(p => p.Name)], panels);
    }

    /// <summary>Figures 5 and 16: a metric of every run, test case by test case and over all.</summary>
    /// <param name="runs">At least one, in the order in which they are listed.</param>
    /// <param name="key">A mean metric's key (<see cref="EvaluationResults.MetricKeys"/>), not the median rank.</param>
    /// <exception cref="ArgumentException">There is no run, or no run has the metric.</exception>
    public static Figure FeatureSpaces(IReadOnlyList<EvaluationRun> runs, string key)
    {
        var places = Check(runs, key);
        DotPanel[] panels = [.. places.Select(place => new DotPanel(place.Title, place.Note, [.. runs.Select(r => Value(r, place, key))]))];
        return DotFigure.Draw(
            FileName("feature-spaces", key),
            $"{EvaluationRow.NameOf(key)} of {(runs.Count == 1 ? runs[0].Label : $"{runs.Count} feature spaces")}",
            Facts(runs, key),
            [.. UsedKinds(runs), .. Legend(panels)],
            [.. runs.Select(r => r.Label)],
            panels);
    }

    /// <summary>What training gained: each run with mappers minus its own pretrained one, paired model by model.</summary>
    /// <param name="runs">As for <see cref="FeatureSpaces"/>; a run without mappers is the pretrained one of those after it. Where a run names an earlier one that it was compared with and none stands before it, the difference is from that.</param>
    /// <param name="key">As for <see cref="FeatureSpaces"/>.</param>
    /// <returns>Null where no two runs can be paired.</returns>
    public static Figure? Gains(IReadOnlyList<EvaluationRun> runs, string key)
    {
        var places = Check(runs, key);
        var compared = EvaluationRun.Compare(runs).Where(c => c.Comparison is not null).ToArray();
        DotPanel[] panels = [.. places
            .Select(place => new DotPanel(place.Title, place.Note, [.. compared.Select(c => Difference(c.Find(place.TestCase, place.Prompts, key)))], Differences: true))
            .Where(p => p.Dots.Any(d => d is not null))];
        return panels.Length == 0 ? null : DotFigure.Draw(
            FileName(GainsName, key),
            $"{EvaluationRow.NameOf(key)}: difference from the {(compared.Any(c => c.Pretrained is not null) ? "pretrained features" : "run compared with")}",
            Paired,
            DifferenceLegend(panels),
            [.. compared.Select(c => c.Run.Label)],
            panels);
    }

    /// <summary>Figure 7: variants beside the first one, over all test cases, with their paired differences from it.</summary>
    /// <param name="runs">As for <see cref="FeatureSpaces"/>, the variant that others are compared with first.</param>
    /// <param name="key">As for <see cref="FeatureSpaces"/>.</param>
    /// <exception cref="ArgumentException">There is no run, or no run has the metric.</exception>
    public static Figure Ablations(IReadOnlyList<EvaluationRun> runs, string key)
    {
        var place = Check(runs, key)[^1]; // the mean over all where there are several
        var first = runs[0];
        Dot?[] differences = [.. runs.Select((run, i) => i == 0 ? null
            : Difference(new ComparedRun(run, first, EvaluationRun.Difference(run, first)).Find(place.TestCase, place.Prompts, key)))];
        DotPanel[] panels =
        [
            new(EvaluationRow.NameOf(key), place.Name, [.. runs.Select(r => Value(r, place, key))]),
            .. differences.Any(d => d is not null)
                ? [new DotPanel("difference", $"from {first.Label}, paired by model", differences, Differences: true)] : Array.Empty<DotPanel>(),
        ];
        return DotFigure.Draw(
            FileName("ablations", key),
            $"{EvaluationRow.NameOf(key)} of {(runs.Count == 1 ? runs[0].Label : $"{runs.Count} variants")}",
            Facts(runs, key),
            [.. UsedKinds(runs), .. Legend(panels), .. differences.Any(d => d is { Mark.Hollow: true }) ? [Unclear] : Array.Empty<LegendEntry>()],
            [.. runs.Select(r => r.Label)],
            panels);
    }

    /// <summary>The keys that a figure is drawn of: mAP and Recall@K that the first run has.</summary>
    public static IReadOnlyList<string> Keys(IReadOnlyList<EvaluationRun> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        return [.. runs.Count == 0 ? [] : EvaluationResults.MetricKeys(runs[0].Results.RecallAt).Where(k => k == "map" || k.StartsWith("recall@", StringComparison.Ordinal))];
    }

    /// <summary>A place in the results: a test case with prompts of one type, or the mean over all.</summary>
    internal sealed record Place(string? TestCase, string? Prompts, string Title, string Note)
    {
        public string Name => TestCase is null ? $"{Title} {Note}" : $"{TestCase}, {Prompts}";
    }

    /// <summary>The places of all runs in the order in which they first occur, the mean over all last.</summary>
    internal static IReadOnlyList<Place> Check(IReadOnlyList<EvaluationRun> runs, string key)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentException.ThrowIfNullOrEmpty(key);
        var results = runs.SelectMany(r => r.Results.Results).Where(r => r.Metrics.ContainsKey(key)).ToArray();
        if (results.Length == 0 || key == EvaluationResults.MetricKeys([])[^1])
        {
            throw new ArgumentException($"None of {runs.Count} runs has a mean '{key}' of a test case.", nameof(key));
        }

        var averages = runs.SelectMany(r => r.Results.Averages).Where(a => a.Prompts is null && a.Metrics.ContainsKey(key)).ToArray();
        var single = results.Select(r => r.Prompts).Distinct(StringComparer.Ordinal).Count() == 1
            ? runs.SelectMany(r => r.Results.Averages).Where(a => a.Prompts is not null && a.Metrics.ContainsKey(key)).ToArray() : [];
        return
        [
            .. results.DistinctBy(r => (r.TestCase, r.Prompts)).Select(r => new Place(r.TestCase, r.Prompts, r.TestCase, $"prompts: {r.Prompts}")),
            .. averages.Concat(single).Take(1).Select(a => new Place(null, a.Prompts, "mean", $"over {a.Over} {(a.Prompts is null ? "pairs of test case and prompts" : "test cases")}")),
        ];
    }

    internal static string FileName(string figure, string key) => $"{figure}-{key.Replace('@', '-')}";

    internal static string Facts(IReadOnlyList<EvaluationRun> runs, string key)
    {
        long[] counts = [.. runs.Select(r => r.Results.Distractors.Count).Distinct().Order()];
        var chance = runs.SelectMany(r => r.Results.Results).Select(r => r.Metrics.GetValueOrDefault(key)?.Chance).Max() ?? 0;
        return (counts.Length == 1
            ? string.Create(CultureInfo.InvariantCulture, $"A model's own exemplars among {counts[0]:N0} distractors.")
            : string.Create(CultureInfo.InvariantCulture, $"A model's own exemplars among {counts[0]:N0} to {counts[^1]:N0} distractors: runs of different numbers cannot be compared."))
            + (chance is > 0 and < VisibleChance ? $" Chance reaches {EvaluationRow.Value(key, chance)}." : "");
    }

    private static LegendEntry Unclear { get; } = new("interval holds zero", new Mark(PlotStyle.Blue, Hollow: true));

    private static Dot? Value(EvaluationRun run, Place place, string key) => run.Find(place.TestCase, place.Prompts, key) is not { } metric || !double.IsFinite(metric.Value) ? null
        : new Dot(metric.Value, Finite(metric.Low), Finite(metric.High), EvaluationRow.Value(key, metric.Value), run.Mark, Finite(metric.Chance) is >= VisibleChance and var chance ? chance : null, Finite(metric.Ceiling));

    private static Dot? Difference(DifferenceResult? difference) => difference is null || !double.IsFinite(difference.Value) ? null : new Dot(
        difference.Value,
        Finite(difference.Low),
        Finite(difference.High),
        EvaluationRow.Difference(difference.Value).Replace('-', '\u2212'),
        new Mark(PlotStyle.Blue, Hollow: !(difference.Low > 0 || difference.High < 0)));

    private static LegendEntry[] DifferenceLegend(DotPanel[] panels)
    {
        Dot[] dots = [.. panels.SelectMany(p => p.Dots).OfType<Dot>()];
        return
        [
            .. dots.Any(d => !d.Mark.Hollow) ? [new LegendEntry("interval leaves out zero", new Mark(PlotStyle.Blue))] : Array.Empty<LegendEntry>(),
            .. dots.Any(d => d.Mark.Hollow) ? [Unclear] : Array.Empty<LegendEntry>(),
            .. dots.Any(d => d.Low is not null) ? [Interval] : Array.Empty<LegendEntry>(),
        ];
    }

    private static IEnumerable<LegendEntry> UsedKinds(IReadOnlyList<EvaluationRun> runs) => Kinds.Where((_, i) => runs.Any(r => r.Tuned == (i == 1)));

    private static IEnumerable<LegendEntry> Legend(IEnumerable<DotPanel> panels)
    {
        var all = panels.SelectMany(p => p.Dots).OfType<Dot>().ToArray();
        return new[] { (Interval, all.Any(d => d.Low is not null)), (Chance, all.Any(d => d.Chance is not null)), (Ceiling, all.Any(d => d.Ceiling is not null)) }
            .Where(e => e.Item2).Select(e => e.Item1);
    }

    // Every run's file has the same name: its folder tells it.
    private static string ShortName(string file) => string.Join('/', file.Split('/', '\\').Where(part => part.Length > 0).TakeLast(2));

    private static double? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;
}
