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

        var eight = low + high;
        var four = eight.GetLower() + eight.GetUpper();
        var two = four.GetLower() + four.GetUpper();
        return two[0] + two[1];
    }

    // Sums 0 to 7 are low, 8 to 15 high.
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

    /// <summary>What fills no whole step is filled up with zeros, which change no sum.</summary>
    private static ReadOnlySpan<float> FillUp(ReadOnlySpan<float> rest, Span<float> step)
    {
        step.Clear();
        rest.CopyTo(step);
        return step;
    }
}
