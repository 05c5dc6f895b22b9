using Whence.Images;

namespace Whence.Bench.Shapes;

/// <summary>What a picture shows, by colour and area: the colour nearest to that of what is not white, and the shape that it covers best once it is moved and scaled onto it.</summary>
internal static class ShapeCheck
{
    private const int Grid = 24, Fewest = 40;
    private const double LeastOverlap = 0.7;

    private static readonly (string Name, bool[] Mask)[] Templates = [.. Shape.Known.Append(Shape.Unseen).Select(name => (name, Mask(
        ImageDecoder.Decode(Shape.Draw(name, new SkiaSharp.SKColor(0, 0, 0), 32, 32, 28))).Filled!))];

    /// <summary>Colour and shape; the shape is null where none overlaps by 0.7 (intersection over union), both are where there is next to nothing.</summary>
    public static (string? Color, string? Shape, double Overlap) Look(RgbImage image)
    {
        var (mask, color) = Mask(image);
        if (mask is null)
        {
            return default;
        }

        var best = Templates.Select(t => (t.Name, Overlap: Overlap(mask, t.Mask))).MaxBy(t => t.Overlap);
        var nearest = Shape.Colors.MinBy(c => Math.Pow(c.Color.Red - color.R, 2) + Math.Pow(c.Color.Green - color.G, 2) + Math.Pow(c.Color.Blue - color.B, 2)).Name;
        return (nearest, best.Overlap >= LeastOverlap ? best.Name : null, best.Overlap);
    }

    /// <summary>How well a picture covers a shape: intersection over union, 0 to 1.</summary>
    public static double Overlap(RgbImage image, string shape) => Mask(image).Filled is { } mask ? Overlap(mask, Templates.Single(t => t.Name == shape).Mask) : 0;

    // What is not white, its box scaled to the grid (its longer side fills it), and its mean colour.
    private static (bool[]? Filled, (double R, double G, double B) Color) Mask(RgbImage image)
    {
        var points = new List<(int X, int Y)>();
        var (r, g, b) = (0.0, 0.0, 0.0);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
            {
                var pixel = image[x, y];
                if (Math.Min(pixel.R, Math.Min(pixel.G, pixel.B)) < 140)
                {
                    points.Add((x, y));
                    (r, g, b) = (r + pixel.R, g + pixel.G, b + pixel.B);
                }
            }
        }

        if (points.Count < Fewest)
        {
            return (null, default);
        }

        var (left, top, right, bottom) = (points.Min(p => p.X), points.Min(p => p.Y), points.Max(p => p.X) + 1, points.Max(p => p.Y) + 1);
        var side = Math.Max(right - left, bottom - top);
        var (x0, y0) = ((left + right - side) / 2.0, (top + bottom - side) / 2.0);
        var filled = points.ToHashSet();
        var mask = new bool[Grid * Grid];
        for (var i = 0; i < mask.Length; i++)
        {
            mask[i] = filled.Contains(((int)Math.Floor(x0 + (((i % Grid) + 0.5) * side / Grid)), (int)Math.Floor(y0 + (((i / Grid) + 0.5) * side / Grid))));
        }

        return (mask, (r / points.Count, g / points.Count, b / points.Count));
    }

    private static double Overlap(bool[] a, bool[] b) => (double)a.Zip(b).Count(p => p.First && p.Second) / a.Zip(b).Count(p => p.First || p.Second);
}
