using System.Runtime.InteropServices;

namespace Whence.Search;

/// <summary>
/// Up to 1024 int8 rows in one run of bytes: the levels in groups of 16 rows (<see cref="PairProduct"/>); a scale and an error a
/// row, float32 (<see cref="Quantizer"/>); a hash of each source row's bytes. Everything is filled up with zeros to whole groups
/// and begins at a multiple of 64 bytes.
/// </summary>
internal readonly ref struct LayoutChunk(ReadOnlySpan<byte> bytes, int rows, int dimension)
{
    public const int Alignment = 64;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public ReadOnlySpan<sbyte> Levels => MemoryMarshal.Cast<byte, sbyte>(_bytes[..PairProduct.Length(rows, PairProduct.Pairs(dimension))]);

    public ReadOnlySpan<float> Scales => MemoryMarshal.Cast<byte, float>(_bytes.Slice(LevelBytes(rows, dimension), Padded(rows) * sizeof(float)));

    public ReadOnlySpan<float> Errors =>
        MemoryMarshal.Cast<byte, float>(_bytes.Slice(LevelBytes(rows, dimension) + (Padded(rows) * sizeof(float)), Padded(rows) * sizeof(float)));

    /// <summary>Bytes of a chunk.</summary>
    public static int Length(int rows, int dimension) => RowHashes(rows, dimension) + (Padded(rows) * sizeof(ulong));

    /// <summary>Where the hashes begin.</summary>
    public static int RowHashes(int rows, int dimension) => LevelBytes(rows, dimension) + (Padded(rows) * 2 * sizeof(float));

    /// <summary>Writes one row's part of a chunk that was all zeros.</summary>
    /// <param name="chunk">The chunk's bytes.</param>
    /// <param name="rows">Rows of the chunk.</param>
    /// <param name="r">The row's place in it.</param>
    /// <param name="row">d numbers, normalised.</param>
    /// <param name="hash">Hash of the bytes that it was made of.</param>
    /// <param name="levels">Room for d numbers, one more where d is odd.</param>
    public static void Write(Span<byte> chunk, int rows, int r, ReadOnlySpan<float> row, ulong hash, Span<short> levels)
    {
        var group = MemoryMarshal.Cast<byte, sbyte>(chunk)[PairProduct.Offset(r, 0, PairProduct.Pairs(row.Length))..];
        var numbers = MemoryMarshal.Cast<byte, float>(chunk[LevelBytes(rows, row.Length)..]);
        (numbers[r], numbers[Padded(rows) + r]) = Quantizer.ToBytes(row, group, levels);
        MemoryMarshal.Cast<byte, ulong>(chunk[RowHashes(rows, row.Length)..])[r] = hash;
    }

    private static int Padded(int rows) => PairProduct.Groups(rows) * PairProduct.GroupRows;

    private static int LevelBytes(int rows, int dimension) =>
        (PairProduct.Length(rows, PairProduct.Pairs(dimension)) + Alignment - 1) / Alignment * Alignment;
}
