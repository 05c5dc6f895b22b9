using System.Runtime.InteropServices;

namespace Whence.Vectors;

/// <summary>
/// Features in numpy's .npy format, memory-mapped and read-only: n x d of float16, float32 or float64, little endian, row after
/// row. Larger than memory is fine. Safe to read from several threads; spans end with <see cref="Dispose"/>.
/// </summary>
public sealed class NpyFile : IDisposable
{
    /// <summary>Elements converted at a time: one span must stay below 2 GB whatever the request.</summary>
    private const int Chunk = 1 << 20;

    private readonly MappedFile _file;
    private readonly NpyHeader _header;

    private NpyFile(MappedFile file, NpyHeader header)
    {
        _file = file;
        _header = header;
    }

    /// <summary>n, the number of vectors; a one-dimensional array is one row.</summary>
    public long Rows => _header.Rows;

    /// <summary>d, the dimension of each vector, at least 1.</summary>
    public int Columns => _header.Columns;

    /// <summary>How the numbers are stored: F16, F32 or F64.</summary>
    public ElementType Type => _header.Type;

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="WhenceException">Missing, damaged, of another length than its header says, or not n x d floats in C order.</exception>
    public static NpyFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            using var stream = file.Stream(0, file.Length);
            var header = NpyHeader.ReadFeatures(stream, file.Bad);
            var held = file.Length - header.Length;
            return held == header.DataLength
                ? new NpyFile(file, header)
                : throw file.Bad(
                    $"holds {held} bytes of numbers where its header says {header.Rows} x {header.Columns} {header.Type} = " +
                    $"{header.DataLength}; it was not written to the end or is damaged, make or copy it again.");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads rows as float32.</summary>
    /// <param name="firstRow">0 to n - 1.</param>
    /// <param name="destination">A multiple of d numbers, as many rows as are wanted.</param>
    public void ReadRows(long firstRow, Span<float> destination)
    {
        if (destination.Length % Columns != 0)
        {
            throw new ArgumentException($"{destination.Length} numbers are not rows of {Columns}.", nameof(destination));
        }

        CheckRows(firstRow, destination.Length / Columns);
        var size = Type.Size();
        var offset = _header.Length + firstRow * Columns * size;
        while (!destination.IsEmpty)
        {
            var count = Math.Min(destination.Length, Chunk);
            Elements.ToSingle(Type, _file.Bytes(offset, (long)count * size), destination[..count]);
            destination = destination[count..];
            offset += (long)count * size;
        }
    }

    internal string Path => _file.Path;

    /// <summary>The bytes of a row as they lie in the file, without a copy.</summary>
    internal ReadOnlySpan<byte> RowBytes(long row)
    {
        CheckRows(row, 1);
        return _file.Bytes(RowOffset(row), (long)Columns * Type.Size());
    }

    /// <summary>Where a row begins in the file.</summary>
    internal long RowOffset(long row) => _header.Length + (row * Columns * Type.Size());

    /// <summary>Rows as they lie in the file, without a copy; only for <see cref="ElementType.F16"/>.</summary>
    /// <param name="firstRow">0 to n - 1.</param>
    /// <param name="count">Number of rows; together below 2 GB.</param>
    /// <returns>count times d numbers, valid until the file is disposed.</returns>
    public ReadOnlySpan<Half> HalfRows(long firstRow, int count)
    {
        if (Type != ElementType.F16)
        {
            throw new InvalidOperationException($"The numbers are {Type}; only F16 can be had without a copy.");
        }

        CheckRows(firstRow, count);
        const int Size = sizeof(ushort);
        return MemoryMarshal.Cast<byte, Half>(
            _file.Bytes(_header.Length + firstRow * Columns * Size, (long)count * Columns * Size));
    }

    /// <summary>Writes n x d float16 in .npy format 1.0; the numbers begin at a multiple of 64 bytes.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="values">n times d numbers, row after row.</param>
    /// <param name="columns">d, at least 1.</param>
    public static void Write(Stream stream, ReadOnlySpan<Half> values, int columns)
    {
        WriteHeader(stream, ElementType.F16, RowsOf(values.Length, columns), columns);
        WriteValues(stream, values);
    }

    /// <summary>Writes n x d float32 in .npy format 1.0; the numbers begin at a multiple of 64 bytes.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="values">n times d numbers, row after row.</param>
    /// <param name="columns">d, at least 1.</param>
    public static void Write(Stream stream, ReadOnlySpan<float> values, int columns)
    {
        WriteHeader(stream, ElementType.F32, RowsOf(values.Length, columns), columns);
        WriteValues(stream, values);
    }

    /// <summary>Writes only the header; the caller writes n x d numbers after it, in as many pieces as it likes.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="type">F16, F32 or F64.</param>
    /// <param name="rows">n.</param>
    /// <param name="columns">d, at least 1.</param>
    public static void WriteHeader(Stream stream, ElementType type, long rows, int columns)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        stream.Write(NpyHeader.Write(type, rows, columns));
    }

    /// <summary>Unmaps the file; spans handed out must not be used any more.</summary>
    public void Dispose() => _file.Dispose();

    private static int RowsOf(int length, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        return length % columns == 0
            ? length / columns
            : throw new ArgumentException($"{length} numbers are not rows of {columns}.", nameof(columns));
    }

    private static void WriteValues<T>(Stream stream, ReadOnlySpan<T> values) where T : unmanaged
    {
        while (!values.IsEmpty)
        {
            var count = Math.Min(values.Length, Chunk);
            stream.Write(MemoryMarshal.AsBytes(values[..count]));
            values = values[count..];
        }
    }

    private void CheckRows(long firstRow, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow, Rows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Rows - firstRow);
    }
}
