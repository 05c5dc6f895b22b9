using TorchSharp;
using Whence.Torch.Diffusion;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion;

/// <summary>A U-Net that computes its layers once more gives the loss and the gradients of one that keeps them.</summary>
public class RecomputationTests
{
    // Of a gradient's largest value. Everything is computed in float64: gradients are added up in another order, which float32 would show in its last digits.
    private const double Rtol = 1e-12;

    // As in Custom Diffusion, only some weights or the context may ask for a gradient, and no input of the first layers does.
    [Theory]
    [InlineData("all", true, false)]
    [InlineData("all", false, false)]
    [InlineData("attn2.to_k", true, false)]
    [InlineData("attn2.to_k", true, true)]
    [InlineData("attn2.to_k", false, true)]
    [InlineData("attn2.to_k", false, false)]
    [InlineData("up_blocks.1.resnets.0.conv1", false, false)]
    [InlineData("conv_in", false, true)]
    [InlineData("none", true, true)]
    public void Gradients_are_the_same(string weights, bool ofContext, bool detachFirst)
    {
        using var scope = NewDisposeScope();
        using var unet = Network();
        unet.DetachFirstToken = detachFirst;
        foreach (var (name, parameter) in unet.named_parameters())
        {
            parameter.requires_grad = weights == "all" || name.Contains(weights, StringComparison.Ordinal);
        }

        var (loss, kept) = Gradients(unet, ofContext);
        unet.Checkpointing = true;
        Assert.True(unet.Checkpointing);
        var (again, recomputed) = Gradients(unet, ofContext);
        Assert.Equal(loss, again);
        Assert.Equal(kept.Keys, recomputed.Keys);
        Assert.NotEmpty(kept);
        foreach (var (name, expected) in kept)
        {
            var tolerance = Rtol * expected.Max(Math.Abs);
            Assert.All(expected.Zip(recomputed[name]), pair => Assert.InRange(pair.Second, pair.First - tolerance, pair.First + tolerance));
        }
    }

    [Fact]
    public void Backward_computes_a_layer_that_forward_computed_without_its_insides()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(3, 3);
        var (x, modes) = (randn([2, 3]), new List<bool>());
        var y = Recomputation.Of(layer, Compute, x);
        Assert.Equal([false], modes);
        y.sum().backward();
        Assert.Equal([false, true], modes);
        Assert.NotNull(layer.weight!.grad);
        Assert.Null(x.grad);

        using (no_grad())
        {
            Assert.False(Recomputation.Of(layer, Compute, x).requires_grad);
        }

        layer.weight.requires_grad = layer.bias!.requires_grad = false;
        Assert.False(Recomputation.Of(layer, Compute, x).requires_grad);

        Tensor Compute(IReadOnlyList<Tensor> tensors)
        {
            modes.Add(is_grad_enabled());
            return layer.forward(tensors[0]);
        }
    }

    [Fact]
    public void A_network_that_is_not_trained_is_only_computed()
    {
        using var scope = NewDisposeScope();
        using var unet = Network();
        using var none = no_grad();
        var expected = Forward(unet, Context());
        unet.Checkpointing = true;
        Assert.Equal(Values(expected), Values(Forward(unet, Context())));
    }

    private static UNet Network()
    {
        var unet = new UNet(
            new UNetSpec { SampleSize = 8, BlockChannels = [8, 16], DownAttention = [true, false], UpAttention = [false, true], LayersPerBlock = 2, CrossAttentionWidth = 12, Heads = [2, 2], NormGroups = 4 },
            CPU);
        FirstWeights.Fill(unet, 3);
        unet.to(ScalarType.Float64);
        return unet;
    }

    private static (double Loss, SortedDictionary<string, double[]> Gradients) Gradients(UNet unet, bool ofContext)
    {
        using var scope = NewDisposeScope();
        var context = Context();
        context.requires_grad = ofContext;
        var loss = Forward(unet, context).square().sum();
        loss.backward();
        var gradients = new SortedDictionary<string, double[]>(StringComparer.Ordinal);
        foreach (var (name, tensor) in unet.named_parameters().Select(p => (p.name, (Tensor)p.parameter)).Append(("context", context)))
        {
            if (tensor.grad is { } gradient)
            {
                gradients.Add(name, Values(gradient));
                tensor.grad = null;
            }
        }

        return (loss.item<double>(), gradients);
    }

    private static Tensor Context() => Normal(2, 5, 12);

    // Odd sides, so that the way up has to round as the way down did.
    private static Tensor Forward(UNet unet, Tensor context) => unet.forward(Normal(2, 4, 7, 9), tensor([10L, 900L]), context);

    private static double[] Values(Tensor tensor) => tensor.contiguous().data<double>().ToArray();

    private static Tensor Normal(params long[] shape)
    {
        using var generator = new Generator(5, CPU);
        return randn(shape, ScalarType.Float64, generator: generator);
    }
}
