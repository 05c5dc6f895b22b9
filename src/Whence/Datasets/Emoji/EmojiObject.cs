namespace Whence.Datasets.Emoji;

/// <summary>What a drawing shows.</summary>
/// <param name="Code">Its code points in upper-case hexadecimal, joined by <c>-</c>, without variation selectors: <c>1F34E</c>.</param>
/// <param name="Label">Its name: "red apple".</param>
/// <param name="Group">Group of Unicode: "food-drink".</param>
/// <param name="Subgroup">Subgroup: "food-fruit".</param>
/// <param name="Tags">Further words for it.</param>
public sealed record EmojiObject(string Code, string Label, string Group, string Subgroup, IReadOnlyList<string> Tags)
{
    // Words by which twins differ: drawings of them are mostly one drawing, recoloured, turned, or with another head.
    private static readonly HashSet<string> Differences = new(
        [
            .. "man men woman women person people boy girl child adult man’s men’s woman’s women’s male female old older Santa Mrs. Mx and".Split(' '),
            .. "red orange yellow green blue purple brown black white grey pink light blond".Split(' '),
            .. "small medium large low high double".Split(' '),
            .. "left right up down leftwards rightwards upwards downwards facing pointed horizontal vertical horizontally vertically forward reverse next oncoming".Split(' '),
            .. "open closed raised lowered increasing decreasing not non uppercase lowercase".Split(' '),
            .. "new full first last quarter crescent gibbous waxing waning 1st 2nd 3rd".Split(' '),
            .. "yen dollar euro pound Europe Africa Americas Asia Australia A AB B O".Split(' '),
        ],
        StringComparer.Ordinal);

    private static readonly Dictionary<string, string> Pairs = new(StringComparer.Ordinal)
    {
        ["mermaid"] = "merperson",
        ["merman"] = "merperson",
        ["princess"] = "prince",
        ["unlocked"] = "locked",
    };

    /// <summary>
    /// What twins have in common: "apple" of the red and the green one, "running" of man, woman and person, "hair" of whoever has it, "clock face" of all times.
    /// Objects of one theme are held out together.
    /// </summary>
    internal string Theme
    {
        get
        {
            if (Label.EndsWith("o’clock", StringComparison.Ordinal) || Label.EndsWith("-thirty", StringComparison.Ordinal))
            {
                return "clock face";
            }

            // After a colon stand the persons of a family, the number of a keycap, and what a person looks like.
            return Label.Split(':').Select(Rest).FirstOrDefault(rest => rest.Length > 0, "person");
        }
    }

    /// <summary>Code points as <see cref="Code"/> has them.</summary>
    internal static string Normal(string code) =>
        string.Join('-', code.ToUpperInvariant().Split('-', '_', ' ').Select(part => part.TrimStart('0')).Where(part => part != "FE0F"));

    // One note and several are one theme, too.
    private static string Rest(string label) => string.Join(
        ' ', label.Split(' ', '-', ',').Where(word => word.Length > 0 && !Differences.Contains(word)).Select(word => Pairs.GetValueOrDefault(word, word).TrimEnd('s')));
}
