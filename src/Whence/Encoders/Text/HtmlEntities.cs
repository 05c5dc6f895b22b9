using System.Globalization;
using System.Text;

namespace Whence.Encoders.Text;

/// <summary>Replaces character references of HTML: by the rules of browsers, or only those that are written in full.</summary>
internal static class HtmlEntities
{
    // Characters of a name without its semicolon: as Python's rule reads it, and as ftfy's.
    private const int MaxName = 32, MaxComplete = 24;

    private static readonly Lazy<Dictionary<string, string>> Names = new(LoadNames);
    private static readonly Lazy<Dictionary<string, string>> Capitals = new(LoadCapitals);

    /// <summary>Replaces all references as <c>html.unescape</c> of Python and browsers do: also where the semicolon is missing ("&amp;copy"), and by the longest name.</summary>
    public static string Unescape(string text)
    {
        var result = default(StringBuilder);
        var done = 0;
        for (var i = text.IndexOf('&', StringComparison.Ordinal); i >= 0; i = i < text.Length ? text.IndexOf('&', i) : -1)
        {
            var (length, value) = Reference(text.AsSpan(i));
            if (value is not null)
            {
                (result ??= new StringBuilder(text.Length)).Append(text, done, i - done).Append(value);
                done = i + length;
            }

            i += length;
        }

        return result is null ? text : result.Append(text, done, text.Length - done).ToString();
    }

    /// <summary>
    /// Replaces references that end in a semicolon, and names in capitals ("&amp;EACUTE;") that mean nothing else: what can hardly be meant otherwise in a text that
    /// is not HTML.
    /// </summary>
    public static string UnescapeComplete(string text)
    {
        var result = default(StringBuilder);
        var done = 0;
        for (var i = text.IndexOf('&', StringComparison.Ordinal); i >= 0; i = text.IndexOf('&', i + 1))
        {
            var hash = i + 1 < text.Length && text[i + 1] == '#' ? 1 : 0;
            var name = text.AsSpan(i + 1 + hash);
            var end = 0;
            while (end < name.Length && end < MaxComplete && char.IsAsciiLetterOrDigit(name[end]))
            {
                end++;
            }

            if (end == 0 || end == name.Length || name[end] != ';')
            {
                continue;
            }

            var length = 1 + hash + end + 1;
            if (Complete(text.AsSpan(i, length)) is { } value)
            {
                (result ??= new StringBuilder(text.Length)).Append(text, done, i - done).Append(value);
                done = i + length;
            }

            i += length - 1;
        }

        return result is null ? text : result.Append(text, done, text.Length - done).ToString();
    }

    private static string? Complete(ReadOnlySpan<char> reference)
    {
        if (reference[1] != '#')
        {
            var name = reference[1..].ToString();
            return Names.Value.GetValueOrDefault(name) ?? Capitals.Value.GetValueOrDefault(name);
        }

        // Of "&#12x;" a browser would leave the end: then it is no reference in full. "&#59;" is a semicolon itself and stays as well.
        var (length, value) = Reference(reference);
        return length == reference.Length && value != ";" ? value : null;
    }

    // At "&": how long the reference is, and what it stands for; null where it stands for itself.
    private static (int Length, string? Value) Reference(ReadOnlySpan<char> text)
    {
        if (text.Length > 1 && text[1] == '#')
        {
            var hex = text.Length > 2 && text[2] is 'x' or 'X';
            var digits = text[(hex ? 3 : 2)..];
            var count = digits.IndexOfAnyExcept(hex ? "0123456789abcdefABCDEF" : "0123456789");
            count = count < 0 ? digits.Length : count;
            if (count == 0)
            {
                return (1, null);
            }

            var length = (hex ? 3 : 2) + count;
            return (length < text.Length && text[length] == ';' ? length + 1 : length, Character(digits[..count], hex));
        }

        var name = text[1..(1 + NameLength(text[1..]))];
        var lookup = Names.Value.GetAlternateLookup<ReadOnlySpan<char>>();
        if (lookup.TryGetValue(name, out var value))
        {
            return (1 + name.Length, value);
        }

        for (var length = name.Length - 1; length > 1; length--)
        {
            if (lookup.TryGetValue(name[..length], out value))
            {
                return (1 + name.Length, value + name[length..].ToString());
            }
        }

        return (1 + name.Length, null);
    }

    private static int NameLength(ReadOnlySpan<char> text)
    {
        var length = 0;
        for (var characters = 0; characters < MaxName && length < text.Length && text[length] is not ('\t' or '\n' or '\f' or ' ' or '<' or '&' or '#' or ';'); characters++)
        {
            Rune.DecodeFromUtf16(text[length..], out _, out var units);
            length += units;
        }

        return length > 0 && length < text.Length && text[length] == ';' ? length + 1 : length;
    }

    // HTML 5, "numeric character reference end state": numbers of Windows-1252 mean its characters, what no text may hold is dropped.
    private static string Character(ReadOnlySpan<char> digits, bool hex)
    {
        var number = 0L;
        foreach (var digit in digits)
        {
            number = Math.Min((number * (hex ? 16 : 10)) + Convert.ToInt32(digit.ToString(), 16), int.MaxValue);
        }

        return number switch
        {
            0 or > 0x10FFFF or (>= 0xD800 and <= 0xDFFF) => "\uFFFD",
            '\r' => "\r",
            >= 0x80 and <= 0x9F => Windows1252.Character((byte)number).ToString(),
            (>= 0x01 and <= 0x08) or 0x0B or (>= 0x0E and <= 0x1F) or 0x7F or (>= 0xFDD0 and <= 0xFDEF) => "",
            _ when (number & 0xFFFE) == 0xFFFE => "",
            _ => new Rune((int)number).ToString(),
        };
    }

    private static Dictionary<string, string> LoadNames()
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in Resource.Lines("html-entities.txt"))
        {
            var fields = line.Split(' ');
            names[fields[0]] = string.Concat(fields[1..].Select(hex => new Rune(int.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToString()));
        }

        return names;
    }

    private static Dictionary<string, string> LoadCapitals()
    {
        var capitals = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in Names.Value.Where(entity => entity.Key.EndsWith(';') && !entity.Key.Any(char.IsAsciiLetterUpper)))
        {
            var upper = name.ToUpperInvariant();
            if (Unescape("&" + upper) == "&" + upper)
            {
                capitals[upper] = string.Concat(value.EnumerateRunes().Select(UpperCase));
            }
        }

        return capitals;
    }

    // Where the full mapping differs from that of single characters, among those that have a name.
    private static string UpperCase(Rune rune) => rune.Value switch
    {
        0xDF => "SS",
        0x131 => "I",
        0x149 or >= 0xFB00 and <= 0xFB04 => CharacterForms.Ligature(rune.Value)!.ToUpperInvariant(),
        _ => Rune.ToUpperInvariant(rune).ToString(),
    };
}
