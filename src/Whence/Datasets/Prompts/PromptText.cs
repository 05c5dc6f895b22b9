using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.RegularExpressions;
using Whence.Datasets.Emoji;

namespace Whence.Datasets.Prompts;

/// <summary>What prompts have in common as texts.</summary>
internal static class PromptText
{
    private static readonly string[] Articles = ["a", "an", "the"];

    /// <summary>
    /// The words alone, small, with one space between: two texts that differ only by case, punctuation, articles and accents that stand apart are the same. Empty where there is no
    /// word. The form of a form is itself.
    /// </summary>
    public static string Normalize(string text)
    {
        var letters = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune))
            {
                letters.Append(Rune.ToLowerInvariant(rune).ToString());
            }
            else if (rune.Value is not ('\'' or '’') && Rune.GetUnicodeCategory(rune) is not UnicodeCategory.NonSpacingMark)
            {
                letters.Append(' ');
            }
        }

        return string.Join(' ', letters.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(word => !Articles.Contains(word)));
    }

    /// <summary>Puts a text in place of a hole. An article right before it becomes the one that the text takes: "a {medium}" and "ink drawing" are "an ink drawing".</summary>
    public static string Put(string text, string hole, string value) => Regex.Replace(
        text,
        $@"(?:\b(?<letter>[Aa])n?(?<space> +))?{Regex.Escape(hole)}",
        match => match.Groups["letter"].Success ? $"{match.Groups["letter"].Value}{(EmojiCaption.IsVowel(value.Split(' ')[0]) ? "n" : "")}{match.Groups["space"].Value}{value}" : value,
        RegexOptions.CultureInvariant);

    /// <summary>Orders texts at random, the same way for the same seed, whatever other texts there are.</summary>
    public static ulong Draw(string normalized, long seed) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(normalized), seed);
}
