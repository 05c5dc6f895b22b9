using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Mapping;

public class ContrastiveLossTests
{
    [Theory]
    [InlineData(1, 1.0, false)]
    [InlineData(2, 1.0, false)]
    [InlineData(37, 1.0, false)]
    [InlineData(37, 0.07, false)]
    [InlineData(37, 0.005, false)]
    [InlineData(37, 1.0, true)]
    [InlineData(37, 0.005, true)]
    public void Losses_and_gradient_are_those_of_cross_entropy_in_float64(int n, double temperature, bool masked)
    {
        using var scope = NewDisposeScope();
        var random = new Random(n);
        float[] values = [.. Enumerable.Range(0, n * n).Select(_ => (random.NextSingle() * 2) - 1)];
        int[] groups = masked ? [.. Enumerable.Range(0, n).Select(i => i % 5 == 4 ? -1 : i % 5)] : [];

        var similarities = tensor(values, n, n).to(ScalarType.Float64).requires_grad_();
        var scaled = similarities / temperature;
        for (var i = 0; masked && i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                if (i != j && groups[i] >= 0 && groups[i] == groups[j])
                {
                    using var mask = zeros_like(scaled).index_put_(tensor(double.NegativeInfinity), tensor((long)i), tensor((long)j));
                    scaled = scaled + mask;
                }
            }
        }

        var target = arange(n);
        var (rows, columns) = (nn.functional.cross_entropy(scaled, target), nn.functional.cross_entropy(scaled.t(), target));
        (rows + columns).backward();

        var (synthToReal, realToSynth) = new ContrastiveLoss(temperature).Replace(values, n, groups);

        Assert.Equal(rows.item<double>(), synthToReal, 1e-5 / temperature);
        Assert.Equal(columns.item<double>(), realToSynth, 1e-5 / temperature);
        var expected = similarities.grad!.data<double>().ToArray();
        Assert.All(expected.Zip(values), pair => Assert.Equal(pair.First, pair.Second, 1e-5 / (n * temperature * temperature)));
    }

    [Fact]
    public void Numbers_out_of_reach_of_the_exponential_do_no_harm()
    {
        float[] similarities = [-1, 1, 1, -1];
        var (synthToReal, _) = new ContrastiveLoss(1e-3).Replace(similarities, 2, []);
        Assert.Equal(2000, synthToReal, 1e-2);
        Assert.All(similarities, gradient => Assert.True(float.IsFinite(gradient)));
    }
}
