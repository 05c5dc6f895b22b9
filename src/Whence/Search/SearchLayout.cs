using System.Collections.Concurrent;
using Whence.Mapping;

namespace Whence.Search;

/// <summary>
/// The derived form of an index that is scanned (<c>docs/formats.md</c>): per part the normalised rows as int8, and with a mapper
/// also the mapped rows themselves. It lies in a folder of its own for each mapper, belongs to features of one checksum, is
/// never used for others, and can be deleted at any time.
/// </summary>
internal sealed class SearchLayout
{
    private const string ManifestName = "layout.json";
    private const int CurrentVersion = 1;

    private readonly ConcurrentDictionary<int, LayoutEntry> _entries;
    private readonly DerivedFolder _folder;

    private SearchLayout(DerivedFolder folder, IEnumerable<LayoutEntry> entries) =>
        (_folder, _entries) = (folder, new(entries.Select(e => KeyValuePair.Create(e.Number, e))));

    public string Folder => _folder.Path;

    /// <summary>What is there for an index and a mapper; a layout that is missing, unreadable, or of another version is an empty one.</summary>
    public static SearchLayout Find(FeatureIndex index, Mapper? mapper)
    {
        var folder = DerivedFolder.Of(index, mapper, "search");
        var manifest = folder.Read<LayoutManifest>(ManifestName, LayoutManifest.FormatName, CurrentVersion);
        return new SearchLayout(folder, manifest?.Parts is { } parts && IsSound(parts) ? parts : []);
    }

    /// <summary>The entry of a part, where it was made of the features that the index has now and its files are there.</summary>
    public LayoutEntry? Find(IndexPart part) =>
        _entries.TryGetValue(part.Number, out var entry) && entry.FeaturesSha256 == part.FeaturesSha256 && entry.Rows == part.Rows
        && File.Exists(RowsPath(part)) && (_folder.Mapper.Length == 0 || File.Exists(MappedPath(part)))
            ? entry
            : null;

    /// <summary>Records a part that was written. Not safe from several threads.</summary>
    public void Add(IndexPart part, string rowsHash)
    {
        _entries[part.Number] = new LayoutEntry(part.Number, part.Rows, part.FeaturesSha256, rowsHash);
        _folder.Write(ManifestName, new LayoutManifest(
            LayoutManifest.FormatName, CurrentVersion, _folder.Encoder, _folder.Mapper, [.. _entries.Values.OrderBy(e => e.Number)]));
    }

    /// <summary>The int8 rows of a part, see <see cref="LayoutPart"/>.</summary>
    public string RowsPath(IndexPart part) => _folder[$"part-{part.Number:D5}.rows"];

    /// <summary>The mapped and normalised float32 rows of a part; only with a mapper.</summary>
    public string MappedPath(IndexPart part) => _folder[$"part-{part.Number:D5}.npy"];

    private static bool IsSound(IReadOnlyList<LayoutEntry> parts) =>
        parts.All(p => p is not null) && parts.Select(p => p.Number).Distinct().Count() == parts.Count;
}

/// <summary><c>layout.json</c>.</summary>
internal sealed record LayoutManifest(string Format, int Version, string Encoder, string Mapper, IReadOnlyList<LayoutEntry> Parts)
    : DerivedContents(Format, Version, Encoder, Mapper)
{
    public const string FormatName = "whence-search-layout";
}

/// <summary>A part of a layout, the checksum of the features it was made of, and that of its own table of checksums.</summary>
internal sealed record LayoutEntry(int Number, int Rows, string FeaturesSha256, string RowsHash);
