using TorchSharp;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>Attention, softmax(q k^T / sqrt(d)) v (Vaswani et al. 2017, equation 1), of so few weights that they may be in memory as a whole.</summary>
internal static class ScaledDotProduct
{
    /// <summary>[n, heads, m, d], [n, heads, tokens, d] and the same -> [n, heads, m, d].</summary>
    /// <param name="q">Queries.</param>
    /// <param name="k">Keys.</param>
    /// <param name="v">Values.</param>
    /// <param name="causal">Whether a token sees only those before it and itself; m is tokens then.</param>
    public static Tensor Of(Tensor q, Tensor k, Tensor v, bool causal = false) =>
        q.dtype == ScalarType.BFloat16 && q.device_type == DeviceType.CPU
            ? InSteps(q, k, v, causal)
            : nn.functional.scaled_dot_product_attention(q, k, v, is_casual: causal);

    /// <summary>
    /// What the fused operation computes. On the processor that one makes a product of its own of every image and head, which in bfloat16 costs more to begin than to compute; products
    /// of all images together take half the time or less.
    /// </summary>
    internal static Tensor InSteps(Tensor q, Tensor k, Tensor v, bool causal = false)
    {
        var scaled = q.contiguous() * (float)(1 / Math.Sqrt(q.shape[^1]));
        var weights = scaled.matmul(k.contiguous().transpose(-2, -1));
        if (causal)
        {
            weights = weights + full([q.shape[2], k.shape[2]], float.NegativeInfinity, weights.dtype).triu(1);
        }

        return weights.softmax(-1).matmul(v.contiguous());
    }
}
