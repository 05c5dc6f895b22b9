namespace Whence.Datasets.Emoji;

/// <summary>The parts of a data set, by what of them a model that is trained on the first one has not seen.</summary>
internal static class EmojiSplit
{
    public const string Train = "train";
    public const string Objects = "held-out-objects";
    public const string Styles = "held-out-styles";
    public const string Both = "held-out-both";

    /// <summary>All, in the order of reports.</summary>
    public static IReadOnlyList<string> All { get; } = [Train, Objects, Styles, Both];

    public static string Of(bool newObject, bool newStyle) => (newObject, newStyle) switch
    {
        (false, false) => Train,
        (true, false) => Objects,
        (false, true) => Styles,
        _ => Both,
    };
}
