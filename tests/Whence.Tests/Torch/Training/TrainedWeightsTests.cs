using TorchSharp;
using Whence.Tests.Torch.Diffusion.Training;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Training;

public class TrainedWeightsTests
{
    private static readonly OptimizerOptions Options = new(WeightDecay: 0.1, Clip: 0.5, Average: 0.9);

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

    // The twin: Muon as its authors write it, in float64.
    [Fact]
    public void Muon_moves_matrices_along_their_momentum_made_orthogonal_and_AdamW_all_else()
    {
        const double Rate = 0.02, Momentum = 0.95;
        using var scope = NewDisposeScope();
        using var ours = Network();
        using var theirs = Network();
        var weights = new TrainedWeights(ours);
        foreach (var parameter in theirs.parameters())
        {
            parameter.requires_grad = true;
        }

        var (matrix, mean, average) = (theirs.Weight.detach().to(ScalarType.Float64), zeros(5, 7, ScalarType.Float64), theirs.Weight.detach().to(ScalarType.Float64));
        using var plain = optim.AdamW([theirs.get_parameter("bias")!], lr: Rate, weight_decay: 0);
        for (var step = 1; step <= 10; step++)
        {
            var input = randn(4, 7);
            weights.ClearGradients();
            ours.forward(input).square().sum().backward();
            weights.Step(step, Rate, Options with { Optimizer = Optimizer.Muon });

            theirs.zero_grad();
            theirs.forward(input).square().sum().backward();
            nn.utils.clip_grad_norm_(theirs.parameters(), Options.Clip);
            plain.step();
            using var none = no_grad();
            var gradient = theirs.Weight.grad!.to(ScalarType.Float64);
            mean = (Momentum * mean) + ((1 - Momentum) * gradient);
            var x = (Momentum * mean) + ((1 - Momentum) * gradient);
            x /= x.norm();
            for (var i = 0; i < 5; i++)
            {
                var square = x.mm(x.t());
                x = (3.4445 * x) + ((-4.7750 * square) + (2.0315 * square.mm(square))).mm(x);
            }

            matrix = (matrix * (1 - (Rate * Options.WeightDecay))) - (Rate * 0.2 * Math.Sqrt(7) * x);
            average += (matrix - average) * (1 - Math.Min(Options.Average, (1.0 + step) / (10 + step)));
            theirs.Weight.copy_(matrix);
        }

        Assert.True(ours.Weight.to(ScalarType.Float64).allclose(matrix, rtol: 1e-4, atol: 1e-5));
        Assert.True(ours.Bias!.allclose(theirs.Bias!, rtol: 1e-4, atol: 1e-6));
        var averages = TensorValues.ToTensor(weights.Average.AsSpan(5), 5, 7).to(ScalarType.Float64);
        Assert.True(averages.allclose(average, rtol: 1e-4, atol: 1e-5));
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
    public void Weights_of_products_and_convolutions_decay_and_no_bias_norm_or_embedding()
    {
        using var scope = NewDisposeScope();
        using var model = ToyGenerator.Model();
        using (no_grad())
        {
            model.UNet.parameters().Concat(model.TextEncoder.parameters()).ToList().ForEach(p => p.fill_(1));
        }

        var weights = new TrainedWeights(model.UNet, model.TextEncoder);
        weights.Step(1, 0.1, Options); // no gradient: only decay moves
        var (at, decayed) = (0, new HashSet<string>());
        foreach (var part in weights.Layout.Split(' ').Select(part => part.Split(':')))
        {
            var values = weights.Values.AsSpan(at, int.Parse(part[1], System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal(values.Length, values.Count(values[0]));
            at += values.Length;
            if (values[0] != 1)
            {
                Assert.Equal(0.99f, values[0]);
                decayed.Add(part[0]);
            }
        }

        string[] expected = [.. model.UNet.named_parameters().Where(p => p.parameter.ndim >= 2).Select(p => "0." + p.name),
            .. model.TextEncoder.named_parameters().Where(p => p.parameter.ndim >= 2 && p.name is not ("token_embedding" or "pos_embed")).Select(p => "1." + p.name)];
        Assert.Equal(expected.Order(StringComparer.Ordinal), decayed.Order(StringComparer.Ordinal));
        Assert.Contains("0.time_embedding.linear_1.weight", decayed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_number_of_threads_changes_no_bit(int threads)
    {
        using var scope = NewDisposeScope();
        using var one = ToyGenerator.Model();
        using var other = ToyGenerator.Model();
        var (expected, actual) = (Trained(one, 2), Trained(other, threads));
        Assert.Equal(expected.Values, actual.Values);
        Assert.Equal(expected.Average, actual.Average);

        static TrainedWeights Trained(DiffusionModel model, int threads)
        {
            var weights = new TrainedWeights(model.UNet) { Threads = threads };
            for (var step = 1; step <= 3; step++)
            {
                foreach (var parameter in model.UNet.parameters())
                {
                    parameter.grad = parameter.detach().clone() * step;
                }

                weights.Step(step, 0.01, Options);
            }

            return weights;
        }
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
