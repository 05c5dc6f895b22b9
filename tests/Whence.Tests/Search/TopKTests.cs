using FsCheck.Xunit;
using Whence.Search;

namespace Whence.Tests.Search;

public class TopKTests
{
    [Property(MaxTest = 300)]
    public bool Equals_a_stable_sort_whatever_k(int seed, ushort n, ushort k)
    {
        var random = new Random(seed);

        // Few distinct values, so that ties are everywhere.
        var similarities = Enumerable.Range(0, n % 3000).Select(_ => (random.Next(41) - 20) / 20f).ToArray();
        var expected = similarities.Select((s, i) => (Id: (long)i, Similarity: s))
            .OrderByDescending(p => p.Similarity).ThenBy(p => p.Id).Take(k % 3500);
        return TopK.Select(similarities, k % 3500).SequenceEqual(expected);
    }

    [Fact]
    public void Never_chooses_a_removed_row() =>
        Assert.Equal([(2, 0.5f), (0, -1f)], TopK.Select([-1f, float.NaN, 0.5f], 3));

    [Fact]
    public void Takes_minus_zero_for_zero() =>
        Assert.Equal([0, 1, 2], TopK.Select([-0f, 0f, -0f], 3).Select(t => (int)t.Id));

    [Fact]
    public void Gives_nothing_for_k_zero() => Assert.Empty(TopK.Select([1f], 0));
}
