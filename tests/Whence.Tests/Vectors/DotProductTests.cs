using FsCheck.Xunit;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

public class DotProductTests
{
    [Property(MaxTest = 200)]
    public bool Of_integers_it_is_exact(int seed, byte length)
    {
        var random = new Random(seed);
        var a = Enumerable.Range(0, length).Select(_ => random.Next(-1000, 1001)).ToArray();
        var b = Enumerable.Range(0, length).Select(_ => random.Next(-1000, 1001)).ToArray();
        var expected = a.Zip(b).Sum(p => (long)p.First * p.Second);
        return DotProduct.Of(a.Select(x => (float)x).ToArray(), b.Select(x => (float)x).ToArray()) == expected;
    }

    [Property(MaxTest = 200)]
    public bool Adds_in_the_documented_order_to_the_bit(int seed, byte length)
    {
        var random = new Random(seed);
        var (a, b) = (Row(random, length), Row(random, length));
        return BitConverter.DoubleToInt64Bits(DotProduct.Of(a, b)) == BitConverter.DoubleToInt64Bits(Slow(a, b));
    }

    [Property(MaxTest = 200)]
    public bool Four_at_a_time_are_each_alone_to_the_bit(int seed, byte length)
    {
        var random = new Random(seed);
        var (rows, b) = (Enumerable.Range(0, 4).Select(_ => Row(random, length)).ToArray(), Row(random, length));
        var products = new double[4];
        DotProduct.OfFour(rows[0], rows[1], rows[2], rows[3], b, products);
        return products.SequenceEqual(rows.Select(row => DotProduct.Of(row, b)));
    }

    [Property(MaxTest = 200)]
    public bool A_norm_is_made_of_it_and_a_row_is_divided_by_the_norm_in_float32(int seed, byte length)
    {
        var row = Row(new Random(seed), length);
        var norm = Math.Sqrt(Slow(row, row));
        var expected = row.Select(x => x / (float)Math.Max(norm, Normalization.Epsilon)).ToArray();
        var equal = Normalization.Norm(row) == norm;
        Normalization.NormalizeRow(row);
        return equal && expected.AsSpan().SequenceEqual(row);
    }

    [Fact]
    public void What_is_not_a_number_or_infinite_stays_so()
    {
        Assert.True(double.IsNaN(DotProduct.Of([1, float.NaN], [1, 0])));
        Assert.Equal(double.PositiveInfinity, DotProduct.Of([float.PositiveInfinity, 1], [2, 3]));
        Assert.Equal(0, DotProduct.Of([], []));
    }

    /// <summary>16 sums, one addition after the other, each product rounded by itself.</summary>
    private static double Slow(float[] a, float[] b)
    {
        var sums = new double[16];
        for (var i = 0; i < a.Length; i++)
        {
            sums[i % 16] += (double)a[i] * b[i];
        }

        for (var width = 8; width > 0; width /= 2)
        {
            for (var j = 0; j < width; j++)
            {
                sums[j] += sums[j + width];
            }
        }

        return sums[0];
    }

    // Magnitudes from 1e-20 to 1e20, so that the order of the additions shows.
    private static float[] Row(Random random, int length) =>
        [.. Enumerable.Range(0, length).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-20, 21))))];
}
