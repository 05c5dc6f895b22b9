using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FsCheck.Xunit;
using Whence.Mapping;

namespace Whence.Tests.Mapping;

/// <summary>Every width against one addition after the other, to the bit.</summary>
public class MatrixProductTests
{
    private delegate void Kernel(MatrixProduct product, ReadOnlySpan<float> x, Span<float> result);

    private static readonly Kernel[] Kernels =
    [
        (product, x, result) => product.Compute(x, result),
        (product, x, result) => product.Compute<DoubleLanes512, Vector512<double>>(x, result),
        (product, x, result) => product.Compute<DoubleLanes256, Vector256<double>>(x, result),
        (product, x, result) => product.Compute<DoubleLanes128, Vector128<double>>(x, result),
    ];

    /// <summary>At, before and behind the edges of tiles, panels and blocks, each with each; and one of the usual size.</summary>
    public static TheoryData<int, int, int> Sizes()
    {
        var sizes = new TheoryData<int, int, int> { { 768, 768, 7 } };
        foreach (var inputs in (int[])[1, 2, 63, 257])
        {
            foreach (var outputs in (int[])[1, 15, 16, 17, 50])
            {
                foreach (var rows in (int[])[0, 1, 5, 6, 7, 47, 48, 49, 97])
                {
                    sizes.Add(inputs, outputs, rows);
                }
            }
        }

        return sizes;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Adds_in_the_documented_order_to_the_bit_at_every_width(int inputs, int outputs, int rows) =>
        AssertEqualsTwin(inputs, outputs, rows, seed: inputs + outputs + rows);

    [Property(MaxTest = 100)]
    public void So_for_any_sizes(byte inputs, byte outputs, byte rows, int seed) =>
        AssertEqualsTwin(1 + (inputs % 70), 1 + (outputs % 70), rows % 110, seed);

    [Fact]
    public void Many_rows_give_the_bits_of_each_row_alone()
    {
        const int Inputs = 37;
        const int Outputs = 21;
        var random = new Random(1);
        var (weight, bias) = (Numbers(random, Outputs * Inputs), Numbers(random, Outputs));
        var product = new MatrixProduct(Inputs, Outputs, weight, bias);
        foreach (var kernel in Kernels)
        {
            for (var rows = 1; rows <= (2 * MatrixProduct.BlockRows) + 1; rows++)
            {
                var x = Numbers(random, rows * Inputs);
                var (batch, alone) = (new float[rows * Outputs], new float[rows * Outputs]);
                kernel(product, x, batch);
                for (var i = 0; i < rows; i++)
                {
                    kernel(product, x.AsSpan(i * Inputs, Inputs), alone.AsSpan(i * Outputs, Outputs));
                }

                Assert.Equal(Bits(alone), Bits(batch));
            }
        }
    }

    [Fact]
    public void Without_a_bias_the_sum_begins_at_zero()
    {
        foreach (var kernel in Kernels)
        {
            var result = new float[2];
            kernel(new MatrixProduct(2, 1, [-1, 2], []), [0, -0f, 3, 4], result);
            Assert.Equal(Bits([0, 5]), Bits(result));
        }
    }

    [Fact]
    public void A_row_that_is_not_finite_spoils_no_other()
    {
        float[] weight = [1, 2, 3, 4, 5, 6];
        float[] x = [1, 2, float.NaN, 1, float.PositiveInfinity, 1, float.NegativeInfinity, float.PositiveInfinity, 3, 4];
        foreach (var kernel in Kernels)
        {
            var result = new float[15];
            kernel(new MatrixProduct(2, 3, weight, [0, 0, 1]), x, result);
            Assert.Equal([5, 11, 18], result[..3]);
            Assert.All(result[3..6], value => Assert.True(float.IsNaN(value)));
            Assert.All(result[6..9], value => Assert.Equal(float.PositiveInfinity, value));
            Assert.All(result[9..12], value => Assert.True(float.IsNaN(value)));
            Assert.Equal([11, 25, 40], result[12..]);
        }
    }

    [Fact]
    public void Empty_sizes_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new MatrixProduct(0, 1, [], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MatrixProduct(1, 0, [], []));
    }

    private static void AssertEqualsTwin(int inputs, int outputs, int rows, int seed)
    {
        var random = new Random(seed);
        var (weight, bias, x) = (Numbers(random, outputs * inputs), Numbers(random, outputs), Numbers(random, rows * inputs));
        var expected = Bits(Slow(x, weight, bias));
        var product = new MatrixProduct(inputs, outputs, weight, bias);
        foreach (var kernel in Kernels)
        {
            var result = new float[rows * outputs];
            kernel(product, x, result);
            Assert.Equal(expected, Bits(result));
        }
    }

    /// <summary>The bias, then one product after the other, each of them and each sum rounded by itself; at last to float32.</summary>
    internal static float[] Slow(float[] x, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
    {
        var (outputs, inputs) = (bias.Length, weight.Length / bias.Length);
        var result = new float[x.Length / inputs * outputs];
        for (var at = 0; at < result.Length; at++)
        {
            var (row, output) = (at / outputs, at % outputs);
            double sum = bias[output];
            for (var i = 0; i < inputs; i++)
            {
                var product = (double)x[(row * inputs) + i] * weight[(output * inputs) + i];
                sum += product;
            }

            result[at] = (float)sum;
        }

        return result;
    }

    internal static int[] Bits(ReadOnlySpan<float> values) => MemoryMarshal.Cast<float, int>(values).ToArray();

    // Magnitudes over a range that hides nothing (the order of the additions shows), about one that may make results infinite or subnormal.
    private static float[] Numbers(Random random, int count)
    {
        var center = random.Next(-18, 17);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, center + random.Next(-4, 5))))];
    }
}
