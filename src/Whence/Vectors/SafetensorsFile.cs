using System.Text.Json;
using Whence.Files;

namespace Whence.Vectors;

/// <summary>
/// Tensors in a .safetensors file, memory-mapped and read-only: no code can hide in it. Larger than memory is fine. Safe to
/// read from several threads; spans end with <see cref="Dispose"/>.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private static readonly JsonSerializerOptions TextOptions = new() { Encoder = SafetensorsHeader.Text };

    private readonly MappedFile _file;
    private readonly Dictionary<string, TensorView> _views;

    private SafetensorsFile(MappedFile file)
    {
        _file = file;
        (_views, var metadata) = SafetensorsHeader.Read(file);
        Metadata = metadata;
        Tensors = _views.ToDictionary(pair => pair.Key, pair => pair.Value.Info, StringComparer.Ordinal);
    }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>The free text entries of the header; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="WhenceException">Missing, damaged, cut short, or with types that are not in <see cref="ElementType"/>.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            return new SafetensorsFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>All elements as float32, row after row.</summary>
    /// <exception cref="WhenceException">No such tensor, or more elements than an array holds.</exception>
    public float[] ReadSingle(string name) => View(name).ReadSingle();

    /// <summary>All elements of an integer or Boolean tensor, row after row.</summary>
    /// <exception cref="WhenceException">No such tensor, or not integers.</exception>
    public long[] ReadInt64(string name) => View(name).ReadInt64();

    /// <summary>An n x d tensor (or one vector of d, as one row) as float32.</summary>
    /// <exception cref="WhenceException">No such tensor, or not of such a shape.</exception>
    public FeatureMatrix ReadMatrix(string name) => View(name).ReadMatrix();

    /// <summary>Some rows (slices of the first dimension) as float32, for tensors too large to be read at once.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="firstRow">0 and up.</param>
    /// <param name="destination">A multiple of a row's elements, as many rows as are wanted.</param>
    public void ReadRows(string name, long firstRow, Span<float> destination) => View(name).ReadRows(firstRow, destination);

    /// <summary>The bytes as they lie in the file, without a copy, valid until the file is disposed.</summary>
    /// <exception cref="WhenceException">No such tensor, or 2 GB and more.</exception>
    public ReadOnlySpan<byte> Bytes(string name) => View(name).DenseBytes();

    /// <summary>Writes a file beside its place and renames it.</summary>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="tensors">Written in this order; no name twice.</param>
    /// <param name="metadata">Free text entries for the header.</param>
    public static void Write(string path, IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, tensors, metadata));

    /// <summary>Writes a file to a stream: the same tensors give the same bytes.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="tensors">Written in this order; no name twice.</param>
    /// <param name="metadata">Free text entries for the header.</param>
    public static void Write(Stream stream, IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        if (tensors.GroupBy(tensor => tensor.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"Tensor '{twice.Key}' is given twice.", nameof(tensors));
        }

        stream.Write(SafetensorsHeader.Write(tensors, metadata));
        foreach (var tensor in tensors)
        {
            tensor.WriteTo(stream);
        }
    }

    /// <summary>A list of texts as an entry of a header.</summary>
    internal static string FromTexts(IReadOnlyList<string> texts) => JsonSerializer.Serialize(texts, TextOptions);

    /// <summary>The list of texts in an entry of the header; null where there is no such entry.</summary>
    /// <exception cref="WhenceException">The entry is something else.</exception>
    internal IReadOnlyList<string>? ReadTexts(string key)
    {
        if (!Metadata.TryGetValue(key, out var json))
        {
            return null;
        }

        try
        {
            var texts = JsonSerializer.Deserialize<string[]>(json);
            return texts is not null && Array.TrueForAll(texts, t => t is not null) ? texts : throw new JsonException("null where text is needed");
        }
        catch (JsonException e)
        {
            throw new WhenceException($"'{_file.Path}': '{key}' in its header is no list of texts ({RegularFile.OneLine(e.Message)}); make or copy the file again.", e);
        }
    }

    /// <summary>Unmaps the file; spans handed out must not be used any more.</summary>
    public void Dispose() => _file.Dispose();

    internal TensorView? TryView(string name) => _views.GetValueOrDefault(name);

    internal TensorView View(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _views.TryGetValue(name, out var view)
            ? view
            : throw _file.Bad($"has no tensor '{name}'; it holds {Listing.Of(_views.Keys)}.");
    }
}
