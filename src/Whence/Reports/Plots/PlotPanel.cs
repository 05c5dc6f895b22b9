using ScottPlot;
using SkiaSharp;

namespace Whence.Reports;

/// <summary>A pair of axes with what is drawn between them.</summary>
internal sealed class PlotPanel
{
    public const float MarkLine = 1.6f;
    public const float IntervalLine = 1.8f;

    /// <summary>Empty axes.</summary>
    /// <param name="x">The lower axis.</param>
    /// <param name="y">The left axis.</param>
    /// <param name="gridX">Whether lines go up from the places of the lower axis.</param>
    /// <param name="gridY">Whether lines go across from the places of the left axis.</param>
    public PlotPanel(PlotTicks x, PlotTicks y, bool gridX = true, bool gridY = true)
    {
        PlotFont.Use();
        Plot.FigureBackground.Color = PlotStyle.Plot(PlotStyle.Paper);
        Plot.DataBackground.Color = PlotStyle.Plot(PlotStyle.Paper);
        Plot.Axes.Frame(false);
        Plot.Axes.Left.SetTicks([.. y.Places], [.. y.Labels]);
        Plot.Axes.Bottom.SetTicks([.. x.Places], [.. x.Labels]);
        foreach (var axis in new IAxis[] { Plot.Axes.Left, Plot.Axes.Bottom })
        {
            axis.MajorTickStyle.Length = 0;
            axis.MinorTickStyle.Length = 0;
            axis.TickLabelStyle.FontName = PlotFont.Family;
            axis.TickLabelStyle.FontSize = PlotStyle.SmallSize;
            axis.TickLabelStyle.ForeColor = PlotStyle.Plot(PlotStyle.Muted);
        }

        Plot.Grid.XAxisStyle.IsVisible = gridX;
        Plot.Grid.YAxisStyle.IsVisible = gridY;
        Plot.Grid.MajorLineColor = PlotStyle.Plot(PlotStyle.Grid);
        Plot.Grid.MajorLineWidth = 1;
        Plot.Axes.SetLimits(x.Low, x.High, y.Low, y.High);
    }

    public Plot Plot { get; } = new();

    public void Line(double x1, double y1, double x2, double y2, SKColor color, float width = 1, bool dashed = false)
    {
        var line = Plot.Add.Line(x1, y1, x2, y2);
        line.LineColor = PlotStyle.Plot(color);
        line.LineWidth = width;
        line.LinePattern = dashed ? LinePattern.DenselyDashed : LinePattern.Solid;
        line.MarkerStyle = MarkerStyle.None;
    }

    public void Curve(IReadOnlyList<(double X, double Y)> points, SKColor color, float width = 2, bool dashed = false)
    {
        var line = Plot.Add.ScatterLine(points.Select(p => new Coordinates(p.X, p.Y)).ToArray(), PlotStyle.Plot(color));
        line.LineWidth = width;
        line.LinePattern = dashed ? LinePattern.DenselyDashed : LinePattern.Solid;
    }

    public void Area(double left, double right, double bottom, double top, SKColor color)
    {
        var area = Plot.Add.Rectangle(left, right, bottom, top);
        area.FillColor = PlotStyle.Plot(color);
        area.LineWidth = 0;
    }

    public void Point(double x, double y, Mark mark, float size = PlotStyle.MarkerSize)
    {
        var point = Plot.Add.Marker(x, y, mark.Shape switch
        {
            MarkShape.Square => MarkerShape.FilledSquare,
            MarkShape.Triangle => MarkerShape.FilledTriangleUp,
            MarkShape.Diamond => MarkerShape.FilledDiamond,
            _ => MarkerShape.FilledCircle,
        }, size);
        point.MarkerStyle.FillColor = PlotStyle.Plot(mark.Hollow ? PlotStyle.Paper : mark.Color);
        point.MarkerStyle.OutlineColor = PlotStyle.Plot(mark.Color);
        point.MarkerStyle.OutlineWidth = MarkLine;
    }
}
