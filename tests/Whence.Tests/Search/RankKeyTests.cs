using FsCheck.Xunit;
using Whence.Search;

namespace Whence.Tests.Search;

public class RankKeyTests
{
    [Property(MaxTest = 200)]
    public bool Sorting_is_rank_order(int seed, ushort n)
    {
        var keys = Keys(new Random(seed), n % 5000);
        var expected = keys.Select(RankKey.Unpack).OrderByDescending(m => m.Similarity).ThenBy(m => m.Id).ToArray();
        RankKey.Sort(keys);
        return keys.Select(RankKey.Unpack).SequenceEqual(expected);
    }

    [Property(MaxTest = 200)]
    public bool The_k_th_highest_is_that_of_a_sorted_list(int seed, ushort n, ushort k)
    {
        var keys = Keys(new Random(seed), 1 + (n % 3000));
        var wanted = 1 + (k % keys.Length);
        return RankKey.Highest(keys, wanted) == keys.Select(RankKey.Similarity).OrderDescending().ElementAt(wanted - 1);
    }

    [Fact]
    public void Minus_zero_is_zero() =>
        Assert.Equal(RankKey.Pack(0f, 7), RankKey.Pack(-0f, 7));

    [Theory]
    [InlineData(float.PositiveInfinity)]
    [InlineData(1f)]
    [InlineData(float.Epsilon)]
    [InlineData(0f)]
    [InlineData(-0.25f)]
    [InlineData(float.NegativeInfinity)]
    public void What_is_packed_comes_out_again(float similarity) =>
        Assert.Equal(new Match(uint.MaxValue, similarity), RankKey.Unpack(RankKey.Pack(similarity, uint.MaxValue)));

    // Few distinct values, so that ties are everywhere.
    private static ulong[] Keys(Random random, int n)
    {
        var keys = Enumerable.Range(0, n).Select(i => RankKey.Pack((random.Next(41) - 20) / 20f, i * 1000L)).ToArray();
        random.Shuffle(keys);
        return keys;
    }
}
