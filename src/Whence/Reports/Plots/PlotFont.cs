using System.Text;
using ScottPlot;
using SkiaSharp;

namespace Whence.Reports;

/// <summary>
/// What plots and sheets are lettered with. The typeface comes with the assembly: a machine may have no fonts, and everywhere the text has to have
/// the same width. A letter that it lacks is drawn as an empty box, never taken from elsewhere.
/// </summary>
internal static class PlotFont
{
    /// <summary>What ScottPlot calls it. No font of a machine has this name.</summary>
    public const string Family = "Whence Inter";

    private const string Missing = "\u25A1";
    private const string Ellipsis = "…";

    public static SKTypeface Regular { get; } = Load(bold: false);

    public static SKTypeface SemiBold { get; } = Load(bold: true);

    private static readonly FontResolver Resolver = Register();

    /// <summary>Makes ScottPlot know the family.</summary>
    public static void Use() => _ = Resolver;

    /// <summary>The text with hidden characters made visible and letters that the typeface lacks as boxes, on one line.</summary>
    public static string Drawable(string text)
    {
        var drawable = new StringBuilder(text.Length);
        using var font = Font(PlotStyle.TextSize, bold: false);
        foreach (var rune in ShownText.Clean(text).ReplaceLineEndings(" ").Replace('\t', ' ').EnumerateRunes())
        {
            drawable.Append(Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.NonSpacingMark ? ""
                : font.ContainsGlyph(rune.Value) ? rune.ToString() : Missing);
        }

        return drawable.ToString();
    }

    /// <summary>The width of a drawable text, in the units of its size.</summary>
    public static float Width(string text, float size, bool bold = false)
    {
        using var font = Font(size, bold);
        return font.MeasureText(text);
    }

    /// <summary>The text made drawable and, where it is wider than it may be, cut in the middle: names often differ at their ends.</summary>
    public static string Fit(string text, float size, float width, bool bold = false)
    {
        var whole = Drawable(text.Normalize());
        if (Width(whole, size, bold) <= width)
        {
            return whole;
        }

        // Most that fits; every letter takes room, so that a search by halves finds it.
        var (fits, fails) = (0, whole.Length);
        while (fails - fits > 1)
        {
            var kept = (fits + fails) / 2;
            (fits, fails) = Width(Cut(whole, kept), size, bold) <= width ? (kept, fails) : (fits, kept);
        }

        return Cut(whole, fits);
    }

    /// <summary>Lines no wider than given, broken at spaces.</summary>
    public static IReadOnlyList<string> Wrap(string text, float size, float width)
    {
        var lines = new List<string>();
        foreach (var word in Drawable(text).Split(' '))
        {
            var longer = lines.Count > 0 ? $"{lines[^1]} {word}" : word;
            if (lines.Count > 0 && Width(longer, size) <= width)
            {
                lines[^1] = longer;
            }
            else
            {
                lines.Add(Fit(word, size, width));
            }
        }

        return lines;
    }

    public static SKFont Font(float size, bool bold) => new(bold ? SemiBold : Regular, size) { Subpixel = true, Hinting = SKFontHinting.None };

    private static string Cut(string text, int kept) => string.Concat(text.AsSpan(0, (kept + 1) / 2).TrimEnd(), Ellipsis, text.AsSpan(text.Length - (kept / 2)).TrimStart());

    private static SKTypeface Load(bool bold)
    {
        var name = bold ? "Inter-SemiBold.otf" : "Inter-Regular.otf";
        using var stream = typeof(PlotFont).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"The assembly lacks {name}.");
        using var data = SKData.Create(stream);
        return SKTypeface.FromData(data);
    }

    private static FontResolver Register()
    {
        var resolver = new FontResolver();
        Fonts.FontResolvers.Add(resolver);
        return resolver;
    }

    private sealed class FontResolver : IFontResolver
    {
        // ScottPlot disposes of what it is given as it likes.
        public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) =>
            fontName == Family ? Load(weight >= FontWeight.SemiBold) : null;

        public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) => fontName == Family ? Load(bold) : null;
    }
}
