using System.Globalization;
using Whence.Mapping;

namespace Whence.Search;

/// <summary>
/// The graphs of an index, for <see cref="ApproximateSearch"/> (<c>docs/formats.md</c>): hierarchical navigable small worlds (HNSW,
/// Malkov and Yashunin 2018) that USearch makes of the mapped, normalised rows in bfloat16, one for a run of parts. They lie in a folder of
/// their own for each mapper, belong to features of one checksum, are never used for others, and can be deleted at any time.
/// </summary>
public sealed class ApproximateIndex
{
    private const string ManifestName = "graphs.json";
    private const int CurrentVersion = 1;

    private readonly DerivedFolder _folder;
    private readonly Dictionary<int, GraphEntry> _entries = [];

    private ApproximateIndex(DerivedFolder folder) => _folder = folder;

    /// <summary>Where the graphs lie.</summary>
    internal string Folder => _folder.Path;

    /// <summary>Makes the graphs that are missing or stale; what was made before an interruption is kept.</summary>
    /// <param name="index">The index.</param>
    /// <param name="mapper">The mapper h of training images; null compares raw features.</param>
    /// <param name="options">Threads, size of a graph; null for the defaults.</param>
    /// <param name="progress">Told the rows done so far, and of how many; null for nobody.</param>
    /// <param name="cancellation">Stops within some hundred rows; finished graphs stay.</param>
    /// <returns>What is there now, and how many graphs had to be made.</returns>
    /// <exception cref="WhenceException">
    /// The mapper does not fit, the index is damaged, the folder cannot be written, or USearch's native library cannot be loaded.
    /// </exception>
    public static ApproximateIndexSummary Build(
        FeatureIndex index, Mapper? mapper = null, ApproximateBuildOptions? options = null, IProgress<LayoutProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(index);
        options ??= new();
        options.Validate();
        Usearch.Require();

        // What the graph finds is rescored by the exact search, so its layout is needed too; it also says whether the mapper fits.
        ExactSearch.Open(index, new SearchOptions { Mapper = mapper, Threads = options.Threads }, cancellation).Dispose();
        return new ApproximateIndexBuilder(index, mapper, Find(index, mapper), options).Build(progress, cancellation);
    }

    /// <summary>What is there for an index and a mapper.</summary>
    internal static ApproximateIndex Find(FeatureIndex index, Mapper? mapper)
    {
        var found = new ApproximateIndex(DerivedFolder.Of(index, mapper, "ann"));
        var manifest = found._folder.Read<GraphManifest>(ManifestName, GraphManifest.FormatName, CurrentVersion);
        foreach (var entry in manifest is { Parameters: var made, Graphs: { } graphs } && made == GraphParameters.Current ? graphs : [])
        {
            if (entry is { Parts: [var first, ..], Vectors: > 0 } && entry.Parts.All(p => p is not null) && IsHash(entry.Hash))
            {
                found._entries[first.Number] = entry;
            }
        }

        return found;
    }

    /// <summary>The graph that begins with a part, where it was made of the parts that the index has now and its file is there.</summary>
    /// <param name="parts">The index's parts from that one on.</param>
    internal GraphEntry? Find(IEnumerable<IndexPart> parts) =>
        parts.FirstOrDefault() is { } first && _entries.TryGetValue(first.Number, out var entry)
        && parts.Take(entry.Parts.Count).Select(GraphPart.Of).SequenceEqual(entry.Parts) && File.Exists(PathOf(entry))
            ? entry
            : null;

    /// <summary>Records graphs, those that hold good and the new one; others are forgotten.</summary>
    internal void Save(IEnumerable<GraphEntry> graphs)
    {
        var all = graphs.OrderBy(g => g.Parts[0].Number).ToArray();
        _folder.Write(ManifestName, new GraphManifest(
            GraphManifest.FormatName, CurrentVersion, _folder.Encoder, _folder.Mapper, GraphParameters.Current, all));
        _entries.Clear();
        foreach (var graph in all)
        {
            _entries[graph.Parts[0].Number] = graph;
        }
    }

    /// <summary>The file of a graph. It is named after its content, so that nobody finds another in its place.</summary>
    internal string PathOf(GraphEntry entry) => _folder[$"part-{entry.Parts[0].Number:D5}-{entry.Hash}.usearch"];

    internal static WhenceException Damaged(string path, string problem) =>
        new($"'{path}': damaged, {problem}; delete the folder '{Path.GetDirectoryName(path)}' and build it again with 'whence ann build'.");

    // It becomes part of a file's name.
    private static bool IsHash(string? hash) => hash is { Length: 16 } && ulong.TryParse(hash, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _);
}

/// <summary>Options of <see cref="ApproximateIndex.Build"/>.</summary>
public sealed record ApproximateBuildOptions
{
    /// <summary>
    /// Threads, at least 1. Default: the number of processors, which is also the most that work at once. With one thread the graphs are
    /// the same in every run; with more, what they find may differ a little.
    /// </summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>
    /// Rows a graph at most, at least 1, unless a part alone has more; null, the default, for a million, or fewer where they would take
    /// more than about 2 GB of memory. An interruption costs the graph in the making, and growth of the index rebuilds the last one.
    /// </summary>
    public int? GraphRows { get; init; }

    internal void Validate()
    {
        if (Threads < 1 || GraphRows < 1)
        {
            throw new ArgumentException($"Threads is {Threads} and GraphRows {GraphRows}; both are at least 1.");
        }
    }
}

/// <summary>What an approximate index consists of.</summary>
/// <param name="Graphs">Number of graphs.</param>
/// <param name="Made">How many of them were made just now.</param>
/// <param name="Vectors">Images in them.</param>
/// <param name="Bytes">Size of their files.</param>
/// <param name="Folder">Where they lie.</param>
public sealed record ApproximateIndexSummary(int Graphs, int Made, long Vectors, long Bytes, string Folder);

/// <summary><c>graphs.json</c>.</summary>
internal sealed record GraphManifest(
    string Format, int Version, string Encoder, string Mapper, GraphParameters Parameters, IReadOnlyList<GraphEntry> Graphs)
    : DerivedContents(Format, Version, Encoder, Mapper)
{
    public const string FormatName = "whence-approximate-index";
}

/// <summary>How graphs are made; those made otherwise are made again.</summary>
internal sealed record GraphParameters(string Metric, string Type, int Connectivity, int ExpansionAdd)
{
    public static readonly GraphParameters Current = new("innerProduct", "bf16", GraphShape.Connectivity, GraphShape.ExpansionAdd);
}

/// <summary>A graph: the parts it covers, its vectors, the hash of its structure and that of its vectors.</summary>
internal sealed record GraphEntry(IReadOnlyList<GraphPart> Parts, int Vectors, string Hash, string VectorsHash)
{
    public GraphShape Shape(int dimension) => new(Parts.Sum(p => p.Rows), Vectors, dimension);
}

/// <summary>A part that a graph covers, and the checksum of its features.</summary>
internal sealed record GraphPart(int Number, int Rows, string FeaturesSha256)
{
    public static GraphPart Of(IndexPart part) => new(part.Number, part.Rows, part.FeaturesSha256);
}
