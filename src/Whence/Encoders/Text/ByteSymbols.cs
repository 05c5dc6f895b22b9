using System.Text;

namespace Whence.Encoders.Text;

/// <summary>The printable characters that stand for bytes in vocabularies of GPT-2's kind, and the mark of a word's end.</summary>
internal static class ByteSymbols
{
    /// <summary>Ends the last symbol of a word.</summary>
    public const string WordEnd = "</w>";

    // In the order of their ids: the printable bytes of Latin-1 as themselves, the others as U+0100 and on.
    private static readonly (byte Value, char Character)[] Ordered =
    [
        .. Enumerable.Range(0, 256).Where(IsPrintable).Select(b => ((byte)b, (char)b)),
        .. Enumerable.Range(0, 256).Where(b => !IsPrintable(b)).Select((b, i) => ((byte)b, (char)(256 + i))),
    ];

    private static readonly char[] Characters = [.. Ordered.OrderBy(symbol => symbol.Value).Select(symbol => symbol.Character)];
    private static readonly Dictionary<char, byte> Bytes = Ordered.ToDictionary(symbol => symbol.Character, symbol => symbol.Value);

    /// <summary>The 256 characters in the order of their ids.</summary>
    public static IEnumerable<string> InOrder => Ordered.Select(symbol => symbol.Character.ToString());

    /// <summary>The character of a byte.</summary>
    public static char Of(byte value) => Characters[value];

    /// <summary>What a symbol stands for: its bytes, and a space where it ends a word. A symbol of other characters stands for itself.</summary>
    public static void Append(string symbol, List<byte> output)
    {
        var ends = symbol.EndsWith(WordEnd, StringComparison.Ordinal);
        var characters = ends ? symbol.AsSpan(0, symbol.Length - WordEnd.Length) : symbol;
        var start = output.Count;
        foreach (var character in characters)
        {
            if (!Bytes.TryGetValue(character, out var value))
            {
                output.RemoveRange(start, output.Count - start);
                output.AddRange(Encoding.UTF8.GetBytes(symbol));
                return;
            }

            output.Add(value);
        }

        if (ends)
        {
            output.Add((byte)' ');
        }
    }

    private static bool IsPrintable(int value) => value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
}
