using SkiaSharp;

namespace Whence.Reports;

/// <summary>A number with its interval, and what it is to be compared with.</summary>
/// <param name="Value">The number.</param>
/// <param name="Low">Lower end of its interval, or null.</param>
/// <param name="High">Upper end.</param>
/// <param name="Text">How it is written.</param>
/// <param name="Mark">How it is drawn.</param>
/// <param name="Chance">What chance reaches, or null.</param>
/// <param name="Ceiling">The most that it can be, or null.</param>
internal sealed record Dot(double Value, double? Low, double? High, string Text, Mark Mark, double? Chance = null, double? Ceiling = null)
{
    public IEnumerable<double> Shown => new[] { Value, Low, High, Chance, Ceiling }.OfType<double>();
}

/// <summary>A panel of a <see cref="DotFigure"/>: one dot a row.</summary>
/// <param name="Title">First line above it.</param>
/// <param name="Note">Second line.</param>
/// <param name="Dots">One a row, null where there is none.</param>
/// <param name="Differences">Whether zero lies within, and not at the left end.</param>
internal sealed record DotPanel(string Title, string Note, IReadOnlyList<Dot?> Dots, bool Differences = false);

/// <summary>What a legend says.</summary>
/// <param name="Text">The words.</param>
/// <param name="Mark">A point, or null for a line.</param>
/// <param name="Color">Of the line.</param>
/// <param name="Dashed">Whether the line is dashed.</param>
/// <param name="Upright">Whether the line stands.</param>
internal sealed record LegendEntry(string Text, Mark? Mark, SKColor Color = default, bool Dashed = false, bool Upright = false);

/// <summary>Numbers as dots with intervals: rows are runs, panels side by side share the axis. Read across to compare runs, down to compare panels.</summary>
internal static class DotFigure
{
    private const float Widest = 1060;
    private const float NumberWidth = 50;
    private const float Gap = 22;
    private const float PanelFooter = 32;

    // The axis goes on a little beyond its ends, so that a point there is whole.
    private const float Beyond = 0.03f;

    /// <summary>Draws it.</summary>
    /// <param name="name">Name of its files.</param>
    /// <param name="title">Its title.</param>
    /// <param name="subtitle">What is to be known to read it.</param>
    /// <param name="legend">The legend.</param>
    /// <param name="rows">Names of the rows, at least one.</param>
    /// <param name="panels">At least one; those of differences have an axis of their own.</param>
    public static Figure Draw(string name, string title, string subtitle, IReadOnlyList<LegendEntry> legend, IReadOnlyList<string> rows, IReadOnlyList<DotPanel> panels)
    {
        var textSize = rows.Count > 30 ? PlotStyle.SmallSize - 1 : PlotStyle.TextSize;
        float pitch = rows.Count switch { <= 12 => 26, <= 30 => 20, _ => 16 };
        var labelWidth = Math.Clamp(rows.Max(r => PlotFont.Width(PlotFont.Drawable(r), textSize)), 40, 250);
        var left = PlotStyle.Margin + labelWidth + 14;
        var perLine = (int)Math.Ceiling(panels.Count / Math.Ceiling(panels.Count / 4.0));
        var plotWidth = Math.Clamp(((Widest - left - PlotStyle.Margin) / perLine) - NumberWidth - Gap, 120, perLine == 1 ? 420 : 260);
        var width = Math.Max(left + (perLine * (plotWidth + NumberWidth + Gap)) - Gap + PlotStyle.Margin, 560);

        var drawing = new Drawing();
        var y = FigureHeader.Draw(drawing, title, subtitle, legend, width);
        var axes = panels.ToLookup(p => p.Differences).ToDictionary(g => g.Key, g => Axis([.. g], g.Key));
        var header = panels.All(p => p.Note.Length == 0) ? 22 : 40;
        foreach (var line in panels.Chunk(perLine))
        {
            var (top, bottom) = (y + header, y + header + (rows.Count * pitch));
            for (var row = 0; row < rows.Count; row++)
            {
                var baseline = top + ((row + 0.5f) * pitch) + (textSize * 0.36f);
                drawing.Text(PlotFont.Fit(rows[row], textSize, labelWidth), left - 14, baseline, textSize, PlotStyle.Ink, align: SKTextAlign.Right);
            }

            foreach (var (column, panel) in line.Index())
            {
                var x = left + (column * (plotWidth + NumberWidth + Gap));
                var room = plotWidth + NumberWidth;
                var inset = plotWidth * Beyond / (1 + (2 * Beyond));
                drawing.Text(PlotFont.Fit(panel.Title, PlotStyle.TextSize, room - inset, bold: true), x + inset, y + 12, PlotStyle.TextSize, PlotStyle.Ink, bold: true);
                drawing.Text(PlotFont.Fit(panel.Note, PlotStyle.SmallSize, room - inset), x + inset, y + 28, PlotStyle.SmallSize, PlotStyle.Muted);
                drawing.Add(Panel(panel, axes[panel.Differences], rows.Count), new SKRect(x, top, x + plotWidth, bottom));
                foreach (var (row, dot) in panel.Dots.Index())
                {
                    var baseline = top + ((row + 0.5f) * pitch) + (PlotStyle.SmallSize * 0.36f);
                    drawing.Text(dot?.Text ?? "–", x + room, baseline, Math.Min(PlotStyle.SmallSize, textSize), PlotStyle.Muted, align: SKTextAlign.Right);
                }
            }

            y = bottom + PanelFooter;
        }

        return drawing.Finish(name, title, width, y + 6);
    }

    private static PlotTicks Axis(DotPanel[] panels, bool differences)
    {
        var shown = panels.SelectMany(p => p.Dots).OfType<Dot>().SelectMany(d => d.Shown).DefaultIfEmpty(1).ToArray();
        return PlotTicks.Round(Math.Min(0, shown.Min()), Math.Max(differences ? 0 : 1e-6, shown.Max()), differences ? 4 : 5, differences).Widened(Beyond);
    }

    private static PlotPanel Panel(DotPanel panel, PlotTicks axis, int rows)
    {
        var plot = new PlotPanel(axis, new PlotTicks(-0.5, rows - 0.5, [], []), gridY: false);
        plot.Line(0, -0.5, 0, rows - 0.5, PlotStyle.Reference);
        References(plot, panel.Dots, d => d.Ceiling, dashed: false);
        References(plot, panel.Dots, d => d.Chance, dashed: true);
        foreach (var (row, dot) in panel.Dots.Index())
        {
            double y = rows - 1 - row; // the first row on top
            if (dot is { Low: { } low, High: { } high })
            {
                plot.Line(low, y, high, y, dot.Mark.Color, PlotPanel.IntervalLine);
            }

            if (dot is not null)
            {
                plot.Point(dot.Value, y, dot.Mark, rows > 30 ? 7 : PlotStyle.MarkerSize);
            }
        }

        return plot;
    }

    // One line through all rows that have the same.
    private static void References(PlotPanel plot, IReadOnlyList<Dot?> dots, Func<Dot, double?> value, bool dashed)
    {
        for (var row = 0; row < dots.Count;)
        {
            var (first, place) = (row, dots[row] is { } dot ? value(dot) : null);
            while (++row < dots.Count && (dots[row] is { } next ? value(next) : null) == place)
            {
            }

            if (place is { } x)
            {
                plot.Line(x, dots.Count - 0.5 - first, x, dots.Count - 0.5 - row, PlotStyle.Muted, 1.5f, dashed);
            }
        }
    }
}
