using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Whence.Vectors;

/// <summary>
/// The one dot product that similarities and norms are made of: 16 partial sums in double (element i goes to sum i mod 16),
/// added up pairwise, j with j + 8, then j + 4, j + 2, j + 1. A product of two floats is exact in double, so a fused
/// multiply-add rounds as an addition does, and only the order of the additions matters: the result has the same bits on
/// every machine, with any number of threads, alone or in a batch.
/// </summary>
internal static class DotProduct
{
    private const int PartialSums = 16;

    /// <summary>Sum of a[i] b[i]; both have the same length.</summary>
    public static double Of(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var whole = a.Length - (a.Length % PartialSums);
        var (low, high) = Add(a[..whole], b[..whole], Vector512<double>.Zero, Vector512<double>.Zero);
        if (whole < a.Length)
        {
            (low, high) = Add(FillUp(a[whole..], stackalloc float[PartialSums]), FillUp(b[whole..], stackalloc float[PartialSums]), low, high);
        }

        return Sum(low, high);
    }

    /// <summary>
    /// The same of four vectors with one, to the bit. One alone waits for each addition before the next one to the same sum; those of
    /// four go on side by side.
    /// </summary>
    /// <param name="a0">As long as <paramref name="b"/>, as are the others.</param>
    /// <param name="a1">The second vector.</param>
    /// <param name="a2">The third vector.</param>
    /// <param name="a3">The fourth vector.</param>
    /// <param name="b">What they are multiplied with.</param>
    /// <param name="products">Four numbers.</param>
    public static void OfFour(
        ReadOnlySpan<float> a0, ReadOnlySpan<float> a1, ReadOnlySpan<float> a2, ReadOnlySpan<float> a3, ReadOnlySpan<float> b, Span<double> products)
    {
        Span<Vector512<double>> sums = stackalloc Vector512<double>[8];
        sums.Clear();
        var whole = b.Length - (b.Length % PartialSums);
        AddFour(a0[..whole], a1[..whole], a2[..whole], a3[..whole], b[..whole], sums);
        if (whole < b.Length)
        {
            AddFour(
                FillUp(a0[whole..], stackalloc float[PartialSums]),
                FillUp(a1[whole..], stackalloc float[PartialSums]),
                FillUp(a2[whole..], stackalloc float[PartialSums]),
                FillUp(a3[whole..], stackalloc float[PartialSums]),
                FillUp(b[whole..], stackalloc float[PartialSums]),
                sums);
        }

        for (var i = 0; i < 4; i++)
        {
            products[i] = Sum(sums[2 * i], sums[(2 * i) + 1]);
        }
    }

    private static double Sum(Vector512<double> low, Vector512<double> high)
    {
        var eight = low + high;
        var four = eight.GetLower() + eight.GetUpper();
        var two = four.GetLower() + four.GetUpper();
        return two[0] + two[1];
    }

    // Sums 0 to 7 are low, 8 to 15 high.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (Vector512<double> Low, Vector512<double> High) Add(
        ReadOnlySpan<float> a, ReadOnlySpan<float> b, Vector512<double> low, Vector512<double> high)
    {
        for (var i = 0; i <= a.Length - PartialSums; i += PartialSums)
        {
            var (x, y) = (Vector512.Create(a.Slice(i, PartialSums)), Vector512.Create(b.Slice(i, PartialSums)));
            low = Vector512.MultiplyAddEstimate(Vector512.WidenLower(x), Vector512.WidenLower(y), low);
            high = Vector512.MultiplyAddEstimate(Vector512.WidenUpper(x), Vector512.WidenUpper(y), high);
        }

        return (low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddFour(
        ReadOnlySpan<float> a0, ReadOnlySpan<float> a1, ReadOnlySpan<float> a2, ReadOnlySpan<float> a3, ReadOnlySpan<float> b, Span<Vector512<double>> sums)
    {
        var (low0, low1, low2, low3) = (sums[0], sums[2], sums[4], sums[6]);
        var (high0, high1, high2, high3) = (sums[1], sums[3], sums[5], sums[7]);
        for (var i = 0; i <= b.Length - PartialSums; i += PartialSums)
        {
            var y = Vector512.Create(b.Slice(i, PartialSums));
            var (lower, upper) = (Vector512.WidenLower(y), Vector512.WidenUpper(y));
            var x = Vector512.Create(a0.Slice(i, PartialSums));
            low0 = Vector512.MultiplyAddEstimate(Vector512.WidenLower(x), lower, low0);
            high0 = Vector512.MultiplyAddEstimate(Vector512.WidenUpper(x), upper, high0);
            x = Vector512.Create(a1.Slice(i, PartialSums));
            low1 = Vector512.MultiplyAddEstimate(Vector512.WidenLower(x), lower, low1);
            high1 = Vector512.MultiplyAddEstimate(Vector512.WidenUpper(x), upper, high1);
            x = Vector512.Create(a2.Slice(i, PartialSums));
            low2 = Vector512.MultiplyAddEstimate(Vector512.WidenLower(x), lower, low2);
            high2 = Vector512.MultiplyAddEstimate(Vector512.WidenUpper(x), upper, high2);
            x = Vector512.Create(a3.Slice(i, PartialSums));
            low3 = Vector512.MultiplyAddEstimate(Vector512.WidenLower(x), lower, low3);
            high3 = Vector512.MultiplyAddEstimate(Vector512.WidenUpper(x), upper, high3);
        }

        (sums[0], sums[2], sums[4], sums[6]) = (low0, low1, low2, low3);
        (sums[1], sums[3], sums[5], sums[7]) = (high0, high1, high2, high3);
    }

    /// <summary>What fills no whole step is filled up with zeros, which change no sum.</summary>
    private static ReadOnlySpan<float> FillUp(ReadOnlySpan<float> rest, Span<float> step)
    {
        step.Clear();
        rest.CopyTo(step);
        return step;
    }
}
