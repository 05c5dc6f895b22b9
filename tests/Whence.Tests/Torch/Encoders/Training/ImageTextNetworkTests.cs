using System.Runtime.InteropServices;
using Whence.Torch.Encoders.Training;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders.Training;

public sealed class ImageTextNetworkTests
{
    [Fact]
    public void The_loss_is_that_of_plain_loops()
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        const int N = 7, Dimension = 8;
        using var generator = new Generator(5, CPU);
        var (images, texts) = (randn([N, Dimension], generator: generator), randn([N, Dimension], generator: generator));
        var alike = new bool[N * N];
        alike[(1 * N) + 4] = alike[(4 * N) + 1] = true; // the images 1 and 4 have the same caption
        var (loss, error) = network.Loss(images, texts, tensor(alike, [N, N]));
        var (expected, wrong) = Slow(images.data<float>().ToArray(), texts.data<float>().ToArray(), alike, N, Dimension, 1 / 0.07);
        Assert.Equal(expected, loss.item<float>(), 1e-4);
        Assert.Equal(wrong, error, 1e-6);

        // Where all captions are the same, there is nothing to tell apart.
        Assert.Equal(0, network.Loss(images, texts, ~eye(N, dtype: ScalarType.Bool)).Loss.item<float>(), 1e-6);
    }

    [Fact]
    public void A_scale_beyond_the_largest_counts_as_that_and_can_come_back()
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        var scale = network.get_parameter("logit_scale")!;
        using (no_grad())
        {
            scale.fill_(Math.Log(1000));
        }

        scale.requires_grad = true;
        using var generator = new Generator(5, CPU);
        var (images, texts) = (randn([4, 8], generator: generator), randn([4, 8], generator: generator));
        var (loss, _) = network.Loss(images, texts, zeros([4, 4], dtype: ScalarType.Bool));
        Assert.Equal(Slow(images.data<float>().ToArray(), texts.data<float>().ToArray(), new bool[16], 4, 8, 100).Loss, loss.item<float>(), 1e-3);
        loss.backward();
        Assert.NotEqual(0, scale.grad!.item<float>());
        var saved = network.Save(ElementType.F32).Single(tensor => tensor.Name == "logit_scale");
        Assert.Equal(Math.Log(100), MemoryMarshal.Read<float>(saved.ToBytes()), 1e-5);
    }

    [Fact]
    public void The_same_seed_gives_the_same_weights_and_the_scale_begins_as_the_authors_do()
    {
        using var scope = NewDisposeScope();
        using var first = Network();
        using var second = Network();
        Assert.All(first.parameters().Zip(second.parameters()), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
        using var other = Network(seed: 2);
        Assert.Contains(first.parameters().Zip(other.parameters()), pair => !pair.First.equal(pair.Second).all().item<bool>());
        Assert.Equal(2.6593, first.get_parameter("logit_scale")!.item<float>(), 1e-4);
    }

    private static ImageTextNetwork Network(long seed = 1)
    {
        var recipe = ToyImageText.Load();
        var network = new ImageTextNetwork(recipe.ImageSpec(), recipe.TextSpec(540), CPU);
        network.Initialise(seed);
        return network;
    }

    private static (double Loss, double Error) Slow(float[] images, float[] texts, bool[] alike, int n, int dimension, double scale)
    {
        var similarity = new double[n, n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var (dot, a, b) = (0.0, 0.0, 0.0);
                for (var d = 0; d < dimension; d++)
                {
                    var (x, y) = (images[(i * dimension) + d], texts[(j * dimension) + d]);
                    (dot, a, b) = (dot + (x * y), a + (x * x), b + (y * y));
                }

                similarity[i, j] = alike[(i * n) + j] ? double.NegativeInfinity : scale * dot / Math.Sqrt(a * b);
            }
        }

        var (loss, wrong) = (0.0, 0);
        for (var i = 0; i < n; i++)
        {
            var (row, column, best) = (0.0, 0.0, 0);
            for (var j = 0; j < n; j++)
            {
                (row, column) = (row + Math.Exp(similarity[i, j]), column + Math.Exp(similarity[j, i]));
                best = similarity[i, j] > similarity[i, best] ? j : best;
            }

            loss += Math.Log(row) + Math.Log(column) - (2 * similarity[i, i]);
            wrong += best == i ? 0 : 1;
        }

        return (loss / (2 * n), (double)wrong / n);
    }
}
