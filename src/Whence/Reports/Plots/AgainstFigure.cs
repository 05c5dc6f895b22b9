using SkiaSharp;

namespace Whence.Reports;

/// <summary>
/// One test case against another: Figure 5 (left) with objects and styles, Figure 6 with models of the training's own domain and of another. Each
/// feature space is a colour, hollow as it is, filled with mappers, a line from one to the other.
/// </summary>
public static class AgainstFigure
{
    private const float Side = 300;
    private const float Gap = 86;
    private const float WidestLegend = 260;
    private const float LegendPitch = 19;

    /// <summary>Draws a metric on one test case against the same on another, a panel for each type of prompts that both have.</summary>
    /// <param name="runs">As for <see cref="EvaluationFigures.Gains"/>.</param>
    /// <param name="key">As for <see cref="EvaluationFigures.FeatureSpaces"/>.</param>
    /// <param name="across">Name of the test case on the lower axis: objects, or the training's own domain.</param>
    /// <param name="up">Name of the test case on the left axis.</param>
    /// <param name="gains">Whether paired differences from the pretrained run are drawn rather than values: the out-of-domain gain against the in-domain one.</param>
    /// <returns>Null where no type of prompts has both, or no runs can be paired.</returns>
    /// <exception cref="ArgumentException">There is no run, or no run has the metric.</exception>
    public static Figure? Draw(IReadOnlyList<EvaluationRun> runs, string key, string across, string up, bool gains = false)
    {
        var places = EvaluationFigures.Check(runs, key);
        var members = Members(runs).Where(m => !gains || m.Compared.Comparison is not null).ToArray();
        var panels = places.Where(p => p.TestCase == across && p.Prompts is not null && places.Any(q => q.TestCase == up && q.Prompts == p.Prompts))
            .Select(p => (p.Prompts, Points: Points(members, key, across, up, p.Prompts!, gains)))
            .Where(p => p.Points.Count > 0)
            .ToArray();
        return panels.Length == 0 ? null : Draw(members, panels, key, across, up, gains);
    }

    private static Figure Draw(Member[] members, (string? Prompts, List<Point> Points)[] panels, string key, string across, string up, bool gains)
    {
        var left = PlotStyle.Margin + 66;
        var perLine = Math.Min(panels.Length, 2);
        var legendX = left + (perLine * Side) + ((perLine - 1) * Gap) + 30;
        var legendWidth = Math.Min(24 + members.Max(m => PlotFont.Width(PlotFont.Drawable(m.Compared.Run.Label), PlotStyle.TextSize)), WidestLegend);
        var width = legendX + legendWidth + PlotStyle.Margin;
        var drawing = new Drawing();
        var metric = EvaluationRow.NameOf(key);
        var y = FigureHeader.Draw(
            drawing,
            gains ? $"{metric} gained on {up} and on {across}" : $"{metric} on {up} against {across}",
            gains ? "Differences from the pretrained features, paired by model, with 95 % intervals over models. On the dashed line both gain alike."
                : "With 95 % intervals over models. Hollow: features as they are; filled: with mappers; a line leads from one to the other.",
            [],
            width);
        var legendTop = y + 18;
        foreach (var line in panels.Chunk(perLine))
        {
            foreach (var (column, panel) in line.Index())
            {
                var x = left + (column * (Side + Gap));
                drawing.Text(PlotFont.Fit($"prompts: {panel.Prompts}", PlotStyle.TextSize, Side, bold: true), x, y + 12, PlotStyle.TextSize, PlotStyle.Ink, bold: true);
                drawing.Add(Panel(panel.Points, gains), new SKRect(x, y + 24, x + Side, y + 24 + Side));
                drawing.Text(PlotFont.Fit(Axis(across), PlotStyle.TextSize, Side), x + (Side / 2), y + 24 + Side + 38, PlotStyle.TextSize, PlotStyle.Muted, align: SKTextAlign.Center);
                drawing.Text(PlotFont.Fit(Axis(up), PlotStyle.TextSize, Side), x - 50, y + 24 + (Side / 2), PlotStyle.TextSize, PlotStyle.Muted, align: SKTextAlign.Center, turned: -90);
            }

            y += 24 + Side + 62;
        }

        foreach (var (i, member) in members.Index())
        {
            var baseline = legendTop + (i * LegendPitch) + 14;
            drawing.Mark(member.Mark, legendX + 8, baseline - 4);
            drawing.Text(PlotFont.Fit(member.Compared.Run.Label, PlotStyle.TextSize, legendWidth - 24 + 1), legendX + 24, baseline, PlotStyle.TextSize, PlotStyle.Ink);
        }

        var height = Math.Max(y, legendTop + (members.Length * LegendPitch) + PlotStyle.Margin);
        var name = EvaluationFigures.FileName(gains ? "gains-against" : "against", key);
        return drawing.Finish($"{name}-{FileNamePart(up)}-{FileNamePart(across)}", $"{metric}: {up} against {across}", width, height);

        string Axis(string testCase) => gains ? $"gain on {testCase}" : $"{metric} on {testCase}";
    }

    private static PlotPanel Panel(List<Point> points, bool gains)
    {
        double[] all = [.. points.SelectMany(p => p.X.Shown.Concat(p.Y.Shown)), 0];
        var x = gains ? PlotTicks.Round(all.Min(), all.Max(), 6, signed: true).Widened(0.02) : Ticks(points.SelectMany(p => p.X.Shown));
        var y = gains ? x : Ticks(points.SelectMany(p => p.Y.Shown));
        var plot = new PlotPanel(x, y);
        if (gains)
        {
            plot.Line(x.Low, x.Low, x.High, x.High, PlotStyle.Reference, dashed: true);
            plot.Line(0, y.Low, 0, y.High, PlotStyle.Reference);
            plot.Line(x.Low, 0, x.High, 0, PlotStyle.Reference);
        }

        foreach (var point in points)
        {
            if (point.From is { } from)
            {
                plot.Line(from.X, from.Y, point.X.Value, point.Y.Value, point.Mark.Color.WithAlpha(110), 1.5f);
            }

            Interval(point.X, low => plot.Line(low.Low, point.Y.Value, low.High, point.Y.Value, point.Mark.Color.WithAlpha(120), 1.2f));
            Interval(point.Y, low => plot.Line(point.X.Value, low.Low, point.X.Value, low.High, point.Mark.Color.WithAlpha(120), 1.2f));
        }

        foreach (var point in points)
        {
            plot.Point(point.X.Value, point.Y.Value, point.Mark);
        }

        return plot;

        static PlotTicks Ticks(IEnumerable<double> shown) => PlotTicks.Round(shown.Min(), shown.Max(), 5).Widened(0.02);

        static void Interval(Dot dot, Action<(double Low, double High)> draw)
        {
            if (dot is { Low: { } low, High: { } high })
            {
                draw((low, high));
            }
        }
    }

    private static List<Point> Points(Member[] members, string key, string across, string up, string prompts, bool gains)
    {
        var points = new List<Point>();
        foreach (var member in members)
        {
            var (x, y) = (Dot(member, across), Dot(member, up));
            if (x is null || y is null)
            {
                continue;
            }

            var origin = gains || member.Compared.Pretrained is not { } pretrained ? null
                : pretrained.Find(across, prompts, key) is { } fromX && pretrained.Find(up, prompts, key) is { } fromY ? (fromX.Value, fromY.Value) : ((double, double)?)null;
            points.Add(new Point(x, y, member.Mark, origin is { Item1: var a, Item2: var b } && double.IsFinite(a + b) ? (a, b) : null));
        }

        return points;

        Dot? Dot(Member member, string testCase) => gains
            ? member.Compared.Find(testCase, prompts, key) is { } d && double.IsFinite(d.Value) ? new Dot(d.Value, d.Low, d.High, "", member.Mark) : null
            : member.Compared.Run.Find(testCase, prompts, key) is { } m && double.IsFinite(m.Value) ? new Dot(m.Value, m.Low, m.High, "", member.Mark) : null;
    }

    // A feature space is a colour; what was learned on top of it are shapes.
    private static IEnumerable<Member> Members(IReadOnlyList<EvaluationRun> runs)
    {
        var (space, variant) = (-1, 0);
        foreach (var compared in EvaluationRun.Compare(runs))
        {
            var starts = !compared.Run.Tuned || space < 0;
            (space, variant) = starts ? (space + 1, compared.Run.Tuned ? 1 : 0) : (space, variant + 1);
            var shape = (MarkShape)(Math.Max(variant - 1, 0) % Enum.GetValues<MarkShape>().Length);
            yield return new Member(compared, new Mark(PlotStyle.Series[space % PlotStyle.Series.Count], shape, Hollow: !compared.Run.Tuned));
        }
    }

    private static string FileNamePart(string testCase)
    {
        var part = string.Concat(testCase.Select(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' ? c : '_')).Trim('.');
        return part.Length > 40 ? part[..40] : part;
    }

    private sealed record Member(ComparedRun Compared, Mark Mark);

    private sealed record Point(Dot X, Dot Y, Mark Mark, (double X, double Y)? From);
}
