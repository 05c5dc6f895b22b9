using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Whence.Images;

/// <summary>
/// Resizes columns. A vector's lanes are neighbouring bytes of a row; the rows are multiplied by their weight and added up.
/// Reads and writes up to 12 bytes behind a row.
/// </summary>
internal sealed class VerticalPass(ResampleWeights weights, VectorWidth width)
{
    /// <summary>Output row <paramref name="index"/>.</summary>
    /// <param name="source">The rows from the output's first source row on.</param>
    /// <param name="stride">Bytes from one source row to the next.</param>
    /// <param name="target">The output row and the slack behind it.</param>
    /// <param name="bytes">Bytes of the output row.</param>
    /// <param name="index">Index into the weights.</param>
    public void Row(ReadOnlySpan<byte> source, int stride, Span<byte> target, int bytes, int index)
    {
        var rowWeights = weights.Weights.AsSpan(index * weights.Taps, weights.Counts[index]);
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(target);
        var step = width switch { VectorWidth.Bits512 => 16, VectorWidth.Bits256 => 8, _ => 4 };
        for (var i = 0; i < bytes; i += step)
        {
            ref var column = ref Unsafe.Add(ref from, i);
            ref var output = ref Unsafe.Add(ref to, i);
            switch (width)
            {
                case VectorWidth.Bits512:
                    Column512(ref column, stride, ref output, rowWeights);
                    break;
                case VectorWidth.Bits256:
                    Column256(ref column, stride, ref output, rowWeights);
                    break;
                default:
                    Column128(ref column, stride, ref output, rowWeights);
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column512(ref byte column, nint stride, ref byte output, ReadOnlySpan<int> weights)
    {
        var sum = Vector512.Create(ResampleWeights.Half);
        foreach (var weight in weights)
        {
            sum += Lanes.Load512(ref column) * Vector512.Create(weight);
            column = ref Unsafe.Add(ref column, stride);
        }

        Lanes.Store(sum, ref output);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column256(ref byte column, nint stride, ref byte output, ReadOnlySpan<int> weights)
    {
        var sum = Vector256.Create(ResampleWeights.Half);
        foreach (var weight in weights)
        {
            sum += Lanes.Load256(ref column) * Vector256.Create(weight);
            column = ref Unsafe.Add(ref column, stride);
        }

        Lanes.Store(sum, ref output);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column128(ref byte column, nint stride, ref byte output, ReadOnlySpan<int> weights)
    {
        var sum = Vector128.Create(ResampleWeights.Half);
        foreach (var weight in weights)
        {
            sum += Lanes.Load128(ref column) * Vector128.Create(weight);
            column = ref Unsafe.Add(ref column, stride);
        }

        Lanes.Store(sum, ref output);
    }
}
