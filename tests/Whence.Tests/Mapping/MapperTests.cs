using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Tests.Mapping;

/// <summary>Each kernel against a plain loop in float64.</summary>
public class MapperTests
{
    /// <summary>Of the sum of the absolute terms: rounding errors of a float32 sum grow with its terms, which may cancel.</summary>
    private const double Rtol = 2e-7;

    /// <summary>Absolute and relative alike, for outputs of the order of 1 after up to three layers.</summary>
    private const double MlpTolerance = 1e-6;

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(5, 7, 1)]
    [InlineData(64, 64, 33)]
    [InlineData(768, 96, 17)]
    public void Linear_is_a_matrix_times_a_vector_plus_a_bias(int inputs, int outputs, int rows)
    {
        var (weight, bias, features) = (Random(inputs * outputs, 1), Random(outputs, 2), Random(rows * inputs, 3));
        var mapper = new LinearMapper(inputs, outputs, weight, bias);
        var mapped = mapper.Apply(new FeatureMatrix(rows, inputs, features));
        for (var i = 0; i < rows; i++)
        {
            for (var o = 0; o < outputs; o++)
            {
                double[] terms = [bias[o], .. Enumerable.Range(0, inputs).Select(c => (double)features[(i * inputs) + c] * weight[(o * inputs) + c])];
                Assert.Equal(terms.Sum(), mapped.Row(i)[o], Rtol * terms.Sum(Math.Abs));
            }
        }

        Assert.Equal(weight, mapper.Weight.ToArray());
        Assert.Equal(bias, mapper.Bias.ToArray());
    }

    [Theory]
    [InlineData(7)]
    [InlineData(768)]
    public void A_feature_maps_to_the_same_bits_alone_and_anywhere_in_a_batch(int d)
    {
        const int Rows = 39;
        var mapper = new LinearMapper(d, 9, Random(d * 9, 1), Random(9, 2));
        var feature = Random(d, 3);
        var alone = new float[9];
        mapper.Apply(feature, alone);
        var batch = mapper.Apply(new FeatureMatrix(Rows, d, [.. Enumerable.Repeat(feature, Rows).SelectMany(row => row)]));
        Assert.All(Enumerable.Range(0, Rows), i => Assert.Equal(alone, batch.Row(i).ToArray()));
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("channel")]
    [InlineData("mlp")]
    public void Every_step_is_rounded_as_documented_whatever_the_processor_and_the_threads(string kind)
    {
        const int Rows = 211;
        const int Inputs = 75;
        var features = Random(Rows * Inputs, 1);
        List<MlpLayer> layers = [Layer(0, Inputs, 40, last: false), Layer(1, 40, 33, last: false), Layer(2, 33, 19, last: true)];
        var (weight, bias) = (Random(40 * Inputs, 2), Random(40, 3));
        Mapper mapper = kind switch
        {
            "linear" => new LinearMapper(Inputs, 40, weight, bias),
            "channel" => new ChannelMapper(weight.AsSpan(0, Inputs)),
            _ => new MlpMapper(layers),
        };
        var expected = kind switch
        {
            "linear" => MatrixProductTests.Slow(features, weight, bias),
            "channel" => [.. features.Select((value, i) => value * weight[i % Inputs])],
            _ => layers.Aggregate(features, (x, layer) => RoundedLayer(layer, x, relu: layer != layers[^1])),
        };
        Assert.Equal(MatrixProductTests.Bits(expected), MatrixProductTests.Bits(mapper.Apply(new FeatureMatrix(Rows, Inputs, features)).Span));
        var shared = new float[expected.Length];
        Parallel.For(0, Rows, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => mapper.Apply(
            features.AsSpan(i * Inputs, Inputs), shared.AsSpan(i * mapper.OutputDimension, mapper.OutputDimension)));
        Assert.Equal(MatrixProductTests.Bits(expected), MatrixProductTests.Bits(shared));
    }

    [Fact]
    public void Channel_multiplies_each_channel()
    {
        var mapper = new ChannelMapper([2, -1]);
        Assert.Equal([2, -2, 6, -4], mapper.Apply(new FeatureMatrix(2, 2, [1, 2, 3, 4])).Span.ToArray());
        Assert.Equal([2, -1], mapper.Weights.ToArray());
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 130)]
    [InlineData(3, 65)]
    public void Mlp_is_its_layers_one_after_the_other(int depth, int rows)
    {
        int[] widths = [12, 20, 9, 5];
        var layers = Enumerable.Range(0, depth).Select(i => Layer(i, widths[i], widths[i + 1], last: i == depth - 1)).ToList();
        var mapper = new MlpMapper(layers);
        Assert.Equal((12, widths[depth]), (mapper.InputDimension, mapper.OutputDimension));
        var features = Random(rows * 12, 9);
        var mapped = mapper.Apply(new FeatureMatrix(rows, 12, features));
        for (var i = 0; i < rows; i++)
        {
            double[] x = [.. features.Skip(i * 12).Take(12).Select(value => (double)value)];
            foreach (var layer in layers)
            {
                x = PlainLayer(layer, x, relu: layer != layers[^1]);
            }

            for (var o = 0; o < x.Length; o++)
            {
                Assert.Equal(x[o], mapped.Row(i)[o], MlpTolerance * (1 + Math.Abs(x[o])));
            }
        }
    }

    [Fact]
    public void No_rows_are_mapped_to_no_rows() => new ChannelMapper([1]).Apply([], []);

    [Fact]
    public void Wrong_lengths_are_refused()
    {
        var mapper = new ChannelMapper([1, 2]);
        Assert.Throws<ArgumentException>(() => mapper.Apply(new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => mapper.Apply(new float[4], new float[2]));
        Assert.Throws<ArgumentException>(() => mapper.Apply(new FeatureMatrix(1, 3, new float[3])));
        Assert.Throws<ArgumentException>(() => new LinearMapper(2, 2, new float[3], new float[2]));
        Assert.Throws<ArgumentException>(() => new LinearMapper(2, 2, new float[4], new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ChannelMapper([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MlpMapper([]));
        Assert.Throws<ArgumentException>(() => new MlpMapper([Layer(0, 2, 3, last: false)]));
        Assert.Throws<ArgumentException>(() => new MlpMapper([Layer(0, 2, 3, last: false), Layer(1, 4, 3, last: true)]));
    }

    internal static MlpLayer Layer(int i, int inputs, int outputs, bool last) => new()
    {
        Index = i * 4,
        InputDimension = inputs,
        OutputDimension = outputs,
        Weight = Random(inputs * outputs, 10 + i),
        RunningMean = Random(outputs, 20 + i),
        RunningVariance = Random(outputs, 30 + i).Select(value => Math.Abs(value) + 0.1f).ToArray(),
        Scale = last ? default : Random(outputs, 40 + i).AsMemory(),
        Shift = last ? default : Random(outputs, 50 + i).AsMemory(),
        BatchesTracked = (1L << 40) + i,
    };

    internal static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1))];
    }

    /// <summary>Sums in float64, one multiplication and one addition in float32.</summary>
    private static float[] RoundedLayer(MlpLayer layer, float[] x, bool relu)
    {
        var y = MatrixProductTests.Slow(x, layer.Weight.Span, new float[layer.OutputDimension]);
        for (var i = 0; i < y.Length; i++)
        {
            var o = i % layer.OutputDimension;
            var factor = (layer.Scale.IsEmpty ? 1 : layer.Scale.Span[o]) / Math.Sqrt(layer.RunningVariance.Span[o] + 1e-5);
            var summand = (layer.Shift.IsEmpty ? 0 : layer.Shift.Span[o]) - (layer.RunningMean.Span[o] * factor);
            var scaled = y[i] * (float)factor;
            var shifted = scaled + (float)summand;
            y[i] = relu ? Math.Max(shifted, 0) : shifted;
        }

        return y;
    }

    private static double[] PlainLayer(MlpLayer layer, double[] x, bool relu)
    {
        var y = new double[layer.OutputDimension];
        for (var o = 0; o < y.Length; o++)
        {
            var sum = x.Select((value, i) => value * layer.Weight.Span[(o * x.Length) + i]).Sum();
            var normal = (sum - layer.RunningMean.Span[o]) / Math.Sqrt(layer.RunningVariance.Span[o] + 1e-5);
            var scaled = layer.Scale.IsEmpty ? normal : (normal * layer.Scale.Span[o]) + layer.Shift.Span[o];
            y[o] = relu ? Math.Max(scaled, 0) : scaled;
        }

        return y;
    }
}
