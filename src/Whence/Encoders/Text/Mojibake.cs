using System.Buffers;
using System.Text;

namespace Whence.Encoders.Text;

/// <summary>
/// Undoes mojibake: UTF-8 that somebody read as Latin-1 or Windows-1252, so that "ü" became "Ã¼". A run of characters beyond ASCII is a
/// suspect if its bytes in that code page are valid UTF-8 from end to end, and it is guilty if one of its sequences would not be written on purpose: an accented
/// letter may be followed by a closing quote or a dash, hardly by a paragraph sign or by the sign for the euro.
/// </summary>
internal static class Mojibake
{
    // Times a text was read wrongly, one time after the other.
    private const int MaxLayers = 8;

    // What people write right after an accented letter: ends of quotations, dashes, marks of trade, spaces, degrees, and accented letters of the code page.
    private const string AfterLetter = "\u2026\u2019\u201D\u2013\u2014\u2122\u00AE\u00BB\u203A\u00B7\u00B4\u00B0\u00A0\u00AD\u0160\u0161\u017D\u017E";

    // In UTF-8 these begin Latin, Greek and Cyrillic letters; as letters of a text they rarely end a word.
    private const string CommonLeads = "\u00C2\u00C3\u00CE\u00D0", AfterCommonLead = "\u2026\u2019";

    /// <summary>The text with its mojibake undone; the text itself where there is none.</summary>
    public static string Undo(string text)
    {
        for (var layer = 0; layer < MaxLayers && UndoLayer(text) is { } undone; layer++)
        {
            text = undone;
        }

        return text;
    }

    // If one run is guilty and all others are suspects, the whole text was read wrongly. Otherwise only guilty runs were.
    private static string? UndoLayer(string text)
    {
        var runs = Runs(text);
        if (!runs.Exists(run => run.Guilty))
        {
            return null;
        }

        var all = runs.TrueForAll(run => run.Decoded is not null);
        var result = new StringBuilder(text.Length);
        var done = 0;
        foreach (var run in runs.Where(run => run.Guilty || all))
        {
            result.Append(text, done, run.Start - done).Append(run.Decoded);
            done = run.End;
        }

        return result.Append(text, done, text.Length - done).ToString();
    }

    private static List<Run> Runs(string text)
    {
        var runs = new List<Run>();
        for (var i = 0; i < text.Length; i++)
        {
            var start = i;
            while (i < text.Length && !char.IsAscii(text[i]) && Windows1252.Byte(text[i]) >= 0)
            {
                i++;
            }

            if (i > start)
            {
                runs.Add(Read(text, start, i));
            }

            if (i < text.Length && !char.IsAscii(text[i]))
            {
                runs.Add(new Run(i, i + 1, null, false));
            }
        }

        return runs;
    }

    private static Run Read(string text, int start, int end)
    {
        var bytes = new byte[end - start];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)Windows1252.Byte(text[start + i]);
        }

        var decoded = new StringBuilder();
        var guilty = false;
        for (var i = 0; i < bytes.Length;)
        {
            if (Rune.DecodeFromUtf8(bytes.AsSpan(i), out var rune, out var length) != OperationStatus.Done)
            {
                return new Run(start, end, null, false);
            }

            decoded.Append(rune.ToString());
            guilty |= IsGuilty(text.AsSpan(start + i, length));
            i += length;
        }

        return new Run(start, end, decoded.ToString(), guilty);
    }

    private static bool IsGuilty(ReadOnlySpan<char> sequence) =>
        sequence[1..].ContainsAnyExcept(CommonLeads.Contains(sequence[0], StringComparison.Ordinal) ? AfterCommonLead : AfterLetter);

    /// <summary>Characters beyond ASCII that lie together.</summary>
    /// <param name="Start">The first.</param>
    /// <param name="End">Behind the last.</param>
    /// <param name="Decoded">What their bytes are in UTF-8; null where they are not UTF-8.</param>
    /// <param name="Guilty">Whether they are mojibake beyond doubt.</param>
    private readonly record struct Run(int Start, int End, string? Decoded, bool Guilty);
}
