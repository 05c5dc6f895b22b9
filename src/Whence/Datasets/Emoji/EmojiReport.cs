namespace Whence.Datasets.Emoji;

/// <summary>What a data set holds, as its <c>dataset.json</c> says; no times and no paths, so that the same data set has the same report.</summary>
public sealed record EmojiReport
{
    internal const string FormatName = "whence-emoji-dataset";
    internal const int CurrentVersion = 1;

    /// <summary>Always <c>whence-emoji-dataset</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Version of the format.</summary>
    public required int Version { get; init; }

    /// <summary>What it was made by.</summary>
    public required EmojiRecipe Recipe { get; init; }

    /// <summary>What it was made of, the package of names first.</summary>
    public required IReadOnlyList<EmojiPackageReport> Packages { get; init; }

    /// <summary>Number of objects that Unicode has, without flags and parts of emoji.</summary>
    public required int Objects { get; init; }

    /// <summary>Labels of those that are held out.</summary>
    public required IReadOnlyList<string> HeldOutObjects { get; init; }

    /// <summary>The tar files.</summary>
    public required IReadOnlyList<EmojiFileReport> Files { get; init; }

    /// <summary>How many pictures were dropped: drawings and treated ones, by reason.</summary>
    public required IReadOnlyDictionary<string, int> Dropped { get; init; }

    /// <summary>Each drawing, or treated drawing, that was dropped, and why; of duplicates the picture that stayed.</summary>
    public required IReadOnlyList<string> DroppedPictures { get; init; }

    internal static EmojiReport Of(
        EmojiArtwork artwork, PackageLock packages, EmojiRecipe recipe, EmojiSamples samples,
        IReadOnlyDictionary<(string Split, string Style), int> written, IReadOnlyList<EmojiSample> dropped, IReadOnlyDictionary<string, string> checksums)
    {
        var byPackage = artwork.Drawings.CountBy(d => d.Package.Name).ToDictionary();
        return new EmojiReport
        {
            Format = FormatName,
            Version = CurrentVersion,
            Recipe = recipe,
            Packages = [.. packages.All().Select(p => new EmojiPackageReport($"{p.Name}@{p.Version}", p.Integrity, p.Style, p.Licence, p.Creator, byPackage.GetValueOrDefault(p.Name)))],
            Objects = artwork.Objects.Count,
            HeldOutObjects = [.. artwork.Objects.Where(samples.IsHeldOut).Select(o => o.Label)],
            Files =
            [
                .. EmojiSplit.All.Select(split => new EmojiFileReport(
                    EmojiDataset.FileOf(split),
                    checksums[split],
                    written.Where(w => w.Key.Split == split).Sum(w => w.Value),
                    written.Where(w => w.Key.Split == split).OrderBy(w => w.Key.Style, StringComparer.Ordinal).ToDictionary(w => w.Key.Style, w => w.Value))),
            ],
            Dropped = Reasons().ToDictionary(r => r.Name, r => dropped.Count(d => (d.IsTreated, d.Drop) == (r.Treated, r.Drop))),
            DroppedPictures = [.. dropped.Select(d => $"{d.Key}: {Why(d)}")],
        };
    }

    private static IEnumerable<(string Name, bool Treated, EmojiDrop Drop)> Reasons() =>
    [
        ("broken drawings", false, EmojiDrop.Broken),
        ("blank drawings", false, EmojiDrop.Blank),
        ("duplicate drawings", false, EmojiDrop.Duplicate),
        ("blank treated", true, EmojiDrop.Blank),
        ("duplicate treated", true, EmojiDrop.Duplicate),
    ];

    private static string Why(EmojiSample dropped) => dropped.Drop switch
    {
        EmojiDrop.Broken => $"broken, {dropped.Reason}",
        EmojiDrop.Blank => "blank",
        _ => $"duplicate of {dropped.Reason}",
    };
}

/// <summary>A package of a data set.</summary>
/// <param name="Package">Name and version.</param>
/// <param name="Integrity">SHA-512 of the archive.</param>
/// <param name="Style">Style of the designer; null for names.</param>
/// <param name="Licence">SPDX identifier.</param>
/// <param name="Creator">Who is to be credited.</param>
/// <param name="Drawings">Drawings that show one of the objects.</param>
public sealed record EmojiPackageReport(string Package, string Integrity, string? Style, string Licence, string Creator, int Drawings);

/// <summary>A tar file of a data set.</summary>
/// <param name="File">Its name.</param>
/// <param name="Sha256">Its checksum, lower-case hexadecimal.</param>
/// <param name="Pictures">Samples in it.</param>
/// <param name="Styles">Samples by style.</param>
public sealed record EmojiFileReport(string File, string Sha256, int Pictures, IReadOnlyDictionary<string, int> Styles);
