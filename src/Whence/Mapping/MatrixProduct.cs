using System.Numerics;
using System.Runtime.InteropServices;

namespace Whence.Mapping;

/// <summary>
/// The product X W^T of features with a weight matrix, as torch's Linear stores it. Each result is summed in one order,
/// wherever its row stands and however many there are: equal features stay equal, to the bit, alone or in a batch.
/// </summary>
internal static class MatrixProduct
{
    /// <summary>Features that share one pass over the weights: 16 x 768 floats stay in the nearest cache with a row of W.</summary>
    private const int Block = 16;

    /// <summary>result[i, o] = dot(x[i], weight[o]), float32.</summary>
    /// <param name="x">n x d.</param>
    /// <param name="weight">m x d.</param>
    /// <param name="result">n x m.</param>
    /// <param name="d">The common dimension.</param>
    public static void Compute(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, Span<float> result, int d)
    {
        var n = x.Length / d;
        var m = weight.Length / d;
        for (var start = 0; start < n; start += Block)
        {
            var end = Math.Min(start + Block, n);
            for (var o = 0; o < m; o++)
            {
                var row = weight.Slice(o * d, d);
                var i = start;
                for (; i <= end - 4; i += 4)
                {
                    (result[(i * m) + o], result[((i + 1) * m) + o], result[((i + 2) * m) + o], result[((i + 3) * m) + o]) =
                        Dot4(x.Slice(i * d, 4 * d), row);
                }

                for (; i < end; i++)
                {
                    result[(i * m) + o] = Dot(x.Slice(i * d, d), row);
                }
            }
        }
    }

    /// <summary>Four features at once: each piece of the weights is loaded once for all of them.</summary>
    private static (float, float, float, float) Dot4(ReadOnlySpan<float> x, ReadOnlySpan<float> weight)
    {
        var d = weight.Length;
        ReadOnlySpan<float> x0 = x[..d], x1 = x.Slice(d, d), x2 = x.Slice(2 * d, d), x3 = x.Slice(3 * d, d);
        var w = MemoryMarshal.Cast<float, Vector<float>>(weight);
        ReadOnlySpan<Vector<float>> v0 = Vectors(x0, w.Length), v1 = Vectors(x1, w.Length), v2 = Vectors(x2, w.Length), v3 = Vectors(x3, w.Length);
        Vector<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (var i = 0; i < w.Length; i++)
        {
            sum0 = Vector.MultiplyAddEstimate(v0[i], w[i], sum0);
            sum1 = Vector.MultiplyAddEstimate(v1[i], w[i], sum1);
            sum2 = Vector.MultiplyAddEstimate(v2[i], w[i], sum2);
            sum3 = Vector.MultiplyAddEstimate(v3[i], w[i], sum3);
        }

        return (Finish(sum0, x0, weight), Finish(sum1, x1, weight), Finish(sum2, x2, weight), Finish(sum3, x3, weight));
    }

    private static float Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> weight)
    {
        var w = MemoryMarshal.Cast<float, Vector<float>>(weight);
        var v = Vectors(x, w.Length);
        Vector<float> sum = default;
        for (var i = 0; i < w.Length; i++)
        {
            sum = Vector.MultiplyAddEstimate(v[i], w[i], sum);
        }

        return Finish(sum, x, weight);
    }

    private static ReadOnlySpan<Vector<float>> Vectors(ReadOnlySpan<float> x, int count) =>
        MemoryMarshal.Cast<float, Vector<float>>(x)[..count];

    /// <summary>Adds up the lanes and the elements that fill no whole vector.</summary>
    private static float Finish(Vector<float> sum, ReadOnlySpan<float> x, ReadOnlySpan<float> weight)
    {
        var result = Vector.Sum(sum);
        for (var i = weight.Length - (weight.Length % Vector<float>.Count); i < weight.Length; i++)
        {
            result += x[i] * weight[i];
        }

        return result;
    }
}
