using System.Numerics;
using System.Runtime.Intrinsics;

namespace Whence.Search;

/// <summary>
/// Counts the rows at or above given similarities. Where a row's bounds lie on one side of a similarity, it is counted or not; only
/// rows whose bounds enclose one are looked at in full precision.
/// </summary>
internal sealed class RankScan : IScanVisitor
{
    private readonly float[][] _similarities;
    private readonly long[][] _counts;
    private readonly ulong[] _uncertain = new ulong[LayoutPart.ChunkRows / 64];

    /// <param name="similarities">Per query the similarities to count rows for, in any order.</param>
    public RankScan(float[][] similarities)
    {
        _similarities = similarities;
        _counts = Array.ConvertAll(similarities, s => new long[s.Length]);
    }

    public void Visit(int query, ScanBlock block, ReadOnlySpan<float> upper, float slack)
    {
        var (similarities, counts) = (_similarities[query], _counts[query]);
        _uncertain.AsSpan().Clear();
        for (var t = 0; t < similarities.Length; t++)
        {
            counts[t] += Count(upper, similarities[t], slack);
        }

        for (var word = 0; word < _uncertain.Length; word++)
        {
            for (var bits = _uncertain[word]; bits != 0; bits &= bits - 1)
            {
                var i = (word * 64) + BitOperations.TrailingZeroCount(bits);
                var similarity = block.Similarity(query, i);
                for (var t = 0; t < similarities.Length; t++)
                {
                    counts[t] += upper[i] >= similarities[t] && !(upper[i] - slack >= similarities[t]) && similarity >= similarities[t] ? 1 : 0;
                }
            }
        }
    }

    /// <summary>A query's counts out of all threads' visitors.</summary>
    public static long[] Merge(IReadOnlyCollection<RankScan> scans, int query) =>
        [.. Enumerable.Range(0, scans.First()._counts[query].Length).Select(t => scans.Sum(s => s._counts[query][t]))];

    /// <summary>Counts the rows that are certainly at or above a similarity, and marks those that may or may not be.</summary>
    private int Count(ReadOnlySpan<float> upper, float similarity, float slack)
    {
        var (least, width) = (Vector512.Create(similarity), Vector512.Create(slack));
        var count = 0;
        for (var i = 0; i <= upper.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var bound = Vector512.Create(upper[i..]);
            var possible = Vector512.GreaterThanOrEqual(bound, least).ExtractMostSignificantBits();
            if (possible != 0)
            {
                var certain = Vector512.GreaterThanOrEqual(bound - width, least).ExtractMostSignificantBits();
                count += BitOperations.PopCount(certain);
                _uncertain[i / 64] |= (possible & ~certain) << (i % 64);
            }
        }

        return count;
    }
}
