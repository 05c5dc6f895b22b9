using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Whence.Vectors;

/// <summary>Sizes and conversions of the stored element types.</summary>
internal static class Elements
{
    /// <summary>Converts stored elements: <see cref="ToSingle"/> or <see cref="ToInt64"/>.</summary>
    public delegate void Conversion<T>(ElementType type, ReadOnlySpan<byte> source, Span<T> destination);

    public static int Size(this ElementType type) => type switch
    {
        ElementType.Bool or ElementType.U8 or ElementType.I8 => 1,
        ElementType.I16 or ElementType.F16 or ElementType.BF16 => 2,
        ElementType.I32 or ElementType.F32 => 4,
        ElementType.I64 or ElementType.F64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    public static bool IsInteger(this ElementType type) => type < ElementType.F16;

    /// <summary>Number of elements of a shape, or null where it overflows or a dimension is negative.</summary>
    public static long? Count(ReadOnlySpan<long> shape)
    {
        // A zero anywhere makes the product zero, but the other dimensions still have to be sensible.
        long count = 1;
        foreach (var dimension in shape)
        {
            if (dimension < 0)
            {
                return null;
            }

            var product = (Int128)count * dimension;
            if (product > long.MaxValue)
            {
                return null;
            }

            count = (long)product;
        }

        return count;
    }

    /// <summary>Converts <c>destination.Length</c> elements to float32; <paramref name="source"/> holds exactly as many.</summary>
    public static void ToSingle(ElementType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (type)
        {
            case ElementType.F32:
                source.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case ElementType.F16:
                WidenHalf(MemoryMarshal.Cast<byte, ushort>(source), destination);
                break;
            case ElementType.BF16:
                WidenBFloat16(MemoryMarshal.Cast<byte, ushort>(source), MemoryMarshal.Cast<float, uint>(destination));
                break;
            case ElementType.F64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(source), destination);
                break;
            case ElementType.I64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, long>(source), destination);
                break;
            case ElementType.I32:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, int>(source), destination);
                break;
            case ElementType.I16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, short>(source), destination);
                break;
            case ElementType.I8:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, sbyte>(source), destination);
                break;
            case ElementType.U8:
                TensorPrimitives.ConvertTruncating(source, destination);
                break;
            case ElementType.Bool:
                for (var i = 0; i < destination.Length; i++)
                {
                    destination[i] = source[i] == 0 ? 0 : 1;
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, null);
        }
    }

    /// <summary>Converts integer elements to int64; the type must be an integer.</summary>
    public static void ToInt64(ElementType type, ReadOnlySpan<byte> source, Span<long> destination)
    {
        var size = type.Size();
        for (var i = 0; i < destination.Length; i++)
        {
            var element = source[(i * size)..];
            destination[i] = type switch
            {
                ElementType.Bool => element[0] == 0 ? 0 : 1,
                ElementType.U8 => element[0],
                ElementType.I8 => (sbyte)element[0],
                ElementType.I16 => BitConverter.ToInt16(element),
                ElementType.I32 => BitConverter.ToInt32(element),
                ElementType.I64 => BitConverter.ToInt64(element),
                _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
            };
        }
    }

    /// <summary>
    /// A float16's exponent and fraction, shifted to where a float32 has them, read as a number 2^112 times too small, subnormal
    /// ones included: multiplying is the exact conversion. Infinity and NaN get the exponent that they have in float32.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WidenHalf(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var i = 0;
        for (; i <= source.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var bits = Vector512.WidenLower(Vector256.Create(source.Slice(i, Vector256<ushort>.Count)).ToVector512Unsafe());
            var magnitude = (bits & Vector512.Create(0x7FFFu)) << 13;
            var value = (magnitude.AsSingle() * Vector512.Create(5.192296858534828e33f)).AsUInt32();
            var special = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x7C00u << 13)) & Vector512.Create(0x7F80_0000u);
            (value | special | ((bits & Vector512.Create(0x8000u)) << 16)).AsSingle().CopyTo(destination[i..]);
        }

        for (; i < source.Length; i++)
        {
            destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
        }
    }

    /// <summary>A bfloat16 is the upper half of a float32: shifting it up is the exact conversion.</summary>
    private static void WidenBFloat16(ReadOnlySpan<ushort> source, Span<uint> destination)
    {
        var i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out var low, out var high);
            (low << 16).CopyTo(destination[i..]);
            (high << 16).CopyTo(destination[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++)
        {
            destination[i] = (uint)source[i] << 16;
        }
    }
}
