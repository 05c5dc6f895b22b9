using System.Globalization;
using System.Text;

namespace Whence.Encoders.Text;

/// <summary>
/// Splits a cleaned text into the words within which bytes are merged, as CLIP's pattern does: the two special strings, the English endings 's 't 're 've 'm 'll 'd,
/// runs of letters, single digits, runs of what is none of these nor white space. Marks (category M) are no letters. A scanner of its own, since
/// .NET's regular expressions see the halves of a surrogate pair and not the letter.
/// </summary>
internal ref struct TextSplitter(ReadOnlySpan<char> text)
{
    private static readonly string[] Whole = [ClipVocabulary.StartText, ClipVocabulary.EndText, "'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private ReadOnlySpan<char> _rest = text;

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    /// <summary>The word.</summary>
    public ReadOnlySpan<char> Current { get; private set; }

    /// <summary>Goes to the next word; false where there is none.</summary>
    public bool MoveNext()
    {
        _rest = _rest.TrimStart();
        if (_rest.IsEmpty)
        {
            return false;
        }

        var length = WholeLength(_rest);
        if (length == 0)
        {
            var kind = Next(_rest, out length);
            if (kind != Kind.Number)
            {
                while (length < _rest.Length && Next(_rest[length..], out var units) == kind)
                {
                    length += units;
                }
            }
        }

        Current = _rest[..length];
        _rest = _rest[length..];
        return true;
    }

    // The pattern looks for these first wherever a word begins, and nowhere else.
    private static int WholeLength(ReadOnlySpan<char> text)
    {
        if (text[0] is '\'' or '<')
        {
            foreach (var whole in Whole)
            {
                if (StartsWith(text, whole))
                {
                    return whole.Length;
                }
            }
        }

        return 0;
    }

    // The pattern ignores case, by which U+017F, the long s, is an s.
    private static bool StartsWith(ReadOnlySpan<char> text, string whole)
    {
        if (text.Length < whole.Length)
        {
            return false;
        }

        for (var i = 0; i < whole.Length; i++)
        {
            if ((text[i] == '\u017F' ? 's' : char.IsAsciiLetterUpper(text[i]) ? (char)(text[i] | 0x20) : text[i]) != whole[i])
            {
                return false;
            }
        }

        return true;
    }

    private static Kind Next(ReadOnlySpan<char> text, out int units)
    {
        if (char.IsAscii(text[0]))
        {
            units = 1;
            return char.IsAsciiLetter(text[0]) ? Kind.Letter : char.IsAsciiDigit(text[0]) ? Kind.Number : char.IsWhiteSpace(text[0]) ? Kind.Space : Kind.Other;
        }

        Rune.DecodeFromUtf16(text, out var rune, out units);
        return Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Rune.IsWhiteSpace(rune) ? Kind.Space : Kind.Other,
        };
    }
}
