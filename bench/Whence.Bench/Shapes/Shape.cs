using SkiaSharp;

namespace Whence.Bench.Shapes;

/// <summary>Shapes in colours, drawn by Skia on white.</summary>
internal static class Shape
{
    public const int Size = 64;

    /// <summary>What the generator is trained on.</summary>
    public static readonly string[] Known = ["circle", "square", "triangle", "diamond", "cross", "ring", "frame", "bar", "pillar", "half"];

    /// <summary>What it never sees.</summary>
    public const string Unseen = "arrow";

    public static readonly (string Name, SKColor Color)[] Colors =
    [
        ("red", new(0xE0, 0x20, 0x20)), ("green", new(0x20, 0xA0, 0x30)), ("blue", new(0x20, 0x40, 0xE0)), ("yellow", new(0xF0, 0xC8, 0x10)), ("purple", new(0x90, 0x20, 0xB0)), ("black", new(0x18, 0x18, 0x18)),
    ];

    /// <summary>Draws a shape.</summary>
    /// <param name="name">One of the known ones, or the unseen one.</param>
    /// <param name="color">Its colour.</param>
    /// <param name="x">Middle, in pixels.</param>
    /// <param name="y">Middle, in pixels.</param>
    /// <param name="radius">Half of its larger side.</param>
    /// <returns>A PNG file.</returns>
    public static byte[] Draw(string name, SKColor color, float x, float y, float radius)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(Size, Size, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(bitmap))
        using (var paint = new SKPaint { Color = color, IsAntialias = true })
        {
            canvas.Clear(SKColors.White);
            canvas.Translate(x, y);
            canvas.Scale(radius);
            Paint(canvas, paint, name);
        }

        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    // From -1 to 1.
    private static void Paint(SKCanvas canvas, SKPaint paint, string name)
    {
        switch (name)
        {
            case "circle":
                canvas.DrawCircle(0, 0, 1, paint);
                break;
            case "square":
                canvas.DrawRect(new SKRect(-1, -1, 1, 1), paint);
                break;
            case "triangle":
                Polygon((0, -1), (1, 1), (-1, 1));
                break;
            case "diamond":
                Polygon((0, -1), (1, 0), (0, 1), (-1, 0));
                break;
            case "cross":
                canvas.DrawRect(new SKRect(-1, -0.3f, 1, 0.3f), paint);
                canvas.DrawRect(new SKRect(-0.3f, -1, 0.3f, 1), paint);
                break;
            case "ring":
                paint.IsStroke = true;
                paint.StrokeWidth = 0.4f;
                canvas.DrawCircle(0, 0, 0.8f, paint);
                break;
            case "frame":
                paint.IsStroke = true;
                paint.StrokeWidth = 0.4f;
                canvas.DrawRect(new SKRect(-0.8f, -0.8f, 0.8f, 0.8f), paint);
                break;
            case "bar":
                canvas.DrawRect(new SKRect(-1, -0.4f, 1, 0.4f), paint);
                break;
            case "pillar":
                canvas.DrawRect(new SKRect(-0.4f, -1, 0.4f, 1), paint);
                break;
            case "half":
                canvas.DrawArc(new SKRect(-1, -0.5f, 1, 1.5f), 180, 180, true, paint);
                break;
            case "arrow":
                Polygon((0, -1), (0.9f, 0.1f), (0.35f, 0.1f), (0.35f, 1), (-0.35f, 1), (-0.35f, 0.1f), (-0.9f, 0.1f));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(name), name, null);
        }

        void Polygon(params (float X, float Y)[] points)
        {
            using var path = new SKPathBuilder();
            path.AddPoly([.. points.Select(p => new SKPoint(p.X, p.Y))], true);
            using var outline = path.Detach();
            canvas.DrawPath(outline, paint);
        }
    }
}
