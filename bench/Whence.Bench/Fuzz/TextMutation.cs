using System.Text;
using System.Text.RegularExpressions;

namespace Whence.Bench.Fuzz;

/// <summary>Damages what is written in letters: JSON, CSV, and the text inside the headers of binary files.</summary>
internal static partial class TextMutation
{
    private static readonly string[] Numbers =
        ["-1", "0", "1e999", "-0.0", "NaN", "1e-320", "2147483647", "2147483648", "4294967295", "9223372036854775807", "9223372036854775808", "99999999999999999999999999", "0.5", "null", "true", "[]", "\"7\""];

    /// <summary>The text with a token replaced, removed, doubled or wrapped; null where there is none.</summary>
    public static byte[]? Apply(byte[] bytes, Random random)
    {
        var text = Encoding.Latin1.GetString(bytes, 0, Math.Min(bytes.Length, 1 << 16));
        var tokens = Tokens().Matches(text);
        if (tokens.Count == 0)
        {
            return null;
        }

        var token = tokens[random.Next(tokens.Count)];
        var quoted = token.Value[0] is '"' or '\'';
        var replacement = random.Next(9) switch
        {
            0 or 1 => quoted ? $"\"{String(random)}\"" : Numbers[random.Next(Numbers.Length)],
            2 or 3 => Numbers[random.Next(Numbers.Length)],
            4 => $"\"{String(random)}\"",
            5 => "",
            6 => token.Value + "," + token.Value,
            7 => Nested(token.Value, 1 << random.Next(18), random.Next(3)),
            _ => token.Value + tokens[random.Next(tokens.Count)].Value,
        };
        return [.. bytes[..token.Index], .. Encoding.Latin1.GetBytes(replacement), .. bytes[(token.Index + token.Length)..]];
    }

    private static string String(Random random) => random.Next(8) switch
    {
        0 => "../../etc/x",
        1 => "/whence-fuzz/x",
        2 => new string('x', 1 << random.Next(20)),
        3 => "",
        4 => "\\u0000\\r\\n\\u001b[2J",
        5 => "\\ud800",
        6 => "a\nb\0c",
        _ => "*?<script>",
    };

    private static string Nested(string value, int depth, int kind) => kind switch
    {
        0 => new string('[', depth) + value + new string(']', depth),
        1 => string.Concat(Enumerable.Repeat("{\"a\":", depth)) + value + new string('}', depth),
        _ => new string('[', depth),
    };

    [GeneratedRegex("""'[^'\n]{0,200}'|"[^"\n]{0,200}"|-?[0-9]+(\.[0-9]+)?""", RegexOptions.CultureInvariant)]
    private static partial Regex Tokens();
}
