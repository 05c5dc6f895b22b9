using System.Runtime.InteropServices;

namespace Whence.Vectors;

/// <summary>A named tensor in memory, to be written: its little-endian bytes, row after row.</summary>
public sealed class TensorData
{
    private TensorData(string name, ElementType type, long[] shape, ReadOnlyMemory<byte> bytes)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (Elements.Count(shape) is not { } count || (Int128)count * type.Size() != bytes.Length)
        {
            throw new ArgumentException($"'{name}': {bytes.Length} bytes are not {type} [{string.Join(", ", shape)}].", nameof(shape));
        }

        (Name, Info, Bytes) = (name, new TensorInfo(type, shape), bytes);
    }

    /// <summary>The tensor's key, for example <c>real_mapper.weight</c>.</summary>
    public string Name { get; }

    /// <summary>Element type and shape.</summary>
    public TensorInfo Info { get; }

    /// <summary>The elements.</summary>
    internal ReadOnlyMemory<byte> Bytes { get; }

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
        new(name, type, shape, bytes.ToArray());

    /// <summary>The same elements under another key.</summary>
    internal TensorData Renamed(string name) => new(name, Info.Type, [.. Info.Shape], Bytes);

    /// <summary>The elements of a float32 tensor.</summary>
    internal float[] ToSingle() => Info.Type == ElementType.F32
        ? MemoryMarshal.Cast<byte, float>(Bytes.Span).ToArray()
        : throw new InvalidOperationException($"'{Name}' is {Info}.");

    /// <summary>The elements of an int64 tensor.</summary>
    internal long[] ToInt64() => Info.Type == ElementType.I64
        ? MemoryMarshal.Cast<byte, long>(Bytes.Span).ToArray()
        : throw new InvalidOperationException($"'{Name}' is {Info}.");
}
