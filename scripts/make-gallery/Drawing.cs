using SkiaSharp;
using Svg.Skia;

namespace MakeGallery;

/// <summary>One designer's drawing of one object.</summary>
internal sealed class Drawing(Designer designer, string label, string group, Artwork svg) : IDisposable
{
    /// <summary>Sides of a gallery picture, in pixels, and the white margin on each of them.</summary>
    public const int Side = 128;
    private const float Margin = 4;

    private readonly SKSvg _picture = Load(svg);

    public Designer Designer => designer;

    public string Label => label;

    public string Group => group;

    public string Key { get; } = $"{designer.Package}/{label.Replace(' ', '-')}";

    public string Caption => $"{label}, drawn by {designer.Creator} ({designer.Name})";

    /// <summary>The gallery's picture: opaque, because encoders drop alpha and would otherwise see black where people see white.</summary>
    public SKBitmap Render()
    {
        var bitmap = Pixels.Square(Side);
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SKColors.White);
        canvas.Translate(Margin, Margin);
        canvas.Scale((Side - (2 * Margin)) / svg.Width, (Side - (2 * Margin)) / svg.Height);
        canvas.DrawPicture(_picture.Picture);
        Pixels.Round(bitmap, levels: 64);
        return bitmap;
    }

    public void Dispose() => _picture.Dispose();

    private static SKSvg Load(Artwork svg)
    {
        var picture = new SKSvg();
        picture.FromSvg(svg.Document);
        return picture;
    }
}
