using FsCheck.Xunit;
using TorchSharp;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders;

public class TransformerLayersTests
{
    // Whole numbers: every order of summation gives the same.
    [Property(MaxTest = 30)]
    public bool A_product_as_a_convolution_is_the_product(int seed, byte images, byte tokens, byte input, byte output, bool biased, bool narrow)
    {
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        var (n, t, d, m) = (1 + (images % 3), 1 + (tokens % 40), 1 + (input % 40), 1 + (output % 40));
        Tensor Whole(params long[] shape) => tensor(Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(_ => (float)random.Next(-8, 9)).ToArray(), shape);
        var (x, w, b) = (Whole(n, t + 1, d), Whole(m + 2, d), biased ? Whole(m + 2) : null);
        if (narrow)
        {
            (x, w, b) = (x.narrow(1, 0, 1), w.narrow(0, 1, m), b?.narrow(0, 1, m));
        }

        var product = LinearLayer.AsConvolution(x, w, b);
        return product.shape.SequenceEqual([n, narrow ? 1 : t + 1, narrow ? m : m + 2]) && product.equal(nn.functional.linear(x, w, b)).all().item<bool>();
    }

    // In bfloat16 a causal token's average may be over few values, so that less of the rounding cancels.
    [Theory]
    [InlineData(false, 0.02f)]
    [InlineData(true, 0.1f)]
    public void Attention_in_steps_is_the_fused_one(bool causal, float rounding)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var qkv = randn(new long[] { 2, 37, 3, 4, 16 }).permute(2, 0, 3, 1, 4);
        var fused = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_casual: causal);

        var exact = ScaledDotProduct.InSteps(qkv[0], qkv[1], qkv[2], causal);
        var half = qkv.bfloat16();
        var rounded = ScaledDotProduct.InSteps(half[0], half[1], half[2], causal).to_type(ScalarType.Float32);

        Assert.Equal(fused.shape, exact.shape);
        Assert.InRange((exact - fused).abs().max().item<float>(), 0, 1e-5f);
        Assert.InRange((rounded - fused).abs().max().item<float>(), 0, rounding);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_of_attention_in_steps_are_those_of_the_fused_one(bool causal)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var (qkv, weights) = (randn(new long[] { 3, 2, 4, 37, 16 }), randn(new long[] { 2, 4, 37, 16 }));
        var fused = Gradient((q, k, v) => nn.functional.scaled_dot_product_attention(q, k, v, is_casual: causal));
        var inSteps = Gradient((q, k, v) => ScaledDotProduct.InSteps(q, k, v, causal));
        Assert.InRange(fused.abs().max().item<float>(), 0.1f, 100);
        Assert.InRange((inSteps - fused).abs().max().item<float>(), 0, 1e-5f);

        Tensor Gradient(Func<Tensor, Tensor, Tensor, Tensor> attention)
        {
            var x = qkv.clone().requires_grad_();
            (attention(x[0], x[1], x[2]) * weights).sum().backward();
            return x.grad!;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_forward_pass_leaves_no_tensor_behind(bool half)
    {
        using var scope = NewDisposeScope();
        using var block = new TransformerBlock(32, 4, 1e-6, TransformerActivation.Gelu, causal: false, CPU);
        foreach (var (_, parameter) in block.named_parameters())
        {
            parameter.fill_(0.01f);
        }

        var type = half ? ScalarType.BFloat16 : ScalarType.Float32;
        block.to(type);
        var input = ones(new long[] { 2, 5, 32 }, dtype: type);
        block.forward(input).Dispose();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        block.forward(input).Dispose();
        block.ForwardFirst(input).Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
