using System.Globalization;
using System.Text;

namespace Whence.Reports;

/// <summary>Text from strangers (captions, file names, metadata) made safe to look at, on a page and on a terminal.</summary>
public static class ShownText
{
    /// <summary>Longer text is cut: a caption of a megabyte is no reading matter.</summary>
    public const int LongestText = 2000;

    /// <summary>
    /// Makes hidden characters visible: characters XML forbids, other controls and the invisible ones that reorder
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
}
