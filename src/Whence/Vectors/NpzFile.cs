namespace Whence.Vectors;

/// <summary>
/// Several .npy arrays in one zip archive (numpy.savez, numpy.savez_compressed), read-only. Arrays of features must be n x d of
/// float16, float32 or float64; they are read whole.
/// </summary>
public sealed class NpzFile : IDisposable
{
    private const string Suffix = ".npy";
    private const int ChunkBytes = 1 << 20;

    private readonly MappedFile _file;
    private readonly ZipDirectory _zip;

    private NpzFile(MappedFile file)
    {
        _file = file;
        _zip = new ZipDirectory(file);
        Names = [.. _zip.Entries.Keys.Where(name => name.EndsWith(Suffix, StringComparison.Ordinal)).Select(name => name[..^Suffix.Length])];
    }

    /// <summary>Names of the arrays, in the archive's order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Opens an archive and reads its table of contents.</summary>
    /// <exception cref="WhenceException">Missing, damaged, or not a zip archive.</exception>
    public static NpzFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            return ZipDirectory.LooksLikeZip(file)
                ? new NpzFile(file)
                : throw file.Bad("not a zip archive of arrays; write one with numpy.savez, or name a single array .npy.");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads one array as float32.</summary>
    /// <param name="name">As in <see cref="Names"/>, without <c>.npy</c>.</param>
    /// <exception cref="WhenceException">No such array, damaged, or not n x d floats.</exception>
    public FeatureMatrix ReadMatrix(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!_zip.Entries.TryGetValue(name + Suffix, out var entry))
        {
            throw _file.Bad($"has no array '{name}'; it holds {Listing.Of(Names)}.");
        }

        using var stream = _zip.Open(entry);
        var header = ReadHeader(name, entry, stream, NpyHeader.ReadFeatures);
        if (header.Count > Array.MaxLength || header.Rows > int.MaxValue)
        {
            throw _file.Bad($"array '{name}' is too large to be read whole ({header.Rows} x {header.Columns}); save it alone as .npy.");
        }

        var values = new float[header.Count];
        ReadValues<float>(stream, entry, header.Type, values, Elements.ToSingle);
        return new FeatureMatrix((int)header.Rows, header.Columns, values);
    }

    /// <summary>Whether a zip archive holds arrays and not what torch.save writes.</summary>
    internal static bool LooksLikeNpz(MappedFile file) => ZipDirectory.LooksLikeZip(file)
        && new ZipDirectory(file).Entries.Keys.All(name => name.EndsWith(Suffix, StringComparison.Ordinal));

    /// <summary>Type and shape of every array, of any rank up to 8.</summary>
    /// <exception cref="WhenceException">One is damaged, in Fortran order, or not of plain numbers.</exception>
    internal Dictionary<string, TensorInfo> ReadInfos()
    {
        var infos = new Dictionary<string, TensorInfo>(StringComparer.Ordinal);
        foreach (var name in Names)
        {
            var entry = _zip.Entries[name + Suffix];
            using var stream = _zip.Open(entry);
            var header = ReadHeader(name, entry, stream, NpyHeader.Read);
            infos.Add(name, new TensorInfo(header.Type, header.Shape));
        }

        return infos;
    }

    /// <summary>Reads all of an array that <see cref="ReadInfos"/> lists.</summary>
    internal void Read<T>(string name, Span<T> destination, Elements.Conversion<T> convert)
    {
        var entry = _zip.Entries[name + Suffix];
        using var stream = _zip.Open(entry);
        ReadValues(stream, entry, ReadHeader(name, entry, stream, NpyHeader.Read).Type, destination, convert);
    }

    /// <summary>Closes the archive.</summary>
    public void Dispose() => _file.Dispose();

    private NpyHeader ReadHeader(string name, ZipEntry entry, Stream stream, Func<Stream, Func<string, WhenceException>, NpyHeader> read)
    {
        NpyHeader header;
        try
        {
            header = read(stream, message => _file.Bad($"array '{name}': {message}"));
        }
        catch (InvalidDataException e)
        {
            throw new WhenceException($"'{_file.Path}': array '{name}' is damaged; make or copy the file again.", e);
        }

        return entry.Length - header.Length == header.DataLength
            ? header
            : throw _file.Bad(
                $"array '{name}' holds {entry.Length - header.Length} bytes of numbers where its header says " +
                $"{header.Type} [{string.Join(", ", header.Shape)}] = {header.DataLength}; the file is damaged, save it again.");
    }

    private void ReadValues<T>(Stream stream, ZipEntry entry, ElementType type, Span<T> destination, Elements.Conversion<T> convert)
    {
        var size = type.Size();
        var chunk = new byte[Math.Min((long)destination.Length * size, ChunkBytes)];
        for (var rest = destination; !rest.IsEmpty;)
        {
            var now = Math.Min(rest.Length, chunk.Length / size);
            _zip.Fill(stream, chunk.AsSpan(0, now * size), entry);
            convert(type, chunk.AsSpan(0, now * size), rest[..now]);
            rest = rest[now..];
        }
    }
}
