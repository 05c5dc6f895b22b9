namespace Whence.Datasets.Emoji;

/// <summary>What a picture is called: "a red apple, noto style".</summary>
internal static class EmojiCaption
{
    private static readonly string[] Consonant = ["eu", "ewe", "one", "uni", "use", "usu", "uti"];
    private static readonly string[] Singular = ["ss", "us", "is"];
    private static readonly string[] LettersWithVowel = ["A", "E", "F", "H", "I", "L", "M", "N", "O", "R", "S", "X"];

    public static string Of(string label, string style) => $"{WithArticle(label)}, {style} style";

    /// <summary>A label with the article that it takes; none for what is a plural, a name or a sign.</summary>
    public static string WithArticle(string label)
    {
        var first = label.Split(' ')[0];
        var head = label.Split(':', '(')[0].Split(" with ")[0].Split(" of ")[0].Split(" in ")[0].Split(" and ")[^1].Trim().Split(' ')[^1];
        var plural = head.Length > 2 && head.EndsWith('s') && !Singular.Any(end => head.EndsWith(end, StringComparison.Ordinal));
        if (plural || first.Length == 0 || !char.IsAsciiLetter(first[0]) || first.EndsWith('.'))
        {
            return label;
        }

        return $"{(IsVowel(first) ? "an" : "a")} {label}";
    }

    private static bool IsVowel(string word)
    {
        // Letters that are spelt out are said by their names: an ATM sign, an SOS button.
        var spelt = word.Length is > 1 and <= 4 && word.All(char.IsAsciiLetterUpper);
        var lower = word.ToLowerInvariant();
        return spelt ? LettersWithVowel.Contains(word[..1])
            : lower.StartsWith("hour", StringComparison.Ordinal) || ("aeiou".Contains(lower[0], StringComparison.Ordinal) && !Consonant.Any(c => lower.StartsWith(c, StringComparison.Ordinal)));
    }
}
