using TorchSharp;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// Attention, softmax(q k^T / sqrt(d)) v, slice by slice, so that the weights, of which an image of 512 pixels has 134 million, are never in memory as a whole. libtorch's fused operation
/// does so too, forward and backward; on the processor it takes a third longer than slices in float32, twice as long in bfloat16.
/// </summary>
internal static class SlicedAttention
{
    // With fewer weights of a head than these, slices gain nothing over libtorch's operation.
    private const long Few = 1 << 20;

    // Weights of a slice: as many as the last cache holds.
    private const long Slice = 1 << 22;

    /// <summary>[n, heads, cells, d], [n, heads, tokens, d] and the same -> [n, heads, cells, d].</summary>
    public static Tensor Of(Tensor q, Tensor k, Tensor v) =>
        q.device_type != DeviceType.CPU || q.shape[2] * k.shape[2] < Few || (is_grad_enabled() && (q.requires_grad || k.requires_grad || v.requires_grad))
            ? ScaledDotProduct.Of(q, k, v)
            : BySlices(q, k, v);

    private static Tensor BySlices(Tensor q, Tensor k, Tensor v)
    {
        using var scope = NewDisposeScope();
        var (cells, d, rows) = (q.shape[2], q.shape[3], Math.Max(1, Slice / k.shape[2]));
        var (queries, keys, values, y) = (Rows(q), Rows(k), Rows(v), empty(q.shape, q.dtype));
        var (all, scale) = (Rows(y), (float)(1 / Math.Sqrt(d)));
        for (var head = 0L; head < queries.shape[0]; head++)
        {
            using var one = NewDisposeScope();
            var (key, across) = (keys[head], values[head].t().contiguous());
            for (var first = 0L; first < cells; first += rows)
            {
                using var slice = NewDisposeScope();
                var count = Math.Min(rows, cells - first);
                var weights = LinearLayer.Product(queries[head].narrow(0, first, count) * scale, key, null).softmax(-1); // rows x tokens
                all[head].narrow(0, first, count).copy_(LinearLayer.Product(weights, across, null));
            }
        }

        return y.MoveToOuterDisposeScope();
    }

    private static Tensor Rows(Tensor tensor) => tensor.contiguous().view(-1, tensor.shape[2], tensor.shape[3]); // n heads x rows x d
}
