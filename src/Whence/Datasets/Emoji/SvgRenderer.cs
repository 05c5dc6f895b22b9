using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using SkiaSharp;
using Svg.Skia;
using Whence.Images;

namespace Whence.Datasets.Emoji;

/// <summary>Draws SVG to pixels: antialiased, in the middle of a white square.</summary>
internal static partial class SvgRenderer
{
    // Elements count as often as they are drawn. The largest of the emoji that a data set is made of draw 5,000, 6 deep.
    private const int MaxLength = 4 << 20, MaxElements = 50_000, MaxDepth = 64, MaxReferences = 8;

    // What draws. Pictures, texts, scripts and styles could bring in other files, or look otherwise where other fonts are; patterns and markers repeat without end.
    private static readonly HashSet<string> Elements = new(StringComparer.Ordinal)
    {
        "svg", "g", "defs", "symbol", "use", "path", "circle", "ellipse", "rect", "line", "polygon", "polyline", "title", "desc", "clipPath", "mask",
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

        var svg = Parse(document);
        if (svg.DescendantNodes().Any(node => node is XProcessingInstruction))
        {
            throw new WhenceException("the drawing holds a processing instruction, which is not drawn");
        }

        var named = svg.Descendants().SelectMany(e => e.Attributes()).Where(a => a.Name.LocalName == "id").ToLookup(a => a.Value.Trim(), a => a.Parent!, StringComparer.OrdinalIgnoreCase);
        var left = MaxElements;
        Visit(svg.Root!, 0, 0);

        // Goes over all that is drawn, as often as it is drawn: references to references multiply, and may lead in a circle.
        void Visit(XElement element, int depth, int references)
        {
            if (!Elements.Contains(element.Name.LocalName))
            {
                throw new WhenceException($"the drawing holds '{element.Name.LocalName}', which is not drawn");
            }

            if (depth > MaxDepth || references > MaxReferences || --left < 0)
            {
                throw new WhenceException($"the drawing is nested more than {MaxDepth} deep or refers more than {MaxReferences} deep, or draws more than {MaxElements} elements");
            }

            foreach (var target in element.Attributes().SelectMany(References).SelectMany(id => named[id]))
            {
                Visit(target, depth + 1, references + 1);
            }

            foreach (var child in element.Elements())
            {
                Visit(child, depth + 1, references);
            }
        }
    }

    private static XDocument Parse(string document)
    {
        try
        {
            using var reader = XmlReader.Create(new StringReader(document), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            return XDocument.Load(reader);
        }
        catch (XmlException e)
        {
            throw new WhenceException($"the drawing is no SVG: {e.Message}", e);
        }
    }

    /// <summary>Ids of the elements that an attribute refers to. What leads out of the drawing, or may be read in two ways, is refused.</summary>
    private static IEnumerable<string> References(XAttribute attribute)
    {
        var (name, value) = (attribute.Name.LocalName, attribute.Value);
        if (name == "href")
        {
            return Fragment().Match(value) is { Success: true } match ? [match.Groups[1].Value] : throw LeadsOut(value);
        }

        if (name.StartsWith("on", StringComparison.OrdinalIgnoreCase) || attribute.Name == XNamespace.Xml + "base" || value.Contains('\\', StringComparison.Ordinal))
        {
            throw LeadsOut(value);
        }

        if (!value.Contains("url", StringComparison.OrdinalIgnoreCase))
        {
            return [];
        }

        var within = OwnAddress().Matches(value);
        return within.Count == AnyAddress().Count(value) ? within.Select(match => match.Groups[2].Value) : throw LeadsOut(value);
    }

    private static WhenceException LeadsOut(string value) => new($"the drawing refers to '{value[..Math.Min(value.Length, 60)]}', which is not within it");

    [GeneratedRegex(@"^\s*#([\w.:-]+)\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex Fragment();

    [GeneratedRegex(@"url\s*\(", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex AnyAddress();

    [GeneratedRegex(@"url\(\s*(['""]?)#([\w.:-]+)\1\s*\)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex OwnAddress();
}
