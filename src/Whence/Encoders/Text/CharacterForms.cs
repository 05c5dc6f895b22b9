using System.Buffers;
using System.Text;

namespace Whence.Encoders.Text;

/// <summary>
/// Replaces characters by what they stand for: control characters of Windows-1252 read as Latin-1, ligatures of Latin letters, full and half width, curly quotes, line
/// ends, halves of surrogate pairs; then removes terminal escapes and control characters without a meaning in text.
/// </summary>
internal static class CharacterForms
{
    private static readonly SearchValues<char> Untouched = SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(c => (char)c), '\t', '\n', '\f']);
    private static readonly SearchValues<char> EscapeParameters = SearchValues.Create("0123456789;");

    // Unicode's compatibility mappings of U+FF5F to U+FF9F and U+FFA0 to U+FFEE; a character that has none stands for itself.
    private const string HalfWidth = "\u2985\u2986\u3002\u300C\u300D\u3001\u30FB\u30F2\u30A1\u30A3\u30A5\u30A7\u30A9\u30E3\u30E5\u30E7\u30C3\u30FC\u30A2\u30A4\u30A6\u30A8\u30AA"
        + "\u30AB\u30AD\u30AF\u30B1\u30B3\u30B5\u30B7\u30B9\u30BB\u30BD\u30BF\u30C1\u30C4\u30C6\u30C8\u30CA\u30CB\u30CC\u30CD\u30CE\u30CF\u30D2\u30D5\u30D8\u30DB\u30DE\u30DF"
        + "\u30E0\u30E1\u30E2\u30E4\u30E6\u30E8\u30E9\u30EA\u30EB\u30EC\u30ED\u30EF\u30F3\u3099\u309A"
        + "\u1160\u1100\u1101\u11AA\u1102\u11AC\u11AD\u1103\u1104\u1105\u11B0\u11B1\u11B2\u11B3\u11B4\u11B5\u111A\u1106\u1107\u1108\u1121\u1109\u110A\u110B\u110C\u110D\u110E"
        + "\u110F\u1110\u1111\u1112\uFFBF\uFFC0\uFFC1\u1161\u1162\u1163\u1164\u1165\u1166\uFFC8\uFFC9\u1167\u1168\u1169\u116A\u116B\u116C\uFFD0\uFFD1\u116D\u116E\u116F\u1170"
        + "\u1171\u1172\uFFD8\uFFD9\u1173\u1174\u1175\uFFDD\uFFDE\uFFDF\u00A2\u00A3\u00AC\uFFE3\u00A6\u00A5\u20A9\uFFE7\u2502\u2190\u2191\u2192\u2193\u25A0\u25CB";

    /// <summary>The text in its plain form; line ends become LF.</summary>
    public static string Simplify(string text) => text.AsSpan().ContainsAnyExcept(Untouched) ? RemoveControls(Replace(text)) : text;

    /// <summary>The letters of a ligature or digraph of Latin letters; null for any other character.</summary>
    public static string? Ligature(int character) => character switch
    {
        0x132 => "IJ",
        0x133 => "ij",
        0x149 => "\u02BCn",
        0x1C4 => "D\u017D",
        0x1C5 => "D\u017E",
        0x1C6 => "d\u017E",
        0x1C7 => "LJ",
        0x1C8 => "Lj",
        0x1C9 => "lj",
        0x1CA => "NJ",
        0x1CB => "Nj",
        0x1CC => "nj",
        0x1F1 => "DZ",
        0x1F2 => "Dz",
        0x1F3 => "dz",
        0xFB00 => "ff",
        0xFB01 => "fi",
        0xFB02 => "fl",
        0xFB03 => "ffi",
        0xFB04 => "ffl",
        0xFB05 => "\u017Ft",
        0xFB06 => "st",
        _ => null,
    };

    private static string Replace(string text)
    {
        var result = new StringBuilder(text.Length);
        var carriageReturn = false;
        foreach (var rune in text.EnumerateRunes())
        {
            if (!carriageReturn || rune.Value != '\n')
            {
                Append(result, rune);
            }

            carriageReturn = rune.Value == '\r';
        }

        return result.ToString();
    }

    private static void Append(StringBuilder result, Rune rune)
    {
        var c = rune.Value is >= 0x80 and <= 0x9F ? Windows1252.Character((byte)rune.Value) : rune.Value;
        _ = c switch
        {
            '\r' or 0x2028 or 0x2029 => result.Append('\n'),
            0x02BC or (>= 0x2018 and <= 0x201B) => result.Append('\''),
            >= 0x201C and <= 0x201F => result.Append('"'),
            0x3000 => result.Append(' '),
            0xFFE3 => result.Append(" \u0304"),
            >= 0xFF01 and <= 0xFF5E => result.Append((char)(c - 0xFF01 + '!')),
            >= 0xFF5F and <= 0xFFEE => result.Append(HalfWidth[c - 0xFF5F]),
            _ when Ligature(c) is { } letters => result.Append(letters),
            > 0xFFFF => result.Append(rune.ToString()),
            _ => result.Append((char)c),
        };
    }

    private static string RemoveControls(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\e' && EscapeLength(text.AsSpan(i)) is > 0 and var length)
            {
                i += length - 1;
            }
            else if (!IsRemoved(text[i]))
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }

    // Colours and movements of a terminal: ESC [ numbers with semicolons, one letter.
    private static int EscapeLength(ReadOnlySpan<char> text)
    {
        if (text is not ['\e', '[', ..])
        {
            return 0;
        }

        var parameters = text[2..].IndexOfAnyExcept(EscapeParameters);
        return parameters >= 0 && char.IsAsciiLetter(text[2 + parameters]) ? parameters + 3 : 0;
    }

    // Joiners, marks of direction and variation selectors have a meaning and stay.
    private static bool IsRemoved(char c) =>
        c is <= '\b' or '\v' or (>= '\u000E' and <= '\u001F') or '\u007F' or (>= '\u206A' and <= '\u206F') or '\uFEFF' or (>= '\uFFF9' and <= '\uFFFC');
}
