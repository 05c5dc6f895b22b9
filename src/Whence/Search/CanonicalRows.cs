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
    private readonly FeatureIndex _index;
    private readonly Mapper? _mapper;
    private readonly Lazy<Source>[] _sources;

    /// <param name="index">The index.</param>
    /// <param name="mapper">The mapper h; null for none.</param>
    /// <param name="layout">Where layouts of parts are looked up.</param>
    public CanonicalRows(FeatureIndex index, Mapper? mapper, SearchLayout layout)
    {
        _index = index;
        _mapper = mapper;
        Dimension = mapper?.OutputDimension ?? index.Manifest.Dimension;
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
    /// <exception cref="WhenceException">A row is damaged.</exception>
    public void Read(int part, int first, ReadOnlySpan<int> offsets, Span<float> rows)
    {
        var source = _sources[part].Value;
        if (source.Mapped || _mapper is null)
        {
            ReadRows(source, first, offsets, rows);
        }
        else
        {
            var length = offsets.Length * _mapper.InputDimension;
            var raw = ArrayPool<float>.Shared.Rent(length);
            ReadRows(source, first, offsets, raw.AsSpan(0, length));
            _mapper.Apply(raw.AsSpan(0, length), rows);
            ArrayPool<float>.Shared.Return(raw);
        }

        if (!source.Mapped)
        {
            Normalization.NormalizeRows(rows, Dimension);
        }
    }

    /// <summary>The bytes that a row of the index is stored in.</summary>
    public ReadOnlySpan<byte> RawBytes(int part, int row) => _sources[part].Value.Rows.RowBytes(row);

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
            return new Source(null, _index.OpenFeatures(part), false);
        }

        var quantized = LayoutPart.Open(layout.RowsPath(part), part.Rows, Dimension, entry.RowsHash);
        if (_mapper is null)
        {
            return new Source(quantized, _index.OpenFeatures(part, check: false), false);
        }

        var mapped = NpyFile.Open(layout.MappedPath(part));
        return mapped.Rows == part.Rows && mapped.Columns == Dimension && mapped.Type == ElementType.F32
            ? new Source(quantized, mapped, true)
            : throw new WhenceException(
                $"'{layout.MappedPath(part)}': damaged, it holds {mapped.Rows} x {mapped.Columns} {mapped.Type}, expected {part.Rows} x {Dimension} F32; delete the folder '{layout.Folder}', the next search makes it again.");
    }

    private void ReadRows(Source source, int first, ReadOnlySpan<int> offsets, Span<float> rows)
    {
        var dimension = source.Rows.Columns;
        for (var i = 0; i < offsets.Length; i++)
        {
            var row = first + offsets[i];
            var bytes = source.Rows.RowBytes(row);
            if (source.Layout is { } layout && XxHash3.HashToUInt64(bytes) != layout.RowHash(row))
            {
                throw new WhenceException(
                    $"'{source.Rows.Path}': row {row} is not as it was when the search layout was made; 'whence verify {_index.Folder}' tells what to rebuild.");
            }

            Elements.ToSingle(source.Rows.Type, bytes, rows.Slice(i * dimension, dimension));
        }
    }

    /// <summary>The open files of a part.</summary>
    /// <param name="Layout">Its int8 rows, where there are any.</param>
    /// <param name="Rows">Raw features, or mapped and normalised ones.</param>
    /// <param name="Mapped">Which of the two.</param>
    private sealed record Source(LayoutPart? Layout, NpyFile Rows, bool Mapped) : IDisposable
    {
        public void Dispose()
        {
            Layout?.Dispose();
            Rows.Dispose();
        }
    }
}
