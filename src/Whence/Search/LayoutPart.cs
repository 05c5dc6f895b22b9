using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// The int8 rows of a part, memory-mapped. In the file, one after the other, each from a multiple of 64 bytes on: a header; the
/// levels in groups of 16 rows (<see cref="PairProduct"/>); a scale a row and an error a row (<see cref="Quantizer"/>), float32,
/// the last group filled up; a hash of each source row's bytes; a hash of each chunk of 1024 rows of all that. The hash of header and
/// chunk hashes stands in <c>layout.json</c>. A chunk is checked when it is first read, so that opening costs nothing however
/// large the index is. Thread-safe.
/// </summary>
internal sealed class LayoutPart : IDisposable
{
    /// <summary>Rows that are read and checked together: a multiple of a group.</summary>
    public const int ChunkRows = 1024;

    private const int Alignment = 64;
    private static readonly ulong Magic = BinaryPrimitives.ReadUInt64LittleEndian("WHENCESL"u8);

    private readonly MappedFile _file;
    private readonly Shape _shape;
    private readonly bool[] _checked;

    private LayoutPart(MappedFile file, Shape shape) => (_file, _shape, _checked) = (file, shape, new bool[shape.Chunks]);

    /// <summary>Where everything lies.</summary>
    public readonly record struct Shape(int Rows, int Dimension)
    {
        public int Pairs => PairProduct.Pairs(Dimension);

        public int Chunks => (Rows + ChunkRows - 1) / ChunkRows;

        public long Scales => Alignment + Aligned((long)PaddedRows * Pairs * 2);

        public long Errors => Scales + Aligned((long)PaddedRows * sizeof(float));

        public long RowHashes => Errors + Aligned((long)PaddedRows * sizeof(float));

        public long ChunkHashes => RowHashes + Aligned((long)Rows * sizeof(ulong));

        public long Length => ChunkHashes + ((long)Chunks * sizeof(ulong));

        private int PaddedRows => PairProduct.Groups(Rows) * PairProduct.GroupRows;

        public static long Aligned(long length) => (length + Alignment - 1) / Alignment * Alignment;

        public byte[] Header()
        {
            var header = new byte[Alignment];
            BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), Rows);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), Dimension);
            return header;
        }
    }

    /// <summary>Opens a part.</summary>
    /// <exception cref="WhenceException">The file is missing, or is not the one that the layout's table of contents means.</exception>
    public static LayoutPart Open(string path, int rows, int dimension, string hash)
    {
        var file = MappedFile.Open(path);
        try
        {
            var shape = new Shape(rows, dimension);
            if (file.Length != shape.Length || !file.Bytes(0, Alignment).SequenceEqual(shape.Header())
                || hash != TableHash(shape, file.Bytes(shape.ChunkHashes, shape.Length - shape.ChunkHashes)))
            {
                throw Damaged(file, "it is not the file that was written");
            }

            return new LayoutPart(file, shape);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A chunk's rows, checked.</summary>
    public Chunk Read(int chunk)
    {
        var result = Slice(chunk);
        if (!Volatile.Read(ref _checked[chunk]))
        {
            if (result.Hash() != MemoryMarshal.Read<ulong>(_file.Bytes(_shape.ChunkHashes + ((long)chunk * sizeof(ulong)), sizeof(ulong))))
            {
                throw Damaged(_file, $"rows {chunk * ChunkRows} to {Math.Min((chunk + 1) * ChunkRows, _shape.Rows) - 1} are not as they were written");
            }

            Volatile.Write(ref _checked[chunk], true);
        }

        return result;
    }

    /// <summary>Hash of the bytes that a row was made of.</summary>
    public ulong RowHash(int row) => MemoryMarshal.Read<ulong>(_file.Bytes(_shape.RowHashes + ((long)row * sizeof(ulong)), sizeof(ulong)));

    public void Dispose() => _file.Dispose();

    /// <summary>The hash that <c>layout.json</c> keeps of a file.</summary>
    public static string TableHash(Shape shape, ReadOnlySpan<byte> chunkHashes)
    {
        var hash = new XxHash3();
        hash.Append(shape.Header());
        hash.Append(chunkHashes);
        return hash.GetCurrentHashAsUInt64().ToString("x16", System.Globalization.CultureInfo.InvariantCulture);
    }

    private Chunk Slice(int chunk)
    {
        var first = chunk * ChunkRows;
        var rows = Math.Min(ChunkRows, _shape.Rows - first);
        var padded = PairProduct.Groups(rows) * PairProduct.GroupRows;
        return new Chunk(
            MemoryMarshal.Cast<byte, sbyte>(_file.Bytes(Alignment + ((long)first * _shape.Pairs * 2), (long)padded * _shape.Pairs * 2)),
            MemoryMarshal.Cast<byte, float>(_file.Bytes(_shape.Scales + ((long)first * sizeof(float)), (long)padded * sizeof(float))),
            MemoryMarshal.Cast<byte, float>(_file.Bytes(_shape.Errors + ((long)first * sizeof(float)), (long)padded * sizeof(float))),
            MemoryMarshal.Cast<byte, ulong>(_file.Bytes(_shape.RowHashes + ((long)first * sizeof(ulong)), (long)rows * sizeof(ulong))));
    }

    private static WhenceException Damaged(MappedFile file, string what) =>
        file.Bad($"damaged, {what}; delete the folder '{Path.GetDirectoryName(file.Path)}', the next search makes it again.");

    /// <summary>Rows of a chunk, the last group filled up with zeros.</summary>
    public readonly ref struct Chunk(ReadOnlySpan<sbyte> levels, ReadOnlySpan<float> scales, ReadOnlySpan<float> errors, ReadOnlySpan<ulong> rowHashes)
    {
        public ReadOnlySpan<sbyte> Levels { get; } = levels;

        public ReadOnlySpan<float> Scales { get; } = scales;

        public ReadOnlySpan<float> Errors { get; } = errors;

        public ReadOnlySpan<ulong> RowHashes { get; } = rowHashes;

        public ulong Hash()
        {
            var hash = new XxHash3();
            hash.Append(MemoryMarshal.AsBytes(Levels));
            hash.Append(MemoryMarshal.AsBytes(Scales));
            hash.Append(MemoryMarshal.AsBytes(Errors));
            hash.Append(MemoryMarshal.AsBytes(RowHashes));
            return hash.GetCurrentHashAsUInt64();
        }
    }
}
