using System.Numerics.Tensors;

namespace Whence.Mapping;

/// <summary>The product X W^T of features with a weight matrix, as torch's Linear stores it.</summary>
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
                for (var i = start; i < end; i++)
                {
                    result[(i * m) + o] = TensorPrimitives.Dot(x.Slice(i * d, d), row);
                }
            }
        }
    }
}
