using TorchSharp;
using Whence.Torch.Diffusion.Training;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion.Training;

public class TrainedWeightsTests
{
    private static readonly AdamWOptions Options = new(WeightDecay: 0.1, Clip: 0.5, Average: 0.9);

    [Fact]
    public void Steps_are_those_of_PyTorch_s_AdamW_with_its_clipping()
    {
        using var scope = NewDisposeScope();
        using var ours = Network();
        using var theirs = Network();
        var weights = new TrainedWeights(ours);
        foreach (var parameter in theirs.parameters())
        {
            parameter.requires_grad = true;
        }

        using var decayed = optim.AdamW([theirs.get_parameter("weight")!], lr: 0.01, weight_decay: 0.1);
        using var plain = optim.AdamW([theirs.get_parameter("bias")!], lr: 0.01, weight_decay: 0);
        for (var step = 1; step <= 20; step++)
        {
            var (input, scale) = (randn(4, 7), step % 3 == 0 ? 10 : 0.01);
            weights.ClearGradients();
            (ours.forward(input).square().sum() * scale).backward();
            var norm = weights.Step(step, 0.01, Options);
            decayed.zero_grad();
            plain.zero_grad();
            (theirs.forward(input).square().sum() * scale).backward();
            Assert.Equal(nn.utils.clip_grad_norm_(theirs.parameters(), 0.5), norm, 1e-4 * (1 + norm));
            decayed.step();
            plain.step();
        }

        foreach (var (our, their) in ours.parameters().Zip(theirs.parameters()))
        {
            Assert.True(our.allclose(their, rtol: 1e-4, atol: 1e-6));
        }
    }

    [Fact]
    public void The_average_follows_the_weights_and_is_what_networks_may_compute_with()
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        var weights = new TrainedWeights(network);
        float[] expected = [.. weights.Values];
        for (var step = 1; step <= 60; step++)
        {
            weights.ClearGradients();
            network.forward(ones(1, 7)).sum().backward();
            weights.Step(step, 0.01, Options);
            var share = 1 - Math.Min(0.9, (1.0 + step) / (10 + step));
            expected = [.. expected.Zip(weights.Values, (a, w) => (float)(a + ((w - a) * share)))];
        }

        Assert.Equal(expected, weights.Average.Select((a, i) => Math.Abs(a - expected[i]) < 1e-6 ? expected[i] : a));
        weights.Write(weights.Average);
        Assert.Equal(weights.Average[5..], TensorValues.Of(network.Weight).ToArray());
        using var fresh = Network();
        weights.CopyAverageTo(fresh);
        Assert.Equal(weights.Average[..5], TensorValues.Of(fresh.Bias!).ToArray());
        Assert.All(fresh.parameters(), p => Assert.False(p.requires_grad));
    }

    [Fact]
    public void Networks_of_bfloat16_learn_what_bfloat16_could_not_add_up()
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        network.to(ScalarType.BFloat16);
        var weights = new TrainedWeights(network);
        var before = (float[])[.. weights.Values];
        for (var step = 1; step <= 50; step++)
        {
            weights.ClearGradients();
            network.forward(ones(1, 7).to(ScalarType.BFloat16)).sum().backward();
            weights.Step(step, 1e-5, Options with { WeightDecay = 0 });
        }

        Assert.All(before.Zip(weights.Values), pair => Assert.Equal(5e-4, pair.First - pair.Second, 1e-5));
        Assert.Equal(ScalarType.BFloat16, network.Weight.dtype);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_moves_nothing()
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        var weights = new TrainedWeights(network);
        var before = (float[])[.. weights.Values];
        (network.forward(ones(1, 7)).sum() * float.NaN).backward();
        Assert.Equal(double.NaN, weights.Step(1, 0.01, Options));
        Assert.Equal(before, weights.Values);
    }

    private static LinearLayer Network()
    {
        var network = new LinearLayer(7, 5, CPU);
        using var none = no_grad();
        using var generator = new Generator(3, CPU);
        network.Weight.normal_(0, 1, generator);
        network.Bias!.normal_(0, 1, generator);
        return network;
    }
}
