using System.Numerics;

namespace Whence.Search;

/// <summary>
/// A set of rows of an index, as a bitmap: bit <c>id % 64</c> of word <c>id / 64</c>. A hundred million rows take 12.5 MB.
/// It never changes; what combines sets gives a new one.
/// </summary>
public sealed class RowSet
{
    private const int WordBits = 64;
    private readonly ulong[] _words;

    private RowSet(long length, ulong[] words)
    {
        (Length, _words) = (length, words);
        foreach (var word in words)
        {
            Count += BitOperations.PopCount(word);
        }
    }

    /// <summary>Number of rows of the index: members lie in 0 to <c>Length - 1</c>.</summary>
    public long Length { get; }

    /// <summary>Number of members, from 0 to <see cref="Length"/>.</summary>
    public long Count { get; }

    /// <summary>The bitmap, as many words as <see cref="Length"/> rows need; bits from <see cref="Length"/> on are 0.</summary>
    internal ReadOnlySpan<ulong> Words => _words;

    /// <summary>All rows of an index.</summary>
    /// <param name="length">Number of rows, at least 0.</param>
    public static RowSet All(long length)
    {
        var words = new ulong[WordCount(length)];
        Array.Fill(words, ulong.MaxValue);
        if (length % WordBits != 0)
        {
            words[^1] = ulong.MaxValue >> (int)(WordBits - (length % WordBits));
        }

        return new RowSet(length, words);
    }

    /// <summary>Some rows of an index.</summary>
    /// <param name="length">Number of rows, at least 0.</param>
    /// <param name="ids">The members, from 0 to <paramref name="length"/> - 1, in any order.</param>
    internal static RowSet Of(long length, IEnumerable<long> ids)
    {
        var words = new ulong[WordCount(length)];
        foreach (var id in ids)
        {
            words[id / WordBits] |= 1UL << (int)(id % WordBits);
        }

        return new RowSet(length, words);
    }

    private static int WordCount(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, (long)Array.MaxLength * WordBits);
        return (int)((length + WordBits - 1) / WordBits);
    }

    /// <summary>Whether a row is a member; false for an id that is no row.</summary>
    public bool Contains(long id) => (ulong)id < (ulong)Length && (_words[id / WordBits] >> (int)(id % WordBits) & 1) != 0;

    /// <summary>The members that are not among <paramref name="ids"/>; ids that are no rows change nothing.</summary>
    public RowSet Without(IEnumerable<long> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var words = (ulong[])_words.Clone();
        foreach (var id in ids.Where(id => (ulong)id < (ulong)Length))
        {
            words[id / WordBits] &= ~(1UL << (int)(id % WordBits));
        }

        return new RowSet(Length, words);
    }

    /// <summary>The members that do not lie in a range of rows.</summary>
    /// <param name="first">First row, from 0.</param>
    /// <param name="count">Rows in the range, which ends at <see cref="Length"/> at the latest.</param>
    internal RowSet WithoutRange(long first, int count)
    {
        CheckRange(first, count);
        var words = (ulong[])_words.Clone();
        for (var start = first - (first % WordBits); start < first + count; start += WordBits)
        {
            words[start / WordBits] &= ~BitsWithin(start, first, first + count);
        }

        return new RowSet(Length, words);
    }

    /// <summary>The rows that are members of both sets.</summary>
    /// <exception cref="ArgumentException">The other set has another <see cref="Length"/>: it belongs to another index.</exception>
    public RowSet Intersect(RowSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Length != Length)
        {
            throw new ArgumentException($"A set of {other.Length} rows cannot be intersected with one of {Length}.", nameof(other));
        }

        var words = (ulong[])_words.Clone();
        for (var w = 0; w < words.Length; w++)
        {
            words[w] &= other._words[w];
        }

        return new RowSet(Length, words);
    }

    /// <summary>Number of members in a range of rows: none or all of them need no list.</summary>
    /// <param name="first">First row, from 0.</param>
    /// <param name="count">Rows in the range, which ends at <see cref="Length"/> at the latest.</param>
    internal int CountMembers(long first, int count)
    {
        CheckRange(first, count);
        if (Count == Length)
        {
            return count;
        }

        var members = 0;
        for (var start = first - (first % WordBits); start < first + count; start += WordBits)
        {
            members += BitOperations.PopCount(BitsWithin(start, first, first + count));
        }

        return members;
    }

    /// <summary>Lists the members in a range of rows.</summary>
    /// <param name="first">First row, from 0.</param>
    /// <param name="count">Rows in the range, which ends at <see cref="Length"/> at the latest.</param>
    /// <param name="offsets">Receives each member's distance from <paramref name="first"/>, ascending; at least <paramref name="count"/> long.</param>
    /// <returns>Number of members.</returns>
    internal int CopyMembers(long first, int count, Span<int> offsets)
    {
        CheckRange(first, count);
        ArgumentOutOfRangeException.ThrowIfLessThan(offsets.Length, count);
        if (Count == Length)
        {
            for (var i = 0; i < count; i++)
            {
                offsets[i] = i;
            }

            return count;
        }

        var members = 0;
        for (var start = first - (first % WordBits); start < first + count; start += WordBits)
        {
            // Each turn takes the lowest bit that is set and clears it.
            for (var bits = BitsWithin(start, first, first + count); bits != 0; bits &= bits - 1)
            {
                offsets[members++] = (int)(start - first) + BitOperations.TrailingZeroCount(bits);
            }
        }

        return members;
    }

    // The word whose first row is start, without the rows before first and from end on.
    private ulong BitsWithin(long start, long first, long end)
    {
        var bits = _words[start / WordBits];
        bits = start < first ? bits & (ulong.MaxValue << (int)(first - start)) : bits;
        return end < start + WordBits ? bits & (ulong.MaxValue >> (int)(start + WordBits - end)) : bits;
    }

    private void CheckRange(long first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, Length - count);
    }
}
