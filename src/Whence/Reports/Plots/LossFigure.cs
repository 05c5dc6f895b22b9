using System.Globalization;
using SkiaSharp;

namespace Whence.Reports;

/// <summary>The course of a training of networks: the loss of each stage over its steps.</summary>
public static class LossFigure
{
    private const float PlotWidth = 560;
    private const float PlotHeight = 170;

    /// <summary>Draws the loss on a scale of powers of ten, a panel for each stage.</summary>
    /// <param name="title">What stands above it.</param>
    /// <param name="points">At least one.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static Figure Draw(string title, IReadOnlyList<LossPoint> points)
    {
        ArgumentException.ThrowIfNullOrEmpty(title);
        ArgumentNullException.ThrowIfNull(points);
        ArgumentOutOfRangeException.ThrowIfZero(points.Count, nameof(points));
        var drawing = new Drawing();
        var (left, width) = (PlotStyle.Margin + 46, PlotStyle.Margin + 46 + PlotWidth + PlotStyle.Margin + 60);
        var y = FigureHeader.Draw(drawing, title, "", [], width);
        foreach (var stage in points.GroupBy(p => p.Stage))
        {
            (double X, double Y)[] curve = [.. stage.Where(p => p.Loss > 0).Select(p => ((double)p.Step, Math.Log10(p.Loss)))];
            if (curve.Length == 0)
            {
                continue;
            }

            var x = PlotTicks.Round(0, stage.Max(p => p.Step), 8);
            var axis = PlotTicks.Round(curve.Min(p => p.Y), curve.Max(p => p.Y), 4);
            axis = axis with { Labels = [.. axis.Places.Select(p => Math.Pow(10, p).ToString("G2", CultureInfo.InvariantCulture))] };
            var plot = new PlotPanel(x, axis.Widened(0.02), gridX: false);
            plot.Curve(curve, PlotStyle.Blue);
            drawing.Text($"{Name(stage.Key)}: loss", PlotStyle.Margin, y + 12, PlotStyle.TextSize, PlotStyle.Ink, bold: true);
            drawing.Add(plot, new SKRect(left, y + 26, left + PlotWidth, y + 26 + PlotHeight));
            drawing.Text(stage.Last().Loss.ToString("G3", CultureInfo.InvariantCulture), left + PlotWidth + 8, y + 30 + (float)(PlotHeight * (axis.High - curve[^1].Y) / (axis.High - axis.Low)), PlotStyle.SmallSize, PlotStyle.Blue);
            drawing.Text("step", left + (PlotWidth / 2), y + 26 + PlotHeight + 40, PlotStyle.TextSize, PlotStyle.Muted, align: SKTextAlign.Center);
            y += 26 + PlotHeight + 60;
        }

        return drawing.Finish("training", title, width, y);
    }

    private static string Name(string stage) => stage switch
    {
        "unet" => "U-Net and text encoder",
        "encoder" => "Image and text encoder",
        _ => "Autoencoder",
    };
}
