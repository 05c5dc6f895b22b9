namespace Whence.Datasets.Emoji;

/// <summary>The drawings of all packages, each with the object that it shows.</summary>
public sealed class EmojiArtwork
{
    private EmojiArtwork(IReadOnlyList<EmojiObject> objects, IReadOnlyList<EmojiDrawing> drawings) => (Objects, Drawings) = (objects, drawings);

    /// <summary>All objects, in Unicode's order.</summary>
    public IReadOnlyList<EmojiObject> Objects { get; }

    /// <summary>Pairs of an object and a designer who drew it, by designer as the lock file has them, then in the order of the objects.</summary>
    internal IReadOnlyList<EmojiDrawing> Drawings { get; }

    /// <summary>Reads the packages.</summary>
    /// <param name="packages">Which.</param>
    /// <param name="pathOf">Where the archive of each is.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="WhenceException">A package is missing, another one than is locked, or not what it should be.</exception>
    public static async Task<EmojiArtwork> LoadAsync(PackageLock packages, Func<LockedPackage, string> pathOf, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(packages);
        ArgumentNullException.ThrowIfNull(pathOf);
        var where = pathOf(packages.Names);
        var names = EmojiNames.Read(PackageArchive.Read(await packages.Names.ReadAsync(where, cancellation).ConfigureAwait(false), where, EmojiNames.Files), where);
        var drawings = new List<EmojiDrawing>();
        foreach (var package in packages.Drawings)
        {
            where = pathOf(package);
            var files = PackageArchive.Read(await package.ReadAsync(where, cancellation).ConfigureAwait(false), where, "icons.json", "chars.json");
            var set = new IconSet(files.GetValueOrDefault("icons.json") ?? throw new WhenceException($"{where}: has no icons.json"), files.GetValueOrDefault("chars.json"), where);
            var matched = names.Match(set, package.Objects);
            drawings.AddRange(names.Objects.Where(o => matched.ContainsKey(o.Code)).Select(o => new EmojiDrawing(o, package, set, matched[o.Code])));
        }

        return new EmojiArtwork(names.Objects, drawings);
    }
}

/// <summary>One designer's drawing of one object.</summary>
/// <param name="Object">What it shows.</param>
/// <param name="Package">Where it comes from.</param>
/// <param name="Set">The drawings of the package.</param>
/// <param name="Name">Its name there.</param>
internal sealed record EmojiDrawing(EmojiObject Object, LockedPackage Package, IconSet Set, string Name)
{
    public string Style => Package.Style!;

    /// <summary>Names the drawing in keys: seeds follow from it.</summary>
    public string Key => $"{Style.Replace(' ', '-')}/{Object.Code.ToLowerInvariant()}";
}
