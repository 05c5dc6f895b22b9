using FsCheck.Xunit;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

public class NormalizationTests
{
    [Fact]
    public void A_row_is_divided_by_its_euclidean_norm()
    {
        float[] row = [3, 4];
        Normalization.NormalizeRow(row);
        Assert.Equal([0.6f, 0.8f], row);
    }

    [Fact]
    public void Zero_stays_zero_and_a_tiny_row_is_divided_by_the_epsilon_as_torch_does()
    {
        float[] rows = [0, 0, 1e-13f, 0];
        Normalization.NormalizeRows(rows, 2);
        Assert.Equal([0, 0, 1e-13f / 1e-12f, 0], rows);
    }

    [Fact]
    public void Squares_beyond_float32_do_not_overflow()
    {
        float[] row = [3e30f, 4e30f];
        Normalization.NormalizeRow(row);
        Assert.Equal(0.6f, row[0], 1e-7f);
    }

    [Fact]
    public void Rows_must_be_whole() => Assert.Throws<ArgumentException>(() => Normalization.NormalizeRows(new float[3], 2));

    [Property]
    public void Agrees_with_a_plain_loop(float[] values)
    {
        var row = values.Select(value => float.IsFinite(value) ? value : 1).ToArray();
        var norm = Math.Max(Math.Sqrt(row.Sum(value => (double)value * value)), 1e-12);
        var expected = row.Select(value => value / norm).ToArray();
        Normalization.NormalizeRow(row);
        for (var i = 0; i < row.Length; i++)
        {
            Assert.Equal(expected[i], row[i], 1e-6);
        }
    }
}
