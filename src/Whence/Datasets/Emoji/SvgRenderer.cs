using System.Globalization;
using System.Xml;
using SkiaSharp;
using Svg.Skia;
using Whence.Images;

namespace Whence.Datasets.Emoji;

/// <summary>Draws SVG to pixels: antialiased, in the middle of a white square.</summary>
internal static class SvgRenderer
{
    private const int MaxLength = 4 << 20, MaxDepth = 64, MaxUses = 2000;

    // What draws. Pictures, texts, scripts and styles could bring in other files, or look otherwise where other fonts are.
    private static readonly HashSet<string> Elements = new(StringComparer.Ordinal)
    {
        "svg", "g", "defs", "symbol", "use", "path", "circle", "ellipse", "rect", "line", "polygon", "polyline", "title", "desc", "clipPath", "mask", "pattern", "marker",
        "linearGradient", "radialGradient", "stop", "filter", "feBlend", "feColorMatrix", "feComposite", "feComponentTransfer", "feFlood", "feFuncA", "feFuncB", "feFuncG",
        "feFuncR", "feGaussianBlur", "feMerge", "feMergeNode", "feMorphology", "feOffset", "feTurbulence",
    };

    /// <summary>Draws.</summary>
    /// <param name="drawing">What to draw.</param>
    /// <param name="side">Side of the square in pixels.</param>
    /// <param name="margin">White pixels on each side; the longer side of the drawing fills the rest.</param>
    /// <exception cref="WhenceException">It is no SVG, or draws by what is not allowed here.</exception>
    public static RgbImage Render(SvgDrawing drawing, int side, float margin)
    {
        var document = string.Create(
            CultureInfo.InvariantCulture,
            $"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{drawing.Width}" height="{drawing.Height}" viewBox="{drawing.Left} {drawing.Top} {drawing.Width} {drawing.Height}">{drawing.Body}</svg>""");
        Check(document);
        using var svg = new SKSvg();
        SKPicture? picture;
        try
        {
            picture = svg.FromSvg(document);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new WhenceException($"the drawing cannot be read: {e.Message}", e);
        }

        return Draw(picture ?? throw new WhenceException("the drawing is empty"), drawing, side, margin);
    }

    private static unsafe RgbImage Draw(SKPicture picture, SvgDrawing drawing, int side, float margin)
    {
        var image = new RgbImage(side, side);
        fixed (byte* pixels = image.Pixels)
        {
            using var surface = SKSurface.Create(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque), (nint)pixels, image.Stride);
            var canvas = surface.Canvas;
            canvas.Clear(SKColors.White);
            var scale = (side - (2 * margin)) / MathF.Max(drawing.Width, drawing.Height);
            canvas.Translate((side - (drawing.Width * scale)) / 2, (side - (drawing.Height * scale)) / 2);
            canvas.Scale(scale);
            canvas.DrawPicture(picture);
            canvas.Flush();
        }

        return image;
    }

    /// <summary>Refuses what could read other files, run, or take forever.</summary>
    private static void Check(string document)
    {
        if (document.Length > MaxLength)
        {
            throw new WhenceException($"the drawing has more than {MaxLength} characters");
        }

        try
        {
            using var reader = XmlReader.Create(new StringReader(document), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            var uses = 0;
            while (reader.Read())
            {
                if (reader.NodeType != XmlNodeType.Element)
                {
                    continue;
                }

                if (!Elements.Contains(reader.LocalName) || reader.Depth > MaxDepth || (reader.LocalName == "use" && ++uses > MaxUses))
                {
                    throw new WhenceException($"the drawing holds '{reader.LocalName}', which is not drawn");
                }

                while (reader.MoveToNextAttribute())
                {
                    CheckAttribute(reader.LocalName, reader.Value);
                }
            }
        }
        catch (XmlException e)
        {
            throw new WhenceException($"the drawing is no SVG: {e.Message}", e);
        }
    }

    private static void CheckAttribute(string name, string value)
    {
        var refers = name == "href" ? value : value.IndexOf("url(", StringComparison.OrdinalIgnoreCase) is >= 0 and var at ? value[(at + 4)..].TrimStart('\'', '"', ' ') : "#";
        if (!refers.StartsWith('#') || name.StartsWith("on", StringComparison.OrdinalIgnoreCase))
        {
            throw new WhenceException($"the drawing refers to '{value[..Math.Min(value.Length, 60)]}', which is not within it");
        }
    }
}
