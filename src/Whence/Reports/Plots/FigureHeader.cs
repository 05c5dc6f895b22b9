namespace Whence.Reports;

/// <summary>Title, explanation and legend above a figure.</summary>
internal static class FigureHeader
{
    private const float Symbol = 22;

    /// <summary>Draws them.</summary>
    /// <returns>Where the figure goes on below.</returns>
    public static float Draw(Drawing drawing, string title, string subtitle, IReadOnlyList<LegendEntry> legend, float width)
    {
        var room = width - (2 * PlotStyle.Margin);
        var y = PlotStyle.Margin + 12;
        drawing.Text(PlotFont.Fit(title, PlotStyle.TitleSize, room, bold: true), PlotStyle.Margin, y, PlotStyle.TitleSize, PlotStyle.Ink, bold: true);
        y += 22;
        foreach (var line in subtitle.Length == 0 ? [] : PlotFont.Wrap(subtitle, PlotStyle.TextSize, room))
        {
            drawing.Text(line, PlotStyle.Margin, y, PlotStyle.TextSize, PlotStyle.Muted);
            y += 17;
        }

        y += legend.Count > 0 ? 6 : 0;
        var x = PlotStyle.Margin;
        foreach (var entry in legend)
        {
            var text = PlotFont.Fit(entry.Text, PlotStyle.SmallSize, room - Symbol);
            var needed = Symbol + PlotFont.Width(text, PlotStyle.SmallSize) + 18;
            if (x > PlotStyle.Margin && x + needed - 18 > width - PlotStyle.Margin)
            {
                (x, y) = (PlotStyle.Margin, y + 18);
            }

            DrawSymbol(drawing, entry, x, y - 4);
            drawing.Text(text, x + Symbol, y, PlotStyle.SmallSize, PlotStyle.Muted);
            x += needed;
        }

        return y + (legend.Count > 0 ? 26 : 10);
    }

    /// <summary>Draws what stands before an entry's words, about 16 wide.</summary>
    public static void DrawSymbol(Drawing drawing, LegendEntry entry, float x, float middle)
    {
        if (entry.Mark is { } mark)
        {
            drawing.Mark(mark, x + 8, middle);
        }
        else if (entry.Upright)
        {
            drawing.Line(x + 8, middle - 7, x + 8, middle + 7, entry.Color, 1.5f, entry.Dashed);
        }
        else
        {
            drawing.Line(x, middle, x + 16, middle, entry.Color, 2, entry.Dashed);
        }
    }
}
