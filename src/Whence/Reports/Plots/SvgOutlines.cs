using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using SkiaSharp;

namespace Whence.Reports;

/// <summary>
/// Turns the text of an SVG file into outlines, because whoever looks at it need not have the font. Each piece of text becomes a group with the text
/// as its label; each letter is stored once.
/// </summary>
internal static class SvgOutlines
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";
    private static readonly XNamespace Link = "http://www.w3.org/1999/xlink";

    public static byte[] Convert(byte[] file, string title, int width, int height)
    {
        using var input = new MemoryStream(file);
        var root = XDocument.Load(input).Root!;
        var glyphs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in root.Descendants(Svg + "text").ToArray())
        {
            text.ReplaceWith(Outline(text, glyphs));
        }

        Renumber(root);

        // What a plot clears: nothing to see.
        root.Descendants(Svg + "rect").Where(r => (string?)r.Attribute("fill-opacity") == "0").Remove();
        root.SetAttributeValue("viewBox", FormattableString.Invariant($"0 0 {width} {height}"));
        root.SetAttributeValue("role", "img");
        root.AddFirst(
            new XElement(Svg + "title", ShownText.Clean(title)),
            new XElement(Svg + "defs", glyphs.Select(g => new XElement(Svg + "path", new XAttribute("id", g.Key), new XAttribute("d", g.Value)))));
        using var output = new MemoryStream();
        using (var writer = XmlWriter.Create(output, new XmlWriterSettings { Indent = true, IndentChars = " ", NewLineChars = "\n", Encoding = new UTF8Encoding(false) }))
        {
            root.Save(writer);
        }

        output.WriteByte((byte)'\n');
        return output.ToArray();
    }

    // Skia numbers clips through the life of the process; the same figure must have the same ones.
    private static void Renumber(XElement root)
    {
        foreach (var (i, id) in root.Descendants().Attributes("id").ToArray().Index())
        {
            foreach (var reference in root.Descendants().Attributes().Where(a => a.Value == $"url(#{id.Value})").ToArray())
            {
                reference.Value = $"url(#clip-{i})";
            }

            id.Value = $"clip-{i}";
        }
    }

    private static XElement Outline(XElement text, SortedDictionary<string, string> glyphs)
    {
        var value = text.Value.Trim('\n', '\t', '\r');
        var size = Number((string?)text.Attribute("font-size") ?? "16");
        var bold = (string?)text.Attribute("font-family") == PlotFont.SemiBold.FamilyName;
        var (xs, ys) = (Numbers(text, "x"), Numbers(text, "y"));
        var group = new XElement(Svg + "g", text.Attributes().Where(a => a.Name.LocalName is "transform" or "fill" or "fill-opacity" or "opacity"));
        group.SetAttributeValue("aria-label", value);

        // A place for each letter, or one for the first of them all.
        using var font = new SKFont(bold ? PlotFont.SemiBold : PlotFont.Regular, bold ? PlotFont.SemiBold.UnitsPerEm : PlotFont.Regular.UnitsPerEm) { Hinting = SKFontHinting.None };
        var scale = size / font.Size;
        var letters = new XElement(Svg + "g", new XAttribute("transform", string.Create(CultureInfo.InvariantCulture, $"scale({scale:0.######})")));
        group.Add(letters);
        var (ids, advance) = (font.GetGlyphs(value), 0f);
        var widths = font.GetGlyphWidths(ids);
        for (var i = 0; i < ids.Length; i++)
        {
            var key = $"{(bold ? 'b' : 'r')}{ids[i]}";
            if (!glyphs.TryGetValue(key, out var outline))
            {
                using var path = font.GetGlyphPath(ids[i]);
                glyphs[key] = outline = path?.ToSvgPathData() ?? "";
            }

            if (outline.Length > 0)
            {
                var x = xs.Length == ids.Length ? xs[i] : xs[0] + advance;
                var y = ys.Length == ids.Length ? ys[i] : ys[0];
                letters.Add(new XElement(Svg + "use", new XAttribute(Link + "href", $"#{key}"), Units("x", x / scale), Units("y", y / scale)));
            }

            advance += widths[i] * scale;
        }

        return group;
    }

    private static XAttribute? Units(string name, float units) => MathF.Round(units) is var rounded && rounded != 0
        ? new XAttribute(name, rounded.ToString(CultureInfo.InvariantCulture)) : null;

    private static float[] Numbers(XElement text, string name)
    {
        float[] numbers = [.. ((string?)text.Attribute(name) ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Number)];
        return numbers.Length > 0 ? numbers : [0];
    }

    private static float Number(string text) => float.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
}
