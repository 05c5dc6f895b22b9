using System.Globalization;
using System.Text;

namespace Whence.Encoders.Text;

/// <summary>
/// Lower case by Unicode's full mapping without a language, as Python's <c>str.lower</c>: beside the mapping of single characters, İ becomes two and
/// a capital sigma at the end of a word becomes ς.
/// </summary>
internal static class LowerCase
{
    private const int CapitalSigma = 0x3A3, FinalSigma = 0x3C2, CapitalDottedI = 0x130;

    /// <summary>The text in lower case.</summary>
    public static string Of(string text)
    {
        if (Ascii.IsValid(text))
        {
            return text.ToLowerInvariant();
        }

        Rune[] runes = [.. text.EnumerateRunes()];
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < runes.Length; i++)
        {
            _ = runes[i].Value switch
            {
                CapitalDottedI => result.Append("i\u0307"),
                CapitalSigma when EndsWord(runes, i) => result.Append((char)FinalSigma),
                _ => result.Append(Rune.ToLowerInvariant(runes[i]).ToString()),
            };
        }

        return result.ToString();
    }

    // Unicode, table 3-17, Final_Sigma: a letter with case before it and none behind, whatever is ignored between.
    private static bool EndsWord(ReadOnlySpan<Rune> text, int at)
    {
        var before = at - 1;
        while (before >= 0 && IsIgnored(text[before]))
        {
            before--;
        }

        if (before < 0 || !IsCased(text[before]))
        {
            return false;
        }

        var behind = at + 1;
        while (behind < text.Length && IsIgnored(text[behind]))
        {
            behind++;
        }

        return behind == text.Length || !IsCased(text[behind]);
    }

    // Case_Ignorable
    private static bool IsIgnored(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
            or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol
        || rune.Value is '\'' or '.' or ':' or 0xB7 or 0x387 or 0x55F or 0x5F4 or 0x2018 or 0x2019 or 0x2024 or 0x2027
            or 0xFE13 or 0xFE52 or 0xFE55 or 0xFF07 or 0xFF0E or 0xFF1A;

    // Cased: besides letters, the ordinal indicators, Roman numerals and letters in circles and squares.
    private static bool IsCased(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
        || rune.Value is 0xAA or 0xBA or (>= 0x2160 and <= 0x217F) or (>= 0x24B6 and <= 0x24E9)
            or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189);
}
