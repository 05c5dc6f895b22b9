using System.Buffers;
using System.IO.Hashing;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// The rows that similarities are defined on: mapped, L2-normalised, float32. They are read from the index's features, or with a mapper
/// from the search layout, where that has them, and every row's bytes are checked against the hash in the layout; without
/// a layout the checksum of the whole part is checked when it is opened. Thread-safe.
/// </summary>
internal sealed class CanonicalRows : IDisposable
{
    // Above this share of the memory that there is, files are read in blocks instead of being mapped.
    private const double MappedShare = 0.6;

    // Rows are dense where at least one of so many is wanted.
    private const int MostSparse = 4;

    private readonly FeatureIndex _index;
    private readonly Mapper? _mapper;
    private readonly bool _mapLayout;
    private readonly bool _mapRows;
    private readonly Lazy<Source>[] _sources;

    /// <param name="index">The index.</param>
    /// <param name="mapper">The mapper h; null for none.</param>
    /// <param name="layout">Where layouts of parts are looked up.</param>
    /// <param name="map">Whether files are mapped; null where they fit into memory.</param>
    public CanonicalRows(FeatureIndex index, Mapper? mapper, SearchLayout layout, bool? map)
    {
        _index = index;
        _mapper = mapper;
        Dimension = mapper?.OutputDimension ?? index.Manifest.Dimension;
        var memory = MappedShare * GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        _mapLayout = map ?? index.Manifest.Parts.Sum(part => LayoutPart.FileLength(part.Rows, Dimension)) < memory;
        _mapRows = map ?? (double)index.Count * (mapper is null ? index.Manifest.Dimension * index.Manifest.Type.Size() : Dimension * sizeof(float)) < memory;
        _sources = [.. index.Manifest.Parts.Select(part => new Lazy<Source>(() => Open(part, layout)))];
    }

    public int Dimension { get; }

    /// <summary>The int8 rows of a part, by its place in the manifest; null where the layout does not have it.</summary>
    public LayoutPart? Quantized(int part) => _sources[part].Value.Layout;

    /// <summary>Reads rows of a part.</summary>
    /// <param name="part">The part's place in the manifest.</param>
    /// <param name="first">A row of the part.</param>
    /// <param name="offsets">The rows wanted, counted from <paramref name="first"/>, ascending.</param>
    /// <param name="rows">As many rows of <see cref="Dimension"/> numbers.</param>
    /// <param name="hashes">Gets the hashes of the bytes that they were stored in; empty for none.</param>
    /// <exception cref="WhenceException">A row is damaged.</exception>
    public void Read(int part, int first, ReadOnlySpan<int> offsets, Span<float> rows, Span<ulong> hashes = default)
    {
        var source = _sources[part].Value;
        if (source.Mapped || _mapper is null)
        {
            ReadRows(source, first, offsets, rows, hashes);
        }
        else
        {
            var length = offsets.Length * _mapper.InputDimension;
            var raw = ArrayPool<float>.Shared.Rent(length);
            ReadRows(source, first, offsets, raw.AsSpan(0, length), hashes);
            _mapper.Apply(raw.AsSpan(0, length), rows);
            ArrayPool<float>.Shared.Return(raw);
        }

        if (!source.Mapped)
        {
            Normalization.NormalizeRows(rows, Dimension);
        }
    }

    public void Dispose()
    {
        foreach (var source in _sources.Where(s => s.IsValueCreated))
        {
            source.Value.Dispose();
        }
    }

    private Source Open(IndexPart part, SearchLayout layout)
    {
        if (layout.Find(part) is not { } entry)
        {
            return NewSource(null, _index.OpenFeatures(part), false);
        }

        var quantized = LayoutPart.Open(layout.RowsPath(part), part.Rows, Dimension, entry.RowsHash, _mapLayout);
        try
        {
            if (_mapper is null)
            {
                return NewSource(quantized, _index.OpenFeatures(part, check: false), false);
            }

            return NewSource(quantized, layout.OpenMapped(part, Dimension), true);
        }
        catch
        {
            quantized.Dispose();
            throw;
        }
    }

    private static Source NewSource(LayoutPart? layout, NpyFile rows, bool mapped) =>
        new(layout, rows, mapped, BlockFile.Open(rows.Path, map: false));

    private void ReadRows(Source source, int first, ReadOnlySpan<int> offsets, Span<float> rows, Span<ulong> hashes)
    {
        var dimension = source.Rows.Columns;
        var length = (int)(source.Rows.RowOffset(1) - source.Rows.RowOffset(0));

        // Most rows of a block are read where they are mapped, or at once. Single ones are read by themselves: to touch a mapped page
        // can bring a megabyte around it into this process's memory.
        var range = offsets.IsEmpty ? 0 : offsets[^1] - offsets[0] + 1;
        var dense = offsets.Length > 1 && range <= MostSparse * offsets.Length;
        var together = dense && !_mapRows;
        var rented = ArrayPool<byte>.Shared.Rent(together ? range * length : length);
        var block = together ? source.Blocks.Read(source.Rows.RowOffset(first + offsets[0]), range * length, ref rented) : default;
        byte[] buffer = [];
        for (var i = 0; i < offsets.Length; i++)
        {
            var row = first + offsets[i];
            var bytes = together ? block.Slice((offsets[i] - offsets[0]) * length, length)
                : dense ? source.Rows.RowBytes(row)
                : source.Blocks.Read(source.Rows.RowOffset(row), length, ref rented);
            if (source.Layout is not null || !hashes.IsEmpty)
            {
                var hash = XxHash3.HashToUInt64(bytes);
                if (source.Layout is { } layout && hash != layout.RowHash(row, ref buffer))
                {
                    throw new WhenceException(
                        $"'{source.Rows.Path}': row {row} is not as it was when the search layout was made; 'whence verify {_index.Folder}' tells what to rebuild.");
                }

                if (!hashes.IsEmpty)
                {
                    hashes[i] = hash;
                }
            }

            Elements.ToSingle(source.Rows.Type, bytes, rows.Slice(i * dimension, dimension));
        }

        ArrayPool<byte>.Shared.Return(rented);
    }

    /// <summary>The open files of a part.</summary>
    /// <param name="Layout">Its int8 rows, where there are any.</param>
    /// <param name="Rows">Raw features, or mapped and normalised ones.</param>
    /// <param name="Mapped">Which of the two.</param>
    /// <param name="Blocks">The file of <paramref name="Rows"/> for reading many at once, or one by itself.</param>
    private sealed record Source(LayoutPart? Layout, NpyFile Rows, bool Mapped, BlockFile Blocks) : IDisposable
    {
        public void Dispose()
        {
            Layout?.Dispose();
            Rows.Dispose();
            Blocks.Dispose();
        }
    }
}
