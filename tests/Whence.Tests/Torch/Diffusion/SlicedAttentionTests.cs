using Whence.Torch.Diffusion;
using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion;

public class SlicedAttentionTests
{
    // Two slices of a head, the second one shorter; one slice; too few weights for slices.
    [Theory]
    [InlineData(5000, 1030)]
    [InlineData(1030, 1100)]
    [InlineData(30, 20)]
    public void Values_are_those_of_the_definition_with_and_without_gradients(long cells, long tokens)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        Tensor[] inputs = [.. new[] { cells, tokens, tokens }.Select(rows => randn(2, rows, 2, 8).transpose(1, 2))]; // lying as heads of one product do
        var weights = (inputs[0].matmul(inputs[1].transpose(-2, -1)) / Math.Sqrt(8)).softmax(-1);
        var expected = weights.matmul(inputs[2]);
        AssertClose(expected, SlicedAttention.Of(inputs[0], inputs[1], inputs[2]));
        inputs[1].requires_grad_(true);
        var differentiable = SlicedAttention.Of(inputs[0], inputs[1], inputs[2]);
        AssertClose(expected, differentiable);
        Assert.True(differentiable.requires_grad);
    }

    [Fact]
    public void An_images_values_do_not_depend_on_those_beside_it()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(2);
        var (q, k, v) = (randn(3, 2, 1100, 8), randn(3, 2, 1100, 8), randn(3, 2, 1100, 8));
        var all = SlicedAttention.Of(q, k, v);
        var alone = SlicedAttention.Of(q.narrow(0, 1, 1), k.narrow(0, 1, 1), v.narrow(0, 1, 1));
        Assert.Equal(TensorValues.Of(all.narrow(0, 1, 1).contiguous()).ToArray(), TensorValues.Of(alone).ToArray());
    }

    private static void AssertClose(Tensor expected, Tensor actual) => GoldenDiffusion.AssertClose(
        TensorValues.Of(expected.detach().contiguous()), TensorValues.Of(actual.detach().contiguous()), 2e-6f, 1e-4f, "attention");
}
