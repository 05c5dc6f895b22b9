using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Whence.Encoders;
using Whence.Files;
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
    internal const string FolderName = "search";
    private const string ManifestName = "layout.json";
    private const string FeaturesName = "features";
    private const string MappedPrefix = "mapped-";
    private const int CurrentVersion = 1;
    private const int KeyLength = 16;

    private readonly ConcurrentDictionary<int, LayoutEntry> _entries;
    private readonly string _mapper;

    private SearchLayout(string folder, string mapper, IEnumerable<LayoutEntry> entries) =>
        (Folder, _mapper, _entries) = (folder, mapper, new(entries.Select(e => KeyValuePair.Create(e.Number, e))));

    public string Folder { get; }

    /// <summary>Whether a mapper's rows lie beside the int8 ones.</summary>
    public bool IsMapped => _mapper.Length > 0;

    /// <summary>What is there for an index and a mapper; a layout that is missing, unreadable, or of another version is an empty one.</summary>
    public static SearchLayout Find(FeatureIndex index, Mapper? mapper)
    {
        var key = Key(mapper);
        var folder = FolderOf(index, key);
        return new SearchLayout(folder, key, Read(folder) is { } manifest && manifest.Mapper == key && IsOf(manifest, index) ? manifest.Parts : []);
    }

    /// <summary>What is there for an index and whatever mappers, in ordinal order; what means nothing is an empty one.</summary>
    public static IReadOnlyList<SearchLayout> FindAll(FeatureIndex index)
    {
        var root = Path.Combine(index.Folder, FolderName);
        return !Directory.Exists(root) ? [] : RegularFile.Guard(root, () => Directory.GetDirectories(root).Where(IsLayout).Order(StringComparer.Ordinal).Select(folder =>
            Read(folder) is { } manifest && IsOf(manifest, index) && FolderOf(index, manifest.Mapper) == folder
                ? new SearchLayout(folder, manifest.Mapper, manifest.Parts)
                : new SearchLayout(folder, "", [])).ToArray());
    }

    /// <summary>The entry of a part, where it was made of the features that the index has now and its files are there.</summary>
    public LayoutEntry? Find(IndexPart part) =>
        _entries.TryGetValue(part.Number, out var entry) && entry.FeaturesSha256 == part.FeaturesSha256 && entry.Rows == part.Rows
        && File.Exists(RowsPath(part)) && (!IsMapped || File.Exists(MappedPath(part)))
            ? entry
            : null;

    /// <summary>Records a part that was written. Not safe from several threads.</summary>
    public void Add(IndexPart part, string encoder, string rowsHash)
    {
        _entries[part.Number] = new LayoutEntry(part.Number, part.Rows, part.FeaturesSha256, rowsHash);
        var manifest = new LayoutManifest(LayoutManifest.FormatName, CurrentVersion, encoder, _mapper, [.. _entries.Values.OrderBy(e => e.Number)]);
        AtomicFile.Write(Path.Combine(Folder, ManifestName), stream => JsonSerializer.Serialize(stream, manifest, SpecJson.Options));
    }

    /// <summary>The int8 rows of a part, see <see cref="LayoutPart"/>.</summary>
    public string RowsPath(IndexPart part) => Path.Combine(Folder, $"part-{part.Number:D5}.rows");

    /// <summary>The mapped and normalised float32 rows of a part; only with a mapper.</summary>
    public string MappedPath(IndexPart part) => Path.Combine(Folder, $"part-{part.Number:D5}.npy");

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

    private static string FolderOf(FeatureIndex index, string mapper) =>
        Path.Combine(index.Folder, FolderName, mapper.Length == 0 ? FeaturesName : MappedPrefix + mapper[..Math.Min(KeyLength, mapper.Length)]);

    private static bool IsLayout(string folder) =>
        Path.GetFileName(folder) is var name
        && (name == FeaturesName || (name.StartsWith(MappedPrefix, StringComparison.Ordinal) && name[MappedPrefix.Length..].All(char.IsAsciiHexDigitLower)));

    private static bool IsOf(LayoutManifest manifest, FeatureIndex index) => manifest.Version == CurrentVersion && manifest.Encoder == index.Manifest.Encoder;

    /// <summary>SHA-256 of the mapper's tensors; empty for none.</summary>
    private static string Key(Mapper? mapper)
    {
        if (mapper is null)
        {
            return "";
        }

        using var bytes = new MemoryStream();
        SafetensorsFile.Write(bytes, [.. mapper.State("")]);
        return Convert.ToHexStringLower(SHA256.HashData(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
    }

    private static LayoutManifest? Read(string folder)
    {
        var path = Path.Combine(folder, ManifestName);
        try
        {
            return File.Exists(path) && JsonSerializer.Deserialize<LayoutManifest>(File.ReadAllBytes(path), SpecJson.Options)
                is { Format: LayoutManifest.FormatName, Mapper: not null, Parts: { } parts } manifest
                && parts.All(p => p is not null) && parts.Select(p => p.Number).Distinct().Count() == parts.Count
                ? manifest
                : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

/// <summary><c>layout.json</c>.</summary>
internal sealed record LayoutManifest(string Format, int Version, string Encoder, string Mapper, IReadOnlyList<LayoutEntry> Parts)
{
    public const string FormatName = "whence-search-layout";
}

/// <summary>A part of a layout, the checksum of the features it was made of, and that of its own table of checksums.</summary>
internal sealed record LayoutEntry(int Number, int Rows, string FeaturesSha256, string RowsHash);
