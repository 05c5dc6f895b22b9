using System.Numerics;
using System.Runtime.Intrinsics;

namespace Whence.Search;

/// <summary>
/// Counts the rows at or above given similarities. Where a row's bounds lie on one side of a similarity, it is counted or not; only
/// rows whose bounds enclose one are looked at in full precision.
/// </summary>
internal sealed class RankScan : IScanVisitor
{
    private const int MostOnStack = 256;
    private const int BitsOfWord = 64;
    private readonly float[][] _similarities;
    private readonly long[][] _counts;

    /// <param name="similarities">Per query the similarities to count rows for, in any order.</param>
    public RankScan(float[][] similarities)
    {
        _similarities = similarities;
        _counts = Array.ConvertAll(similarities, s => new long[s.Length]);
    }

    /// <summary>A query's counts.</summary>
    public long[] Counts(int query) => _counts[query];

    public void Visit(int query, ScanBlock block, ReadOnlySpan<float> upper, float slack)
    {
        var similarities = _similarities[query];
        Span<ulong> known = stackalloc ulong[LayoutPart.ChunkRows / BitsOfWord];
        known.Clear();
        Span<int> counts = similarities.Length <= MostOnStack ? stackalloc int[similarities.Length] : new int[similarities.Length];
        for (var t = 0; t < similarities.Length; t++)
        {
            counts[t] = Count(query, block, upper, slack, similarities[t], known);
        }

        lock (_counts[query])
        {
            for (var t = 0; t < counts.Length; t++)
            {
                _counts[query][t] += counts[t];
            }
        }
    }

    private static int Count(int query, ScanBlock block, ReadOnlySpan<float> upper, float slack, float similarity, Span<ulong> known)
    {
        // Minus infinity is reached by every number, but not by the bounds of rows that are not searched.
        var (least, width) = (Vector512.Create(Math.Max(similarity, float.MinValue)), Vector512.Create(slack));
        var count = 0;
        for (var i = 0; i <= upper.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var bound = Vector512.Create(upper[i..]);
            var possible = Vector512.GreaterThanOrEqual(bound, least).ExtractMostSignificantBits();
            if (possible != 0)
            {
                var certain = Vector512.GreaterThanOrEqual(bound - width, least).ExtractMostSignificantBits();
                count += BitOperations.PopCount(certain);
                for (var open = possible & ~certain; open != 0; open &= open - 1)
                {
                    count += Similarity(query, block, i + BitOperations.TrailingZeroCount(open), known) >= similarity ? 1 : 0;
                }
            }
        }

        return count;
    }

    // Many similarities may fall between the same row's bounds.
    private static float Similarity(int query, ScanBlock block, int i, Span<ulong> known)
    {
        ref var word = ref known[i / BitsOfWord];
        if ((word >> (i % BitsOfWord) & 1) == 0)
        {
            word |= 1UL << (i % BitsOfWord);
            block.Similarities[i] = block.Similarity(query, i);
        }

        return block.Similarities[i];
    }
}
