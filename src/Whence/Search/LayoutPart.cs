using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// The int8 rows of a part: in the file a header of 64 bytes, then <see cref="LayoutChunk"/>s of 1024 rows (the last one shorter),
/// then a hash of each. The hash of header and chunk hashes stands in <c>layout.json</c>. A chunk is checked when it is first read,
/// so that opening costs nothing however large the index is. Thread-safe.
/// </summary>
internal sealed class LayoutPart : IDisposable
{
    /// <summary>Rows that are read and checked together: a multiple of a group.</summary>
    public const int ChunkRows = 1024;

    private const int RowsOffset = 8, DimensionOffset = 12;

    private static readonly ulong Magic = BinaryPrimitives.ReadUInt64LittleEndian("WHENCESL"u8);

    private readonly BlockFile _file;
    private readonly int _rows;
    private readonly int _dimension;
    private readonly ulong[] _hashes;
    private readonly bool[] _checked;

    private LayoutPart(BlockFile file, int rows, int dimension, ulong[] hashes) =>
        (_file, _rows, _dimension, _hashes, _checked) = (file, rows, dimension, hashes, new bool[hashes.Length]);

    /// <summary>Number of chunks that so many rows fill, of which there is at least one.</summary>
    public static int Chunks(int rows) => ((rows - 1) / ChunkRows) + 1;

    /// <summary>Bytes of the file of so many rows.</summary>
    public static long FileLength(int rows, int dimension) =>
        Offset(Chunks(rows) - 1, dimension) + LayoutChunk.Length(RowsOf(Chunks(rows) - 1, rows), dimension) + ((long)Chunks(rows) * sizeof(ulong));

    /// <summary>What a file begins with.</summary>
    public static byte[] Header(int rows, int dimension)
    {
        var header = new byte[LayoutChunk.Alignment];
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(RowsOffset), rows);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(DimensionOffset), dimension);
        return header;
    }

    /// <summary>The hash that <c>layout.json</c> keeps of a file.</summary>
    public static string TableHash(int rows, int dimension, ReadOnlySpan<ulong> chunkHashes)
    {
        var hash = new XxHash3();
        hash.Append(Header(rows, dimension));
        hash.Append(MemoryMarshal.AsBytes(chunkHashes));
        return hash.GetCurrentHashAsUInt64().ToString("x16", CultureInfo.InvariantCulture);
    }

    /// <summary>The dimension that a file names itself: for who has no mapper to tell it. <see cref="Open"/> checks it with the rest of the header.</summary>
    /// <exception cref="WhenceException">The file is missing, or has no such header.</exception>
    public static int ReadDimension(string path)
    {
        using var file = OpenFile(path, () => BlockFile.Open(path, map: false));
        byte[] buffer = [];
        var dimension = file.Length < LayoutChunk.Alignment
            ? 0
            : BinaryPrimitives.ReadInt32LittleEndian(file.Read(DimensionOffset, sizeof(int), ref buffer));
        return dimension is >= 1 and <= IndexManifest.LargestDimension
            ? dimension
            : throw Damaged(path, "its header names no dimension");
    }

    /// <summary>Opens a part.</summary>
    /// <exception cref="WhenceException">The file is missing, or is not the one that the layout's table of contents means.</exception>
    public static LayoutPart Open(string path, int rows, int dimension, string hash, bool map)
    {
        var file = OpenFile(path, () => BlockFile.Open(path, map));
        try
        {
            if (file.Length != FileLength(rows, dimension))
            {
                throw Damaged(path, $"it holds {file.Length} bytes, expected {FileLength(rows, dimension)}");
            }

            byte[] buffer = [];
            var header = file.Read(0, LayoutChunk.Alignment, ref buffer).SequenceEqual(Header(rows, dimension));
            var table = Chunks(rows) * sizeof(ulong);
            var hashes = MemoryMarshal.Cast<byte, ulong>(file.Read(file.Length - table, table, ref buffer)).ToArray();
            return header && hash == TableHash(rows, dimension, hashes)
                ? new LayoutPart(file, rows, dimension, hashes)
                : throw Damaged(path, "it is not the file that was written");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads a chunk and checks it, the first time.</summary>
    /// <param name="chunk">From 0.</param>
    /// <param name="buffer">The thread's own; used where the file is not mapped.</param>
    public LayoutChunk Read(int chunk, ref byte[] buffer)
    {
        var rows = RowsOf(chunk, _rows);
        var bytes = _file.Read(Offset(chunk, _dimension), LayoutChunk.Length(rows, _dimension), ref buffer);
        if (!Volatile.Read(ref _checked[chunk]))
        {
            if (XxHash3.HashToUInt64(bytes) != _hashes[chunk])
            {
                throw Damaged(_file.Path, $"rows {chunk * ChunkRows} to {(chunk * ChunkRows) + rows - 1} are not as they were written");
            }

            Volatile.Write(ref _checked[chunk], true);
        }

        return new LayoutChunk(bytes, rows, _dimension);
    }

    /// <summary>Hash of the bytes that a row was made of.</summary>
    /// <param name="row">From 0.</param>
    /// <param name="buffer">The thread's own; used where the file is not mapped.</param>
    public ulong RowHash(int row, ref byte[] buffer)
    {
        var chunk = row / ChunkRows;
        var offset = Offset(chunk, _dimension) + LayoutChunk.RowHashes(RowsOf(chunk, _rows), _dimension) + (row % ChunkRows * sizeof(ulong));
        return MemoryMarshal.Read<ulong>(_file.Read(offset, sizeof(ulong), ref buffer));
    }

    public void Dispose() => _file.Dispose();

    private static int RowsOf(int chunk, int rows) => Math.Min(ChunkRows, rows - (chunk * ChunkRows));

    private static long Offset(int chunk, int dimension) => LayoutChunk.Alignment + ((long)chunk * LayoutChunk.Length(ChunkRows, dimension));

    /// <summary>Opens a file of a layout: what is wrong with its content, not with the system, can be mended by deleting it.</summary>
    public static T OpenFile<T>(string path, Func<T> open)
    {
        try
        {
            return open();
        }
        catch (WhenceException e) when (e.InnerException is null)
        {
            throw Damaged(path, "it is not the file that was written");
        }
    }

    /// <summary>The error for a file of a layout.</summary>
    public static WhenceException Damaged(string path, string what) => new($"'{path}': damaged, {what}; delete it, the next search makes it again.");
}
