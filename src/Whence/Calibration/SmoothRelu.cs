using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Whence.Calibration;

/// <summary>
/// Sums over a query's candidates of <c>t_i = softplus(e_i + b)</c>, beta = 100, with <c>e_i = exp((s_i - s_max) / tau)</c>, and their derivatives:
/// the large loop of a fit. Elements are computed in float32, 16 at a time, and added up in float64 in a fixed order.
/// </summary>
internal static class SmoothRelu
{
    /// <summary>How sharply softplus bends: <c>log(1 + exp(100 x)) / 100</c>.</summary>
    public const double Beta = 100;

    private const int Lanes = 16;

    // So many additions in float32 before their sum goes to float64.
    private const int Block = 32 * Lanes;

    // exp(x) of less than this is no normal number any more.
    private const float Smallest = -87.3f;

    /// <summary>Adds up.</summary>
    /// <param name="similarities">The candidates' similarities, any number of them.</param>
    /// <param name="maximum">s_max, the largest.</param>
    /// <param name="inverseTau">1 / tau.</param>
    /// <param name="offset">b = -lambda.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static SmoothSums Sum(ReadOnlySpan<float> similarities, float maximum, float inverseTau, float offset)
    {
        var (top, scale, shift) = (Vector512.Create(maximum), Vector512.Create(inverseTau), Vector512.Create((float)Beta * offset));
        var sums = default(SmoothSums);
        var whole = similarities.Length - (similarities.Length % Lanes);
        for (var start = 0; start < whole; start += Block)
        {
            var block = similarities[start..Math.Min(start + Block, whole)];
            var (values, byTau, byOffset) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
            for (var i = 0; i <= block.Length - Lanes; i += Lanes)
            {
                var (t, slope, weighted) = Terms(Vector512.Create(block.Slice(i, Lanes)), top, scale, shift);
                values += t;
                byTau += weighted;
                byOffset += slope;
            }

            sums += new SmoothSums(Total(values) / Beta, Total(byTau), Total(byOffset));
        }

        if (whole < similarities.Length)
        {
            Span<float> rest = stackalloc float[Lanes];
            similarities[whole..].CopyTo(rest);
            var inside = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(similarities.Length - whole)).AsSingle();
            var (t, slope, weighted) = Terms(Vector512.Create<float>(rest), top, scale, shift);
            sums += new SmoothSums(Total(t & inside) / Beta, Total(weighted & inside), Total(slope & inside));
        }

        return sums;
    }

    /// <summary>
    /// <c>beta t</c>, its derivative <c>t' = sigmoid(beta (e + b))</c>, and <c>t' e (s - s_max)</c>. With v = exp(-|x|), softplus(x) is max(x, 0) + log(1 + v), of
    /// which nothing overflows and nothing cancels; where torch takes x itself, beyond 20, log(1 + v) is lost in rounding.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Value, Vector512<float> Slope, Vector512<float> Weighted) Terms(
        Vector512<float> similarity, Vector512<float> top, Vector512<float> scale, Vector512<float> shift)
    {
        var below = similarity - top;
        var e = Exp(below * scale);
        var x = Vector512.FusedMultiplyAdd(e, Vector512.Create((float)Beta), shift);
        var v = Exp(-Vector512.Abs(x));
        var positive = Vector512.GreaterThanOrEqual(x, Vector512<float>.Zero);
        var slope = Vector512.ConditionalSelect(positive, Vector512<float>.One, v) / (Vector512<float>.One + v);
        return (Vector512.FusedMultiplyAdd(v, LogOverV(v), x & positive), slope, slope * e * below);
    }

    // x = n ln 2 + r; a polynomial for exp(r), within 3e-9 (Chebyshev nodes, |r| at most ln 2 / 2); 2^n by its bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Exp(Vector512<float> x)
    {
        x = Vector512.Max(x, Vector512.Create(Smallest));
        var n = Vector512.Round(x * 1.44269504f);
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x); // ln 2 in two parts, the first of which times n is exact
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.Create(0.00139485808f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.00837512889f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.0416662183f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.166664155f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.500000011f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.00000004f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        var power = (Vector512.ConvertToInt32Native(n) + Vector512.Create(127)) << 23;
        return p * power.AsSingle();
    }

    // log(1 + v) / v for v in [0, 1], within 5e-9 (Chebyshev nodes).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> LogOverV(Vector512<float> v)
    {
        var p = Vector512.Create(-0.00325637848f);
        p = Vector512.FusedMultiplyAdd(p, v, Vector512.Create(0.019907161f));
        p = Vector512.FusedMultiplyAdd(p, v, Vector512.Create(-0.0570642008f));
        p = Vector512.FusedMultiplyAdd(p, v, Vector512.Create(0.106142647f));
        p = Vector512.FusedMultiplyAdd(p, v, Vector512.Create(-0.153118631f));
        p = Vector512.FusedMultiplyAdd(p, v, Vector512.Create(0.196781173f));
        p = Vector512.FusedMultiplyAdd(p, v, Vector512.Create(-0.249545589f));
        p = Vector512.FusedMultiplyAdd(p, v, Vector512.Create(0.33330004f));
        p = Vector512.FusedMultiplyAdd(p, v, Vector512.Create(-0.49999904f));
        return Vector512.FusedMultiplyAdd(p, v, Vector512.Create(0.999999995f));
    }

    private static double Total(Vector512<float> sums)
    {
        var (low, high) = Vector512.Widen(sums);
        var eight = low + high;
        var four = eight.GetLower() + eight.GetUpper();
        var two = four.GetLower() + four.GetUpper();
        return two[0] + two[1];
    }
}

/// <summary>What <see cref="SmoothRelu"/> adds up over a query's candidates.</summary>
/// <param name="Value">Sum of t.</param>
/// <param name="ByInverseTau">Its derivative with respect to 1 / tau.</param>
/// <param name="ByOffset">Its derivative with respect to b.</param>
internal readonly record struct SmoothSums(double Value, double ByInverseTau, double ByOffset)
{
    public static SmoothSums operator +(SmoothSums a, SmoothSums b) => new(a.Value + b.Value, a.ByInverseTau + b.ByInverseTau, a.ByOffset + b.ByOffset);
}
