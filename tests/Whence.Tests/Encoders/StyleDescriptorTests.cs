using FsCheck.Xunit;
using Whence.Encoders;
using Whence.Vectors;

namespace Whence.Tests.Encoders;

public class StyleDescriptorTests
{
    private const float Atol = 1e-6f;

    [Theory]
    [InlineData(50, 0)] // 2 x (5 + 20): as they are
    [InlineData(16, 0)]
    [InlineData(16, 7)]
    [InlineData(49, 3)]
    [InlineData(1, 0)]
    public void A_descriptor_is_what_its_definition_says(int dimension, int seed)
    {
        var images = new[] { Layers(1, (5, 49), (20, 7)), Layers(2, (5, 49), (20, 7)), Layers(3, (5, 49), (20, 7)) };
        var features = Describe(images, dimension, seed);
        for (var i = 0; i < images.Length; i++)
        {
            AssertClose(SlowStyle.Of(images[i], dimension, seed), features[i]);
        }
    }

    [Property(MaxTest = 50)]
    public void Neither_a_layers_scale_nor_the_order_of_its_positions_counts(ushort seed, byte power)
    {
        var layers = Layers(seed, (4, 33), (6, 16));
        var scale = MathF.Pow(2, (power % 40) - 20);
        var order = Enumerable.Range(0, 33).OrderBy(i => (i * 7919) % 101).ToArray();
        float[][][] other = [[.. layers[0].Select(map => order.Select(i => scale * map[i]).ToArray())], layers[1]];
        AssertClose([.. Describe([layers], 20)[0].Select(x => (double)x)], Describe([other], 20)[0]);
    }

    [Fact]
    public void Every_layer_counts_alike()
    {
        var layers = Layers(5, (64, 100), (8, 4));
        var feature = Describe([layers], 144)[0];
        foreach (var block in new[] { feature[..64], feature[64..128], feature[128..136], feature[136..] })
        {
            Assert.Equal(1, DotProduct.Of(block, block), 1e-6);
            Assert.Equal(0, block.Sum(), 1e-5);
        }
    }

    [Fact]
    public void A_projection_keeps_similarities_about()
    {
        var images = Enumerable.Range(0, 8).Select(i => Layers(i, (1024, 3))).ToArray();
        var (all, few) = (Describe(images, 2048), Describe(images, 512));
        for (var i = 1; i < 8; i++)
        {
            Assert.InRange(Cosine(few[0], few[i]) - Cosine(all[0], all[i]), -5 / Math.Sqrt(512), 5 / Math.Sqrt(512));
        }
    }

    [Fact]
    public void Channels_that_do_not_vary_deviate_by_nothing()
    {
        float[][][] layers = [[Enumerable.Repeat(0.1f, 49).ToArray(), Enumerable.Repeat(0.7f, 49).ToArray()]];
        var half = 1 / MathF.Sqrt(2);
        AssertClose([-half, half, 0, 0], Describe([layers], 4)[0]);
        AssertClose([0, 0, 0, 0], Describe([[[new float[49], new float[49]]]], 4)[0]);
    }

    [Fact]
    public void More_values_than_statistics_are_refused()
    {
        var error = Assert.Throws<WhenceException>(() => Describe([Layers(0, (4, 9))], 9));
        Assert.Contains("8 means and deviations", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new long[] { 2, 12 }, 2)]
    [InlineData(new long[] { 1, 24, 1 }, 2)]
    [InlineData(new long[] { 2, 0, 3 }, 2)]
    public void A_layer_of_another_shape_is_refused(long[] shape, int n)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        Assert.Contains("'x'", Assert.Throws<WhenceException>(() => FeatureMaps.Of(values, shape, n, "x")).Message, StringComparison.Ordinal);
    }

    private static float[][] Describe(float[][][][] images, int dimension, int seed = 0)
    {
        var spec = new StyleSpec { Layers = [.. images[0].Select((_, i) => $"layer{i}")], Seed = seed };
        var features = new float[images.Length * dimension];
        new StyleDescriptor(spec, dimension).Describe(
            images.Length,
            layer => new FeatureMaps(images.SelectMany(image => image[layer].SelectMany(map => map)).ToArray(), images[0][layer].Length, images[0][layer][0].Length),
            features);
        return [.. features.Chunk(dimension)];
    }

    private static float[][][] Layers(int seed, params (int Channels, int Positions)[] shapes)
    {
        var random = new Random(seed);
        return [.. shapes.Select(s => Enumerable.Range(0, s.Channels)
            .Select(_ => (Scale: random.NextSingle(), Shift: random.NextSingle()))
            .Select(c => Enumerable.Range(0, s.Positions).Select(_ => c.Shift + (c.Scale * random.NextSingle())).ToArray()).ToArray())];
    }

    private static double Cosine(float[] a, float[] b) => DotProduct.Of(a, b) / Math.Sqrt(DotProduct.Of(a, a) * DotProduct.Of(b, b));

    private static void AssertClose(double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, Atol));
    }
}
