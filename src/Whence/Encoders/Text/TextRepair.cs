using System.Text;

namespace Whence.Encoders.Text;

/// <summary>Repairs what went wrong with a text on its way, one line at a time, until nothing changes any more: the rules of <c>ftfy.fix_text</c> 6.1.</summary>
internal static class TextRepair
{
    // Entities within entities need a pass for each level; without a bound, "&amp;amp;amp;..." would cost the square of its length.
    private const int MaxPasses = 64;

    /// <summary>Repairs a text. From the first line with "&lt;" on it may be HTML, and entities stay as they are.</summary>
    public static string Repair(string text)
    {
        var result = new StringBuilder(text.Length);
        var entities = true;
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf('\n', start) + 1;
            var line = text[start..(end == 0 ? text.Length : end)];
            entities &= !line.Contains('<', StringComparison.Ordinal);
            result.Append(RepairLine(line, entities));
            start += line.Length;
        }

        return result.ToString();
    }

    private static string RepairLine(string line, bool entities)
    {
        for (var pass = 0; pass < MaxPasses; pass++)
        {
            var unescaped = entities ? HtmlEntities.UnescapeComplete(line) : line;
            var repaired = CanonicalComposition.Compose(CharacterForms.Simplify(Mojibake.Undo(unescaped)));
            if (repaired == line)
            {
                break;
            }

            line = repaired;
        }

        return line;
    }
}
