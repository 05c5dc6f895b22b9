using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Whence.Search;

/// <summary>Finds the few rows of a block whose bound reaches a threshold.</summary>
internal static class ScanFilter
{
    /// <summary>Places of the numbers that are at least as large as a threshold.</summary>
    /// <param name="values">A multiple of 16 numbers; minus infinity and NaN reach nothing.</param>
    /// <param name="threshold">Any number; minus infinity finds every number there is.</param>
    /// <param name="found">Room for all of them; the places come in ascending order.</param>
    /// <returns>How many there are.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int AtLeast(ReadOnlySpan<float> values, float threshold, Span<int> found)
    {
        var least = Vector512.Create(Math.Max(threshold, float.MinValue));
        var count = 0;
        for (var i = 0; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var reached = Vector512.GreaterThanOrEqual(Vector512.Create(values[i..]), least).ExtractMostSignificantBits();
            for (; reached != 0; reached &= reached - 1)
            {
                found[count++] = i + BitOperations.TrailingZeroCount(reached);
            }
        }

        return count;
    }
}
