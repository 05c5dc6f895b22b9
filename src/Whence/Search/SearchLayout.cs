using System.Collections.Concurrent;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// The derived form of an index that is scanned (<c>docs/formats.md</c>): per part the normalised rows as int8, and with a mapper
/// also the mapped rows themselves. It lies in a folder of its own for each mapper, belongs to features of one checksum, is
/// never used for others, and can be deleted at any time.
/// </summary>
internal sealed class SearchLayout
{
    private const string RootName = "search";
    private const string ManifestName = "layout.json";
    private const int CurrentVersion = 1;

    private readonly ConcurrentDictionary<int, LayoutEntry> _entries;
    private readonly DerivedFolder _folder;

    private SearchLayout(DerivedFolder folder, IEnumerable<LayoutEntry> entries) =>
        (_folder, _entries) = (folder, new(entries.Select(e => KeyValuePair.Create(e.Number, e))));

    public string Folder => _folder.Path;

    /// <summary>Whether a mapper's rows lie beside the int8 ones.</summary>
    public bool IsMapped => _folder.Mapper.Length > 0;

    /// <summary>What is there for an index and a mapper; a layout that is missing, unreadable, or of another version is an empty one.</summary>
    public static SearchLayout Find(FeatureIndex index, Mapper? mapper)
    {
        var folder = DerivedFolder.Of(index, mapper, RootName);
        return new SearchLayout(folder, Entries(folder));
    }

    /// <summary>The folder of the layout for an index and a mapper, there or not.</summary>
    public static string FolderOf(FeatureIndex index, Mapper? mapper) => DerivedFolder.Of(index, mapper, RootName).Path;

    /// <summary>What is there for an index and whatever mappers, in ordinal order; what means nothing is an empty one.</summary>
    public static IReadOnlyList<SearchLayout> FindAll(FeatureIndex index) =>
        [.. DerivedFolder.All<LayoutManifest>(index, RootName, ManifestName, LayoutManifest.FormatName, CurrentVersion)
            .Select(folder => new SearchLayout(folder, Entries(folder)))];

    /// <summary>The entry of a part, where it was made of the features that the index has now and its files are there.</summary>
    public LayoutEntry? Find(IndexPart part) =>
        _entries.TryGetValue(part.Number, out var entry) && entry.FeaturesSha256 == part.FeaturesSha256 && entry.Rows == part.Rows
        && File.Exists(RowsPath(part)) && (!IsMapped || File.Exists(MappedPath(part)))
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

    /// <summary>Opens the mapped rows of a part.</summary>
    /// <exception cref="WhenceException">The file is missing, damaged, or of another shape.</exception>
    public NpyFile OpenMapped(IndexPart part, int dimension)
    {
        var file = LayoutPart.OpenFile(MappedPath(part), () => NpyFile.Open(MappedPath(part)));
        if (file.Rows == part.Rows && file.Columns == dimension && file.Type == ElementType.F32)
        {
            return file;
        }

        file.Dispose();
        throw LayoutPart.Damaged(file.Path, $"it holds {file.Rows} x {file.Columns} {file.Type}, expected {part.Rows} x {dimension} F32");
    }

    private static IReadOnlyList<LayoutEntry> Entries(DerivedFolder folder) =>
        folder.Read<LayoutManifest>(ManifestName, LayoutManifest.FormatName, CurrentVersion)?.Parts is { } parts
        && parts.All(p => p is not null) && parts.Select(p => p.Number).Distinct().Count() == parts.Count
            ? parts
            : [];
}

/// <summary><c>layout.json</c>.</summary>
internal sealed record LayoutManifest(string Format, int Version, string Encoder, string Mapper, IReadOnlyList<LayoutEntry> Parts)
    : DerivedContents(Format, Version, Encoder, Mapper)
{
    public const string FormatName = "whence-search-layout";
}

/// <summary>A part of a layout, the checksum of the features it was made of, and that of its own table of checksums.</summary>
internal sealed record LayoutEntry(int Number, int Rows, string FeaturesSha256, string RowsHash);
