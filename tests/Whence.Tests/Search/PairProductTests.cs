using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FsCheck.Xunit;
using Whence.Search;

namespace Whence.Tests.Search;

public class PairProductTests
{
    [Property(MaxTest = 60)]
    public bool Every_width_gives_the_exact_products_of_bytes(int seed, byte rows, byte dimension, byte queries) =>
        IsExact<sbyte>(new Random(seed), 1 + (rows % 70), 1 + (dimension % 80), queries % 10, value => (sbyte)value);

    [Property(MaxTest = 60)]
    public bool Every_width_gives_the_exact_products_of_shorts(int seed, byte rows, byte dimension, byte queries) =>
        IsExact<short>(new Random(seed), 1 + (rows % 70), 1 + (dimension % 80), queries % 10, value => (short)value);

    [Fact]
    public void Extreme_levels_do_not_overflow_on_the_way()
    {
        // The largest sums that the norms allow: one element each, of opposite signs in turn.
        var rows = new short[PairProduct.Length(16, 1)];
        rows.AsSpan().Fill(short.MaxValue);
        Assert.All(Products<short>(rows, [Pair(short.MaxValue, short.MinValue + 1)], 1), products =>
            Assert.All(products, p => Assert.Equal(0, p)));
        Assert.All(Products<short>(rows, [Pair(short.MaxValue, short.MaxValue)], 1), products =>
            Assert.All(products, p => Assert.Equal(2 * short.MaxValue * short.MaxValue, p)));
    }

    [Property(MaxTest = 50)]
    public bool Interleaving_puts_each_pair_where_the_group_has_it(int seed, byte count)
    {
        var pairs = 1 + (count % 40);
        var rows = new int[16 * pairs];
        new Random(seed).NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(rows.AsSpan()));
        var group = new int[rows.Length];
        PairProduct.Interleave(rows, pairs, group);
        return Enumerable.Range(0, 16).All(r => Enumerable.Range(0, pairs).All(p => group[PairProduct.Offset(r, p, pairs) / 2] == rows[(r * pairs) + p]));
    }

    [Fact]
    public void Lengths_that_do_not_fit_are_refused() =>
        Assert.Throws<ArgumentException>(() => PairProduct.Multiply<short>(new short[32], new int[1], 1, new int[15]));

    private static bool IsExact<TElement>(Random random, int rows, int dimension, int queries, Func<int, TElement> element)
        where TElement : unmanaged
    {
        var pairs = PairProduct.Pairs(dimension);
        var limit = typeof(TElement) == typeof(sbyte) ? 128 : 2000;
        var levels = new TElement[PairProduct.Length(rows, pairs)];
        var (a, b) = (new int[rows, 2 * pairs], new int[queries, 2 * pairs]);
        var query = new int[queries * pairs];
        for (var i = 0; i < dimension; i++)
        {
            for (var r = 0; r < rows; r++)
            {
                a[r, i] = random.Next(-limit, limit);
                levels[PairProduct.Offset(r, i / 2, pairs) + (i % 2)] = element(a[r, i]);
            }

            for (var q = 0; q < queries; q++)
            {
                b[q, i] = random.Next(-2000, 2000);
            }
        }

        for (var q = 0; q < queries; q++)
        {
            for (var p = 0; p < pairs; p++)
            {
                query[(q * pairs) + p] = Pair(b[q, 2 * p], b[q, (2 * p) + 1]);
            }
        }

        var stride = PairProduct.Groups(rows) * PairProduct.GroupRows;
        return Products<TElement>(levels, query, pairs).All(products =>
            Enumerable.Range(0, queries).All(q => Enumerable.Range(0, rows).All(r =>
                products[(q * stride) + r] == Enumerable.Range(0, 2 * pairs).Sum(i => a[r, i] * b[q, i]))));
    }

    /// <summary>The products of every width that this machine has, and of the one that is chosen.</summary>
    private static IEnumerable<int[]> Products<TElement>(TElement[] rows, int[] queries, int pairs) where TElement : unmanaged
    {
        var length = queries.Length / pairs * (rows.Length / (2 * pairs));
        var products = new int[length];
        PairProduct.Multiply<PairLanes128, Vector128<int>, TElement>(rows, queries, pairs, products);
        yield return products;
        if (Avx2.IsSupported)
        {
            products = new int[length];
            PairProduct.Multiply<PairLanes256, Vector256<int>, TElement>(rows, queries, pairs, products);
            yield return products;
        }

        if (Avx512BW.IsSupported)
        {
            products = new int[length];
            PairProduct.Multiply<PairLanes512, Vector512<int>, TElement>(rows, queries, pairs, products);
            yield return products;
        }

        products = new int[length];
        PairProduct.Multiply<TElement>(rows, queries, pairs, products);
        yield return products;
    }

    private static int Pair(int low, int high) => (ushort)(short)low | (high << 16);
}
