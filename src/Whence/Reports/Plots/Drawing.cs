using ScottPlot;
using SkiaSharp;

namespace Whence.Reports;

/// <summary>A figure being composed: plots and text at places given in CSS pixels, from the top left.</summary>
internal sealed class Drawing
{
    private const int Scale = 2;
    private readonly List<Action<SKCanvas>> _layers = [];

    /// <summary>Adds a panel.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="data">Where its data lie; tick labels lie outside.</param>
    public void Add(PlotPanel panel, SKRect data)
    {
        const float left = 70, right = 40, bottom = 28, top = 6;
        data = SKRect.Create(MathF.Round(data.Left), MathF.Round(data.Top), MathF.Round(data.Width), MathF.Round(data.Height)); // a clip through a pixel shows
        var outer = new SKRect(data.Left - left, data.Top - top, data.Right + right, data.Bottom + bottom);
        _layers.Insert(0, canvas =>
        {
            // A plot clears the canvas as far as it is not clipped.
            canvas.Save();
            canvas.ClipRect(outer);
            panel.Plot.Layout.Fixed(new PixelPadding(left, right, bottom, top));
            panel.Plot.Render(canvas, new PixelRect(outer.Left, outer.Right, outer.Bottom, outer.Top));
            canvas.Restore();
        });
    }

    /// <summary>Adds text that is known to fit.</summary>
    public void Text(string text, float x, float baseline, float size, SKColor color, bool bold = false, SKTextAlign align = SKTextAlign.Left, float turned = 0)
    {
        if (text.Length == 0)
        {
            return;
        }

        _layers.Add(canvas =>
        {
            using var font = PlotFont.Font(size, bold);
            using var paint = new SKPaint { Color = color, IsAntialias = true };
            canvas.Save();
            canvas.Translate(x, baseline);
            canvas.RotateDegrees(turned);
            canvas.DrawText(text, align == SKTextAlign.Right ? -font.MeasureText(text) : align == SKTextAlign.Center ? -font.MeasureText(text) / 2 : 0, 0, SKTextAlign.Left, font, paint);
            canvas.Restore();
        });
    }

    public void Line(float x1, float y1, float x2, float y2, SKColor color, float width = 1, bool dashed = false) => _layers.Add(canvas =>
    {
        using var dash = dashed ? SKPathEffect.CreateDash([3, 3], 0) : null;
        using var paint = new SKPaint { Color = color, StrokeWidth = width, Style = SKPaintStyle.Stroke, IsAntialias = true, PathEffect = dash };
        canvas.DrawLine(x1, y1, x2, y2, paint);
    });

    public void Rectangle(SKRect place, SKColor color, float outline = 0) => _layers.Add(canvas =>
    {
        using var paint = new SKPaint { Color = color, StrokeWidth = outline, Style = outline > 0 ? SKPaintStyle.Stroke : SKPaintStyle.Fill, IsAntialias = true };
        canvas.DrawRect(place, paint);
    });

    public void Image(SKBitmap bitmap, SKRect place) => _layers.Add(canvas =>
    {
        using var image = SKImage.FromBitmap(bitmap);
        canvas.DrawImage(image, place, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
    });

    public void Mark(Mark mark, float x, float y) => _layers.Add(canvas =>
    {
        using var path = Outline(mark.Shape, x, y, PlotStyle.MarkerSize);
        using var fill = new SKPaint { Color = mark.Hollow ? PlotStyle.Paper : mark.Color, IsAntialias = true };
        using var line = new SKPaint { Color = mark.Color, IsAntialias = true, Style = SKPaintStyle.Stroke, StrokeWidth = PlotPanel.MarkLine };
        canvas.DrawPath(path, fill);
        canvas.DrawPath(path, line);
    });

    /// <summary>Draws everything, bottom up, as PNG and as SVG.</summary>
    public Figure Finish(string name, string title, float width, float height, bool vector = true)
    {
        var (w, h) = ((int)MathF.Ceiling(width), (int)MathF.Ceiling(height));
        using var bitmap = new SKBitmap(new SKImageInfo(w * Scale, h * Scale, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.Scale(Scale);
            Draw(canvas, w, h);
        }

        using var pixels = bitmap.PeekPixels();
        using var png = pixels?.Encode(vector ? new SKPngEncoderOptions(SKPngEncoderFilterFlags.NoFilters, 9) : SKPngEncoderOptions.Default)
            ?? throw new InvalidOperationException($"A picture of {w} x {h} cannot be encoded.");
        using var svg = new MemoryStream();
        if (vector)
        {
            using (var canvas = SKSvgCanvas.Create(new SKRect(0, 0, w, h), svg))
            {
                Draw(canvas, w, h);
            }

            return new Figure(name, title, w, h, png.ToArray(), SvgOutlines.Convert(svg.ToArray(), title, w, h));
        }

        return new Figure(name, title, w, h, png.ToArray(), default);
    }

    private void Draw(SKCanvas canvas, int width, int height)
    {
        using var paper = new SKPaint { Color = PlotStyle.Paper };
        canvas.DrawRect(new SKRect(0, 0, width, height), paper);
        foreach (var layer in _layers)
        {
            layer(canvas);
        }
    }

    private static SKPath Outline(MarkShape shape, float x, float y, float size)
    {
        using var builder = new SKPathBuilder();
        var r = size / 2;
        switch (shape)
        {
            case MarkShape.Circle:
                builder.AddCircle(x, y, r);
                break;
            case MarkShape.Square:
                builder.AddRect(new SKRect(x - (r * 0.9f), y - (r * 0.9f), x + (r * 0.9f), y + (r * 0.9f)));
                break;
            case MarkShape.Triangle:
                builder.AddPoly([new(x, y - r), new(x + r, y + (r * 0.8f)), new(x - r, y + (r * 0.8f))], true);
                break;
            default:
                builder.AddPoly([new(x, y - (r * 1.2f)), new(x + (r * 1.2f), y), new(x, y + (r * 1.2f)), new(x - (r * 1.2f), y)], true);
                break;
        }

        return builder.Detach();
    }
}
