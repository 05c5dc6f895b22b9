using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Whence.Images;

/// <summary>
/// Resizes rows. A vector holds 1, 2 or 4 neighbouring pixels with a lane for each of their bytes; each weight is repeated over
/// its pixel's four lanes, so that a multiply-add takes in all of them, and the pixels' sums are added together at the end.
/// Reads up to 3 pixels behind a row (with weight 0).
/// </summary>
internal sealed class HorizontalPass(ResampleWeights weights, VectorWidth width)
{
    private readonly int[] _weights = [.. weights.Weights.SelectMany(weight => Enumerable.Repeat(weight, RgbImage.BytesPerPixel))];

    /// <summary>One row: as many pixels of <paramref name="target"/> as there are outputs.</summary>
    public void Row(ReadOnlySpan<byte> source, Span<byte> target)
    {
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(target);
        ref var weight = ref MemoryMarshal.GetArrayDataReference(_weights);
        for (var i = 0; i < weights.Starts.Length; i++)
        {
            ref var pixels = ref Unsafe.Add(ref from, weights.Starts[i] * RgbImage.BytesPerPixel);
            var lanes = weights.Counts[i] * RgbImage.BytesPerPixel;
            var sum = width switch
            {
                VectorWidth.Bits512 => Sum512(ref pixels, ref weight, lanes),
                VectorWidth.Bits256 => Sum256(ref pixels, ref weight, lanes),
                _ => Sum128(ref pixels, ref weight, lanes),
            };
            Lanes.Store(sum + Vector128.Create(ResampleWeights.Half), ref Unsafe.Add(ref to, i * RgbImage.BytesPerPixel));
            weight = ref Unsafe.Add(ref weight, weights.Taps * RgbImage.BytesPerPixel);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Sum512(ref byte pixels, ref int weight, int lanes)
    {
        var sum = Vector512<int>.Zero;
        for (nuint lane = 0; lane < (nuint)lanes; lane += (nuint)Vector512<int>.Count)
        {
            sum += Lanes.Load512(ref Unsafe.Add(ref pixels, lane)) * Vector512.LoadUnsafe(ref weight, lane);
        }

        var half = sum.GetLower() + sum.GetUpper();
        return half.GetLower() + half.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Sum256(ref byte pixels, ref int weight, int lanes)
    {
        var sum = Vector256<int>.Zero;
        for (nuint lane = 0; lane < (nuint)lanes; lane += (nuint)Vector256<int>.Count)
        {
            sum += Lanes.Load256(ref Unsafe.Add(ref pixels, lane)) * Vector256.LoadUnsafe(ref weight, lane);
        }

        return sum.GetLower() + sum.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Sum128(ref byte pixels, ref int weight, int lanes)
    {
        var sum = Vector128<int>.Zero;
        for (nuint lane = 0; lane < (nuint)lanes; lane += (nuint)Vector128<int>.Count)
        {
            sum += Lanes.Load128(ref Unsafe.Add(ref pixels, lane)) * Vector128.LoadUnsafe(ref weight, lane);
        }

        return sum;
    }
}
