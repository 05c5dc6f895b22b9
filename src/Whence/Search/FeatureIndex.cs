using System.Collections.Concurrent;
using Whence.Files;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// An index opened for reading: raw features in parts, metadata beside them, and the ids that were taken out. Opening reads
/// the manifest and the removals only; a part's checksum is checked when it is first read. Thread-safe.
/// </summary>
public sealed class FeatureIndex
{
    private readonly ConcurrentDictionary<int, Lazy<bool>> _checked = [];
    private readonly HashSet<long> _removed;

    private FeatureIndex(string folder, IndexManifest manifest, HashSet<long> removed)
    {
        Folder = folder;
        Manifest = manifest;
        _removed = removed;
    }

    /// <summary>The index's folder.</summary>
    public string Folder { get; }

    /// <summary>What the index was made with.</summary>
    public IndexManifest Manifest { get; }

    /// <summary>Number of rows, removed ones included: ids run from 0 to <c>Count - 1</c>.</summary>
    public long Count => Manifest.Count;

    /// <summary>Ids that <c>whence remove</c> took out; they are never found.</summary>
    public IReadOnlySet<long> Removed => _removed;

    /// <summary>Opens an index folder.</summary>
    /// <exception cref="WhenceException">The folder is no index, is damaged, or a newer Whence wrote it.</exception>
    public static FeatureIndex Open(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        var manifest = IndexManifest.Load(folder);
        return new FeatureIndex(folder, manifest, [.. IndexRemoval.Read(folder)]);
    }

    /// <summary>The part that holds an id.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No row has that id.</exception>
    public IndexPart PartOf(long id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        var (low, high) = (0, Manifest.Parts.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = Manifest.Parts[middle].FirstId <= id ? (middle, high) : (low, middle - 1);
        }

        return Manifest.Parts[low];
    }

    /// <summary>Memory-maps the features of a part: rows x dimension. Its checksum is checked the first time.</summary>
    /// <exception cref="WhenceException">The file is missing or is not as it was written.</exception>
    public NpyFile OpenFeatures(IndexPart part) => OpenFeatures(part, check: true);

    /// <summary>The same without the checksum, for who checks every row that is read.</summary>
    internal NpyFile OpenFeatures(IndexPart part, bool check)
    {
        ArgumentNullException.ThrowIfNull(part);
        var path = Path.Combine(Folder, part.FeaturesFile);

        // Credit must not rest on rotten bytes. Lazy: threads that want the same part wait for one of them to read it.
        _ = !check || _checked.GetOrAdd(part.Number, _ => new Lazy<bool>(() =>
        {
            Checksum.Check(path, part.FeaturesSha256);
            return true;
        })).Value;
        var file = NpyFile.Open(path);
        if (file.Rows == part.Rows && file.Columns == Manifest.Dimension && file.Type == Manifest.Type)
        {
            return file;
        }

        var found = $"{file.Rows} x {file.Columns} {file.Type}";
        file.Dispose();
        throw new WhenceException(
            $"{path}: holds {found}, but the manifest says {part.Rows} x {Manifest.Dimension} {Manifest.Type}; 'whence verify {Folder}' tells what to rebuild.");
    }

    /// <summary>Whether the files can hold the rows that the manifest claims, before anything is allocated for that many.</summary>
    /// <exception cref="WhenceException">A features file is missing or too short.</exception>
    internal void CheckSizes()
    {
        foreach (var part in Manifest.Parts)
        {
            var path = Path.Combine(Folder, part.FeaturesFile);
            var length = RegularFile.Guard(path, () => RegularFile.Length(path));
            var needed = (long)part.Rows * Manifest.Dimension * Manifest.Type.Size();
            if (!(length >= needed))
            {
                throw new WhenceException(
                    $"{path}: {(length is null ? "is missing" : $"holds {length} bytes")}, but the manifest says {part.Rows} x {Manifest.Dimension} {Manifest.Type} = {needed}; 'whence verify {Folder}' tells what to rebuild.");
            }
        }
    }

    /// <summary>Raw features of single rows, in the order of the ids: n x d.</summary>
    public FeatureMatrix ReadFeatures(IReadOnlyList<long> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var values = new float[ids.Count * Manifest.Dimension];
        foreach (var group in Enumerable.Range(0, ids.Count).GroupBy(i => PartOf(ids[i])))
        {
            using var file = OpenFeatures(group.Key);
            foreach (var i in group)
            {
                file.ReadRows(ids[i] - group.Key.FirstId, values.AsSpan(i * Manifest.Dimension, Manifest.Dimension));
            }
        }

        return new FeatureMatrix(ids.Count, Manifest.Dimension, values);
    }

    /// <summary>The metadata rows of a part, in id order.</summary>
    /// <exception cref="WhenceException">The file is missing or damaged.</exception>
    public IReadOnlyList<IndexedImage> ReadMetadata(IndexPart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        return MetadataFile.ReadImages(Folder, part);
    }

    /// <summary>All metadata rows in id order, one part in memory at a time; removed images included.</summary>
    public IEnumerable<IndexedImage> ReadMetadata() => Manifest.Parts.SelectMany(ReadMetadata);

    /// <summary>The metadata of the given ids.</summary>
    public IReadOnlyDictionary<long, IndexedImage> FindImages(IEnumerable<long> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var found = new ConcurrentDictionary<long, IndexedImage>();
        Unwrap.Aggregate(() => Parallel.ForEach(ids.Distinct().GroupBy(PartOf), group =>
        {
            var rows = ReadMetadata(group.Key);
            foreach (var id in group)
            {
                found[id] = rows[(int)(id - group.Key.FirstId)];
            }
        }));
        return found;
    }

    /// <summary>Names of all metadata columns of any part, in ordinal order.</summary>
    public IReadOnlyList<string> FindColumns() =>
        [.. Manifest.Parts.SelectMany(part => MetadataFile.ReadColumns(Path.Combine(Folder, part.MetadataFile))).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Images that could not be indexed, in source order.</summary>
    public IReadOnlyList<FailedImage> ReadFailures() => ReadFailures(Folder);

    internal static IReadOnlyList<FailedImage> ReadFailures(string folder) =>
        Path.Combine(folder, FailuresFile) is var path && File.Exists(path) ? MetadataFile.ReadFailures(path) : [];

    /// <summary>The search layouts that there are, in ordinal order of their folders: one for each mapper that was ever searched with, and one for none.</summary>
    /// <exception cref="WhenceException">A folder cannot be read.</exception>
    public IReadOnlyList<LayoutState> FindLayouts() => [.. SearchLayout.FindAll(this).Select(layout => new LayoutState(
        layout.Folder,
        Manifest.Parts.Count(part => layout.Find(part) is not null),
        Manifest.Parts.Count,
        RegularFile.Guard(layout.Folder, () => new DirectoryInfo(layout.Folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length))))];

    internal const string FailuresFile = "failures.parquet";
}
