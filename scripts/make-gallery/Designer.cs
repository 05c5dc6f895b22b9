namespace MakeGallery;

/// <summary>One set of drawings and what its licence asks to be said about it.</summary>
/// <param name="Package">The npm package without its scope; also the folder of the drawings in the archive.</param>
/// <param name="Name">The set's name.</param>
/// <param name="Creator">Who is to be credited.</param>
/// <param name="Style">How it looks, in a few words.</param>
/// <param name="Licence">SPDX identifier of the artwork's licence, as its makers state it.</param>
/// <param name="LicenceUrl">Where the licence can be read.</param>
/// <param name="Source">Where the originals are published.</param>
internal sealed record Designer(
    string Package, string Name, string Creator, string Style, string Licence, string LicenceUrl, string Source)
{
    private const string ApacheUrl = "https://www.apache.org/licenses/LICENSE-2.0";
    private const string AttributionUrl = "https://creativecommons.org/licenses/by/4.0/";

    public static IReadOnlyList<Designer> All { get; } =
    [
        new("emojione", "EmojiTwo", "Ranks.com (EmojiOne 2) and the EmojiTwo community", "flat cartoon with soft outlines",
            "CC-BY-4.0", AttributionUrl, "https://github.com/EmojiTwo/emojitwo"),
        new("fluent-emoji-flat", "Fluent Emoji Flat", "Microsoft", "flat shapes in bright colours",
            "MIT", "https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE", "https://github.com/microsoft/fluentui-emoji"),
        new("fluent-emoji-high-contrast", "Fluent Emoji High Contrast", "Microsoft", "black and white silhouettes",
            "MIT", "https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE", "https://github.com/microsoft/fluentui-emoji"),
        // Its npm package says Apache-2.0; that is the licence of Mozilla's code. LICENSE.md gives the visual design under CC BY 4.0.
        new("fxemoji", "Firefox OS Emoji", "Mozilla", "flat shapes in pastel colours",
            "CC-BY-4.0", AttributionUrl, "https://github.com/mozilla/fxemoji"),
        new("noto", "Noto Emoji", "Google", "shaded with gradients",
            "Apache-2.0", ApacheUrl, "https://github.com/googlefonts/noto-emoji"),
        new("noto-v1", "Noto Emoji v1", "Google", "flat, plump shapes",
            "Apache-2.0", ApacheUrl, "https://github.com/googlefonts/noto-emoji"),
        new("twemoji", "Twemoji", "Twitter and other contributors", "flat, filling the frame",
            "CC-BY-4.0", AttributionUrl, "https://github.com/jdecked/twemoji"),
    ];
}
