using System.Runtime.InteropServices;

namespace Whence.Vectors;

/// <summary>A named tensor, to be written: little-endian elements, row after row.</summary>
public sealed class TensorData
{
    private readonly Action<Stream> _write;

    private TensorData(string name, ElementType type, long[] shape, Int128 bytes, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (Elements.Count(shape) is not { } count || (Int128)count * type.Size() != bytes)
        {
            throw new ArgumentException($"'{name}': {bytes} bytes are not {type} [{string.Join(", ", shape)}].", nameof(shape));
        }

        (Name, Info, ByteCount, _write) = (name, new TensorInfo(type, shape), (long)bytes, write);
    }

    /// <summary>The tensor's key, for example <c>real_mapper.weight</c>.</summary>
    public string Name { get; }

    /// <summary>Element type and shape.</summary>
    public TensorInfo Info { get; }

    /// <summary>Bytes that the elements take.</summary>
    internal long ByteCount { get; }

    /// <summary>A float32 tensor; the values are copied.</summary>
    /// <param name="name">Its key.</param>
    /// <param name="values">As many numbers as the shape holds.</param>
    /// <param name="shape">Dimensions, outermost first; none for a scalar.</param>
    public static TensorData FromSingle(string name, ReadOnlySpan<float> values, params long[] shape) =>
        FromBytes(name, ElementType.F32, MemoryMarshal.AsBytes(values), shape);

    /// <summary>An int64 tensor; the values are copied.</summary>
    /// <param name="name">Its key.</param>
    /// <param name="values">As many numbers as the shape holds.</param>
    /// <param name="shape">Dimensions, outermost first; none for a scalar.</param>
    public static TensorData FromInt64(string name, ReadOnlySpan<long> values, params long[] shape) =>
        FromBytes(name, ElementType.I64, MemoryMarshal.AsBytes(values), shape);

    /// <summary>A float16 tensor; the values are copied.</summary>
    /// <param name="name">Its key.</param>
    /// <param name="values">As many numbers as the shape holds.</param>
    /// <param name="shape">Dimensions, outermost first; none for a scalar.</param>
    public static TensorData FromHalf(string name, ReadOnlySpan<Half> values, params long[] shape) =>
        FromBytes(name, ElementType.F16, MemoryMarshal.AsBytes(values), shape);

    /// <summary>A tensor of any type from its bytes; they are copied.</summary>
    /// <param name="name">Its key.</param>
    /// <param name="type">What the elements are.</param>
    /// <param name="bytes">Little-endian elements, row after row.</param>
    /// <param name="shape">Dimensions, outermost first; none for a scalar.</param>
    public static TensorData FromBytes(string name, ElementType type, ReadOnlySpan<byte> bytes, params long[] shape) =>
        FromArray(name, type, bytes.ToArray(), shape);

    /// <summary>A float32 tensor of a matrix's values; they are not copied, so that it may be larger than an array of bytes.</summary>
    internal static TensorData FromMatrix(string name, FeatureMatrix values, params long[] shape) =>
        FromWriter(name, ElementType.F32, stream => Write(stream, values.Span), shape.Length == 0 ? [values.Rows, values.Columns] : shape);

    /// <summary>A tensor whose elements somebody else writes when their turn comes.</summary>
    /// <param name="name">Its key.</param>
    /// <param name="type">What the elements are.</param>
    /// <param name="write">Writes all of them, little-endian, row after row.</param>
    /// <param name="shape">Dimensions, outermost first.</param>
    internal static TensorData FromWriter(string name, ElementType type, Action<Stream> write, params long[] shape) =>
        new(name, type, shape, (Int128)(Elements.Count(shape) ?? -1) * type.Size(), write);

    internal void WriteTo(Stream stream) => _write(stream);

    /// <summary>The same elements under another key.</summary>
    internal TensorData Renamed(string name) => new(name, Info.Type, [.. Info.Shape], ByteCount, _write);

    /// <summary>The elements, little-endian, row after row; fewer than 2 GB.</summary>
    internal byte[] ToBytes()
    {
        var bytes = new byte[checked((int)ByteCount)];
        using var stream = new MemoryStream(bytes);
        WriteTo(stream);
        return bytes;
    }

    private static TensorData FromArray(string name, ElementType type, byte[] bytes, long[] shape) =>
        new(name, type, shape, bytes.Length, stream => stream.Write(bytes));

    // One span of bytes must stay below 2 GB.
    private static void Write(Stream stream, ReadOnlySpan<float> values)
    {
        const int Chunk = 1 << 20;
        for (; values.Length > 0; values = values[Math.Min(Chunk, values.Length)..])
        {
            stream.Write(MemoryMarshal.AsBytes(values[..Math.Min(Chunk, values.Length)]));
        }
    }
}
