using FsCheck.Xunit;
using Whence.Search;

namespace Whence.Tests.Search;

public class RowSetTests
{
    [Property(MaxTest = 300)]
    public bool Holds_what_a_hash_set_holds(int seed, ushort length)
    {
        var random = new Random(seed);
        var rows = length % 300;
        var (set, twin) = Some(random, rows);
        var (other, otherTwin) = Some(random, rows);
        return Equal(set, twin)
            && Equal(set.Intersect(other), [.. twin.Intersect(otherTwin)])
            && Equal(other.Without(twin), [.. otherTwin.Except(twin)])
            && Equal(set, twin); // what combined it left it as it was
    }

    [Property(MaxTest = 500)]
    public bool Lists_the_members_of_any_range(int seed, ushort length)
    {
        var random = new Random(seed);
        var rows = length % 300;
        var (set, twin) = Some(random, rows);
        var first = random.Next(rows + 1);
        var count = random.Next(rows - first + 1);
        var offsets = new int[count + random.Next(3)];

        var members = set.CopyMembers(first, count, offsets);

        var expected = Enumerable.Range(0, count).Where(offset => twin.Contains(first + offset));
        return offsets.Take(members).SequenceEqual(expected) && set.CountMembers(first, count) == members;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(1000)]
    public void All_rows_are_members_and_no_others(int length)
    {
        var all = RowSet.All(length);
        Assert.True(Equal(all, [.. Enumerable.Range(0, length).Select(i => (long)i)]));
        Assert.False(all.Contains(-1));
        Assert.False(all.Contains(length));
        Assert.False(all.Contains(long.MaxValue));
        Assert.Equal(length % 64 == 0 ? 0 : ulong.MaxValue << (length % 64), all.Words.Length == 0 ? 0 : ~all.Words[^1]);
    }

    [Fact]
    public void More_rows_than_an_int_can_count_are_no_trouble()
    {
        const long length = (1L << 31) + 100;
        var set = RowSet.All(length).Without([0, 1L << 31, length - 1, length, -5]);
        Assert.Equal(length - 3, set.Count);
        Assert.True(set.Contains((1L << 31) + 1));
        Assert.False(set.Contains(1L << 31));
        var offsets = new int[100];
        Assert.Equal(98, set.CopyMembers(1L << 31, 100, offsets));
        Assert.Equal([1, 98], [offsets[0], offsets[97]]);
    }

    [Fact]
    public void A_set_of_another_index_is_refused() =>
        Assert.Throws<ArgumentException>(() => RowSet.All(10).Intersect(RowSet.All(11)));

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, -1)]
    [InlineData(5, 6)]
    [InlineData(long.MaxValue, 1)]
    public void A_range_outside_the_index_is_refused(long first, int count)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RowSet.All(10).CopyMembers(first, count, new int[10]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RowSet.All(10).CountMembers(first, count));
    }

    [Fact]
    public void Too_little_room_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => RowSet.All(10).Without([3]).CopyMembers(0, 10, new int[9]));

    [Fact]
    public void A_length_below_zero_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => RowSet.All(-1));

    // Now and then all rows, now and then none, otherwise any share of them.
    private static (RowSet Set, HashSet<long> Twin) Some(Random random, int rows)
    {
        var share = random.Next(5) / 4.0;
        var left = Enumerable.Range(0, rows).Select(i => (long)i).Where(_ => random.NextDouble() >= share).ToArray();
        return (RowSet.All(rows).Without(left), [.. Enumerable.Range(0, rows).Select(i => (long)i).Except(left)]);
    }

    private static bool Equal(RowSet set, HashSet<long> twin) =>
        set.Count == twin.Count
        && Enumerable.Range(-2, (int)set.Length + 70).All(id => set.Contains(id) == twin.Contains(id));
}
