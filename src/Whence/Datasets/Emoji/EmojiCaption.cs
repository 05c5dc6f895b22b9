namespace Whence.Datasets.Emoji;

/// <summary>What a picture is called: "a red apple, noto style". One short form for all, the object first.</summary>
internal static class EmojiCaption
{
    private static readonly string[] Consonant = ["eu", "ewe", "one", "uni", "use", "usu", "uti"];
    private static readonly string[] Singular = ["ss", "us", "is", "os"];
    private static readonly string[] LettersWithVowel = ["A", "E", "F", "H", "I", "L", "M", "N", "O", "R", "S", "X"];
    private static readonly string[] CapitalsThatAreWords = ["FREE", "NEW", "SOON"];
    private static readonly string[] Persons = ["man", "woman", "person"];

    // What follows these says more of a thing, but not whether it is one or many.
    private static readonly string[] Ends =
        [":", "(", " with ", " of ", " in ", " over ", " on ", " at ", " from ", " behind ", " holding ", " lifting ", " showing "];

    // An article is wrong before these words, whatever follows: names, plurals, what is no thing.
    private static readonly string[] BareBeginnings =
    [
        "people", "men", "women", "children", "no", "palms", "Santa", "Mrs.", "Mx", "Tokyo", "mount", "locked", "unlocked", "rolling", "dashing", "Statue", "ZZZ",
        "Aries", "Taurus", "Gemini", "Cancer", "Leo", "Virgo", "Libra", "Scorpio", "Sagittarius", "Capricorn", "Aquarius", "Pisces", "Ophiuchus",
    ];

    // ... and before things that end with these: substances, sports, what is no thing.
    private static readonly string[] BareEnds =
    [
        "bacon", "bread", "broccoli", "butter", "coral", "fire", "fog", "food", "garlic", "ice", "liquid", "luggage", "mate", "meat", "money", "oden", "polish", "popcorn",
        "rice", "sake", "salt", "soap", "spaghetti", "sushi", "voltage", "water", "wood", "yarn", "skis",
        "badminton", "bowling", "camping", "cooking", "hockey", "lacrosse", "pong", "racing", "tennis", "breast-feeding", "construction", "control", "exchange",
        "copyright", "divide", "dizzy", "dna", "foggy", "infinity", "information", "kaaba", "multiply", "om", "prohibited", "radioactive", "registered",
        "star-struck", "wireless", "yang", "o'clock",
    ];

    /// <summary>The caption of an object, by its label, in a style.</summary>
    public static string Of(string label, string style) => $"{WithArticle(Plain(label))}, {style} style";

    /// <summary>A label with the article that it takes; none for plurals, substances, names and what is no thing.</summary>
    public static string WithArticle(string label)
    {
        var first = label.Split(' ')[0];
        var head = Ends.Aggregate(label, (rest, end) => rest.Split(end)[0]).Split(" and ")[^1].Trim().Split(' ');
        var last = head[^1];
        var plural = last.Length > 2 && last.EndsWith('s') && !Singular.Any(end => last.EndsWith(end, StringComparison.Ordinal));
        var bare = plural || first.Length == 0 || !char.IsAsciiLetterOrDigit(first[0])
            || BareBeginnings.Contains(first) || (head.Length <= 2 && BareEnds.Contains(last)) || last.EndsWith("-thirty", StringComparison.Ordinal);
        return bare ? label : $"{(IsVowel(first) ? "an" : "a")} {label}";
    }

    /// <summary>
    /// A label as one would say and type it, without Unicode's colons, lists and curled quotes: "man with red hair" for "man: red hair", "kiss of woman and man" for
    /// "kiss: woman, man".
    /// </summary>
    public static string Plain(string label)
    {
        label = label.Replace('’', '\'').Replace('“', '"').Replace('”', '"');
        if (label.Split(": ") is not [var what, var more])
        {
            return label;
        }

        var listed = more.LastIndexOf(", ", StringComparison.Ordinal);
        return Persons.Contains(what) ? more == "bald" ? $"bald {what}" : $"{what} with {more}"
            : what == "family" || listed >= 0 ? $"{what} of {(listed < 0 ? more : $"{more[..listed]} and {more[(listed + 2)..]}")}"
            : $"{what} {more}";
    }

    /// <summary>Whether "an" stands before a word.</summary>
    public static bool IsVowel(string word)
    {
        if (word.Length == 0)
        {
            return false;
        }

        // Letters that are spelt out are said by their names: an ATM sign, an SOS button, an x-ray.
        var letters = word.Split('-')[0];
        var spelt = letters.Length == 1 || (letters.Length <= 4 && letters.All(char.IsAsciiLetterUpper) && !CapitalsThatAreWords.Contains(letters));
        var lower = word.ToLowerInvariant();
        return spelt ? LettersWithVowel.Contains(letters[..1].ToUpperInvariant())
            : lower.StartsWith("hour", StringComparison.Ordinal) || ("aeiou".Contains(lower[0], StringComparison.Ordinal) && !Consonant.Any(c => lower.StartsWith(c, StringComparison.Ordinal)));
    }
}
