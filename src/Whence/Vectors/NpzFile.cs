namespace Whence.Vectors;

/// <summary>
/// Several .npy arrays in one zip archive (numpy.savez, numpy.savez_compressed), read-only. Each array must be n x d of
/// float16, float32 or float64; it is read whole.
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
        NpyHeader header;
        try
        {
            header = NpyHeader.Read(stream, message => _file.Bad($"array '{name}': {message}"));
        }
        catch (InvalidDataException e)
        {
            throw new WhenceException($"'{_file.Path}': array '{name}' is damaged; make or copy the file again.", e);
        }

        if (entry.Length - header.Length != header.DataLength)
        {
            throw _file.Bad(
                $"array '{name}' holds {entry.Length - header.Length} bytes of numbers where its header says {header.Rows} x " +
                $"{header.Columns} {header.Type} = {header.DataLength}; the file is damaged, save it again.");
        }

        var count = header.Rows * header.Columns;
        if (count > Array.MaxLength || header.Rows > int.MaxValue)
        {
            throw _file.Bad($"array '{name}' is too large to be read whole ({header.Rows} x {header.Columns}); save it alone as .npy.");
        }

        return new FeatureMatrix((int)header.Rows, header.Columns, ReadValues(stream, entry, header.Type, (int)count));
    }

    /// <summary>Closes the archive.</summary>
    public void Dispose() => _file.Dispose();

    private float[] ReadValues(Stream stream, ZipEntry entry, ElementType type, int count)
    {
        var values = new float[count];
        var chunk = new byte[Math.Min((long)count * type.Size(), ChunkBytes)];
        for (var rest = values.AsSpan(); !rest.IsEmpty;)
        {
            var now = Math.Min(rest.Length, chunk.Length / type.Size());
            _zip.Fill(stream, chunk.AsSpan(0, now * type.Size()), entry);
            Elements.ToSingle(type, chunk.AsSpan(0, now * type.Size()), rest[..now]);
            rest = rest[now..];
        }

        return values;
    }
}
