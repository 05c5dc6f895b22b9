using System.Runtime.InteropServices;
using FsCheck.Xunit;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Search;

public class QuantizerTests
{
    [Property(MaxTest = 300)]
    public bool The_canonical_similarity_never_leaves_its_bounds(int seed, ushort dimension, byte kinds)
    {
        var random = new Random(seed);
        var d = 1 + (dimension % 2048);
        var rows = Enumerable.Range(0, 16).Select(_ => Vector(random, d, kinds % 6)).ToArray();
        var queries = new FeatureMatrix(3, d, [.. Enumerable.Range(0, 3).SelectMany(q => q == 2 ? rows[random.Next(16)] : Vector(random, d, kinds / 6 % 6))]);
        return AreWithin(queries, rows, bytes: true) && AreWithin(queries, rows, bytes: false);
    }

    [Fact]
    public void The_finer_levels_have_the_narrower_bounds()
    {
        var random = new Random(1);
        var row = Vector(random, 768, 0);
        var (_, byteError) = Quantizer.ToBytes(row, new sbyte[PairProduct.Length(1, 384)], new short[768]);
        var shortError = Quantizer.ToShorts(row, new short[768]);
        Assert.InRange(byteError, 0.004f, 0.012f);
        Assert.InRange(shortError, 0.0001f, 0.0004f);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_row_that_is_not_finite_has_no_bound(float value)
    {
        float[] row = [0.5f, value, 0.5f];
        Assert.Equal(float.PositiveInfinity, Quantizer.ToBytes(row, new sbyte[64], new short[4]).Error);
        Assert.True(float.IsNaN(Quantizer.ToShorts(row, new short[4])));
    }

    [Fact]
    public void A_zero_row_costs_nothing() =>
        Assert.Equal((0, 0), Quantizer.ToBytes(new float[3], new sbyte[64], new short[4]));

    private static bool AreWithin(FeatureMatrix queries, float[][] rows, bool bytes)
    {
        var d = queries.Columns;
        var pairs = PairProduct.Pairs(d);
        var quantized = new QuantizedQueries(queries, bytes ? Quantizer.LargestByteNorm(d) : Quantizer.LargestShortNorm(d));
        var (scales, errors, levels) = (new float[16], new float[16], new short[2 * pairs]);
        var (small, large, products) = (new sbyte[PairProduct.Length(16, pairs)], new int[16 * pairs], new int[16 * queries.Rows]);
        for (var r = 0; r < 16; r++)
        {
            (scales[r], errors[r]) = bytes
                ? Quantizer.ToBytes(rows[r], small.AsSpan(PairProduct.Offset(r, 0, pairs)), levels)
                : (Quantizer.ShortScale, Quantizer.ToShorts(rows[r], MemoryMarshal.Cast<int, short>(large.AsSpan(r * pairs, pairs))));
        }

        if (bytes)
        {
            PairProduct.Multiply<sbyte>(small, quantized.Pairs(0, queries.Rows), pairs, products);
        }
        else
        {
            var group = new int[large.Length];
            PairProduct.Interleave(large, pairs, group);
            PairProduct.Multiply<short>(MemoryMarshal.Cast<int, short>(group), quantized.Pairs(0, queries.Rows), pairs, products);
        }

        var upper = new float[16];
        for (var q = 0; q < queries.Rows; q++)
        {
            var slack = quantized.Bound(q, products.AsSpan(q * 16, 16), scales, errors, errors.Max(), upper);
            for (var r = 0; r < 16; r++)
            {
                var similarity = (float)DotProduct.Of(rows[r], queries.Row(q));
                if (!(similarity <= upper[r] && similarity >= upper[r] - slack))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Unit vectors of many kinds: dense, sparse, one element, one large among small, few distinct values, equal elements.</summary>
    private static float[] Vector(Random random, int d, int kind)
    {
        var vector = Enumerable.Range(0, d).Select(i => kind switch
        {
            1 => random.Next(20) == 0 ? random.NextSingle() - 0.5f : 0,
            2 => i == 0 ? -1 : 0,
            3 => i == d / 2 ? 1000 : random.NextSingle() - 0.5f,
            4 => random.Next(-2, 3),
            5 => 1e-20f,
            _ => (random.NextSingle() + random.NextSingle() + random.NextSingle()) - 1.5f,
        }).ToArray();
        Normalization.NormalizeRow(vector);
        return vector;
    }
}
