using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Whence.Reports;

/// <summary>
/// Writes markup in which every hole of an interpolated string is encoded: <c>html.Write($"&lt;p&gt;{caption}&lt;/p&gt;")</c>
/// cannot be broken out of, whatever the caption. Only the literal parts, which stand in the source code, are markup. What
/// comes out is well-formed XML as well as HTML.
/// </summary>
internal sealed class HtmlWriter(TextWriter writer)
{
    /// <summary>Longer text is cut: a caption of a megabyte is no reading matter.</summary>
    public const int LongestText = 2000;

    private TextWriter Target => writer;

    /// <summary>The compiler turns the interpolated string into calls on <see cref="Markup"/>, which have written it all by now.</summary>
#pragma warning disable CA1822 // An instance method, so that the handler can be given the instance.
    public void Write([InterpolatedStringHandlerArgument("")] Markup markup) => _ = markup;
#pragma warning restore CA1822

    /// <summary>Writes markup of our own, unencoded.</summary>
    public void WriteTrusted(string markup) => writer.Write(markup);

    /// <summary>
    /// Text from strangers, made safe to look at: characters XML forbids, other controls and the invisible ones that reorder
    /// what a reader sees (Unicode's bidirectional embeddings, overrides and isolates) become visible as <c>[U+202E]</c>.
    /// </summary>
    public static string Clean(string text)
    {
        if (text.Length > LongestText)
        {
            text = string.Concat(text.AsSpan(0, LongestText - (char.IsHighSurrogate(text[LongestText - 1]) ? 1 : 0)), "…");
        }

        StringBuilder? cleaned = null;
        for (var i = 0; i < text.Length; i++)
        {
            var isPair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            if (isPair)
            {
                cleaned?.Append(text, i, 2);
                i++;
            }
            else if (IsHidden(text[i]))
            {
                cleaned ??= new StringBuilder(text, 0, i, text.Length + 16);
                cleaned.Append(CultureInfo.InvariantCulture, $"[U+{(int)text[i]:X4}]");
            }
            else
            {
                cleaned?.Append(text[i]);
            }
        }

        return cleaned?.ToString() ?? text;
    }

    private static bool IsHidden(char c) =>
        (char.IsControl(c) && c is not ('\n' or '\t')) || char.IsSurrogate(c)
        || c is (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069') or '\uFFFE' or '\uFFFF';

    [InterpolatedStringHandler]
    internal readonly ref struct Markup
    {
        private readonly TextWriter _writer;

        public Markup(int literalLength, int formattedCount, HtmlWriter html) => _writer = html.Target;

        public void AppendLiteral(string markup) => _writer.Write(markup);

        public void AppendFormatted(string? text) => _writer.Write(WebUtility.HtmlEncode(Clean(text ?? "")));

        public void AppendFormatted(long number) => _writer.Write(number.ToString(CultureInfo.InvariantCulture));

        public void AppendFormatted(double number) => _writer.Write(number.ToString("0.#####", CultureInfo.InvariantCulture));

        public void AppendFormatted(DataUri uri) => uri.WriteTo(_writer);
    }
}
