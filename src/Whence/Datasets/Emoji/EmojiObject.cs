namespace Whence.Datasets.Emoji;

/// <summary>What a drawing shows.</summary>
/// <param name="Code">Its code points in upper-case hexadecimal, joined by <c>-</c>, without variation selectors: <c>1F34E</c>.</param>
/// <param name="Label">Its name: "red apple".</param>
/// <param name="Group">Group of Unicode: "food-drink".</param>
/// <param name="Subgroup">Subgroup: "food-fruit".</param>
/// <param name="Tags">Further words for it.</param>
public sealed record EmojiObject(string Code, string Label, string Group, string Subgroup, IReadOnlyList<string> Tags)
{
    private static readonly string[] People = ["man", "men", "woman", "women", "person", "people", "boy", "girl", "child"];

    /// <summary>
    /// What several objects have in common that differ by who does it: "runner" of man, woman and person; objects of one theme are held out together.
    /// </summary>
    internal string Theme
    {
        get
        {
            var words = Label.Split(':')[0].Replace(" facing right", "", StringComparison.Ordinal).Split(' ');
            var rest = words.Where(word => !People.Contains(word)).ToArray();
            return rest.Length == 0 ? Label.Split(':')[0] : string.Join(' ', rest);
        }
    }

    /// <summary>Code points as <see cref="Code"/> has them.</summary>
    internal static string Normal(string code) =>
        string.Join('-', code.ToUpperInvariant().Split('-', '_', ' ').Select(part => part.TrimStart('0')).Where(part => part != "FE0F"));
}
