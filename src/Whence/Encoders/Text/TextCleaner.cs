using System.Buffers;
using System.Text;

namespace Whence.Encoders.Text;

/// <summary>
/// What CLIP does to a text before it is split into tokens: broken text is repaired as the Python package ftfy does it (mojibake, HTML
/// entities, terminal escapes, curly quotes, ligatures, full and half width, control characters, NFC), HTML entities are replaced twice more by the rules of
/// HTML, white space becomes single spaces, and letters become lower case. The same whatever the language of the machine.
/// </summary>
/// <remarks>
/// Mojibake is undone where UTF-8 was read as Latin-1 or Windows-1252 and every doubt is out; ftfy also guesses at other code pages and at damaged sequences.
/// </remarks>
public static class TextCleaner
{
    // Of these no step changes anything but the case and the white space.
    private static readonly SearchValues<char> Plain = SearchValues.Create(
        [.. Enumerable.Range(' ', '~' - ' ' + 1).Select(c => (char)c).Where(c => c != '&'), '\t', '\n']);

    /// <summary>Cleans a text.</summary>
    /// <param name="text">Any string; a surrogate without its other half becomes U+FFFD.</param>
    /// <returns>The text without white space at its ends, single spaces within, lower case.</returns>
    public static string Clean(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var repaired = text.AsSpan().ContainsAnyExcept(Plain)
            ? HtmlEntities.Unescape(HtmlEntities.Unescape(TextRepair.Repair(text)))
            : text;
        return LowerCase.Of(CollapseWhiteSpace(repaired));
    }

    private static string CollapseWhiteSpace(string text)
    {
        var result = new StringBuilder(text.Length);
        var space = false;
        foreach (var c in text)
        {
            if (char.IsWhiteSpace(c))
            {
                space = true;
                continue;
            }

            if (space && result.Length > 0)
            {
                result.Append(' ');
            }

            space = false;
            result.Append(c);
        }

        return result.ToString();
    }
}
