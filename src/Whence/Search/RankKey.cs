using System.Buffers;
using System.Numerics;

namespace Whence.Search;

/// <summary>
/// A row and its similarity in one integer whose ascending order is rank order: similarity descending, the smaller row first
/// among equals. So a tie needs no thought, and selecting and sorting work on bits, in linear time for any k.
/// </summary>
internal static class RankKey
{
    private const int DigitBits = 11;
    private const int Digits = 1 << DigitBits;

    // Below this, sorting by comparison is faster than six passes of counting.
    private const int Small = 1024;

    /// <param name="similarity">Any but NaN; minus zero counts as zero.</param>
    /// <param name="row">The row's id.</param>
    public static ulong Pack(float similarity, long row)
    {
        var bits = BitConverter.SingleToUInt32Bits(similarity + 0f);
        var ascending = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return ((ulong)~ascending << 32) | (uint)row;
    }

    /// <summary>The row of a key.</summary>
    public static uint Row(ulong key) => (uint)key;

    /// <summary>The similarity of a key.</summary>
    public static float Similarity(ulong key)
    {
        var ascending = ~(uint)(key >> 32);
        return BitConverter.UInt32BitsToSingle((ascending & 0x8000_0000) != 0 ? ascending & 0x7FFF_FFFF : ~ascending);
    }

    /// <summary>A key as a result.</summary>
    public static Match Unpack(ulong key) => new(Row(key), Similarity(key));

    /// <summary>Keys as results.</summary>
    public static Match[] Unpack(ReadOnlySpan<ulong> keys)
    {
        var matches = new Match[keys.Length];
        for (var i = 0; i < matches.Length; i++)
        {
            matches[i] = Unpack(keys[i]);
        }

        return matches;
    }

    /// <summary>The k-th highest similarity among keys.</summary>
    /// <param name="keys">At least k keys, in any order.</param>
    /// <param name="k">At least 1.</param>
    public static float Highest(ReadOnlySpan<ulong> keys, int k)
    {
        // The leading bits of the k-th key, a digit at a time: count the digits of those that share the bits so far.
        Span<int> counts = stackalloc int[Digits];
        var (prefix, known, wanted) = (0u, 0, k);
        while (known < 32)
        {
            var bits = Math.Min(DigitBits, 32 - known);
            var shift = 32 - known - bits;
            counts.Clear();
            foreach (var key in keys)
            {
                var similarity = (uint)(key >> 32);
                if (known == 0 || similarity >> (shift + bits) == prefix)
                {
                    counts[(int)((similarity >> shift) & ((1u << bits) - 1))]++;
                }
            }

            var digit = 0;
            for (; wanted > counts[digit]; digit++)
            {
                wanted -= counts[digit];
            }

            prefix = (prefix << bits) | (uint)digit;
            known += bits;
        }

        return Similarity((ulong)prefix << 32);
    }

    /// <summary>Sorts keys in ascending order.</summary>
    public static void Sort(Span<ulong> keys)
    {
        if (keys.Length < Small)
        {
            keys.Sort();
            return;
        }

        var differing = 0UL;
        foreach (var key in keys)
        {
            differing |= key ^ keys[0];
        }

        var from = keys;
        var spare = ArrayPool<ulong>.Shared.Rent(keys.Length);
        var to = spare.AsSpan(0, keys.Length);
        var moved = false;
        Span<int> starts = stackalloc int[Digits];
        for (var shift = BitOperations.TrailingZeroCount(differing); shift < 64 && differing >> shift != 0; shift += DigitBits)
        {
            starts.Clear();
            foreach (var key in from)
            {
                starts[(int)((key >> shift) & (Digits - 1))]++;
            }

            var start = 0;
            for (var digit = 0; digit < Digits; digit++)
            {
                (starts[digit], start) = (start, start + starts[digit]);
            }

            foreach (var key in from)
            {
                to[starts[(int)((key >> shift) & (Digits - 1))]++] = key;
            }

            var swap = from;
            from = to;
            to = swap;
            moved = !moved;
        }

        if (moved)
        {
            from.CopyTo(keys);
        }

        ArrayPool<ulong>.Shared.Return(spare);
    }
}
