using System.Numerics.Tensors;

namespace Whence.Search;

/// <summary>
/// Gathers the rows that can be among the k most similar, or within a distance of the most similar one: those whose upper bound
/// reaches <c>U - slack - distance</c>, where U is the k-th highest upper bound so far. For k rows have a similarity of at least
/// U - slack. A list is cut back to such rows whenever it has doubled, so the cost is linear in the rows and the memory in k and
/// the rows that the bounds cannot tell apart.
/// </summary>
internal sealed class BestScan : IScanVisitor
{
    private const int SmallestList = 1024;
    private readonly int _k;
    private readonly float _distance;
    private readonly List[] _lists;

    /// <param name="queries">Number of queries.</param>
    /// <param name="k">At least 1.</param>
    /// <param name="distance">Extra distance below the k-th, at least 0.</param>
    public BestScan(int queries, int k, float distance)
    {
        (_k, _distance, _lists) = (k, distance, new List[queries]);
        for (var q = 0; q < queries; q++)
        {
            _lists[q] = new List();
        }
    }

    public void Visit(int query, ScanBlock block, ReadOnlySpan<float> upper, float slack)
    {
        // The threshold may be raised meanwhile: then some rows too many are added and go again.
        var list = _lists[query];
        var count = ScanFilter.AtLeast(upper, list.Threshold, block.Found);
        if (count == 0)
        {
            return;
        }

        lock (list)
        {
            list.Slack = Math.Max(list.Slack, slack);
            list.Add(block, upper, block.Found.AsSpan(0, count), _k, _distance);
        }
    }

    /// <summary>
    /// The ids to look at first, ascending: all that remain for a query, or where they are many more than k, the k with the highest bounds.
    /// Their similarities make a better threshold for the <see cref="Rest"/>.
    /// </summary>
    public uint[] First(int query)
    {
        var list = _lists[query];
        list.Cut(_k, _distance);
        if (list.Count <= _k + (_k / 4))
        {
            var all = Ids(list.Keys.AsSpan(0, list.Count));
            _lists[query] = new List();
            return all;
        }

        RankKey.Sort(list.Keys.AsSpan(0, list.Count));
        return Ids(list.Keys.AsSpan(0, _k).ToArray());
    }

    /// <summary>The other ids, ascending, whose bound reaches what is now known of the k-th similarity. The query's list is given up.</summary>
    public uint[] Rest(int query, ReadOnlySpan<float> first)
    {
        var list = _lists[query];
        _lists[query] = new List();
        if (list.Count == 0)
        {
            return [];
        }

        var last = RankKey.Pack(TensorPrimitives.Min(first) - _distance, uint.MaxValue);
        var rest = list.Keys.AsSpan(_k, list.Count - _k);
        var count = rest.BinarySearch(last) is var at && at < 0 ? ~at : at + 1;
        return Ids(rest[..count]);
    }

    private static uint[] Ids(Span<ulong> keys)
    {
        foreach (ref var key in keys)
        {
            key = RankKey.Row(key);
        }

        RankKey.Sort(keys);
        var ids = new uint[keys.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = (uint)keys[i];
        }

        return ids;
    }

    /// <summary>One query's candidates, as keys of upper bound and id.</summary>
    private sealed class List
    {
        public ulong[] Keys { get; private set; } = [];

        public int Count { get; private set; }

        public float Slack { get; set; }

        public float Threshold { get; private set; } = float.NegativeInfinity;

        public void Add(ScanBlock block, ReadOnlySpan<float> upper, ReadOnlySpan<int> rows, int k, float distance)
        {
            if (Count + rows.Length > Keys.Length)
            {
                MakeRoom(Count + rows.Length, k, distance);
            }

            var (keys, count) = (Keys, Count);
            foreach (var i in rows)
            {
                keys[count++] = RankKey.Pack(upper[i], block.Id(i));
            }

            Count = count;
        }

        public void Cut(int k, float distance)
        {
            if (Count < k)
            {
                return;
            }

            // Not a number where a row without a bound is among the k: then nothing is cut.
            var threshold = RankKey.Highest(Keys.AsSpan(0, Count), k) - Slack - distance;
            if (!(threshold > Threshold))
            {
                return;
            }

            Threshold = threshold;
            var last = RankKey.Pack(threshold, uint.MaxValue);
            var (keys, kept) = (Keys, 0);
            for (var i = 0; i < Count; i++)
            {
                // Without a branch, which would be guessed wrong half of the time.
                var key = keys[i];
                keys[kept] = key;
                kept += key <= last ? 1 : 0;
            }

            Count = kept;
        }

        private void MakeRoom(int needed, int k, float distance)
        {
            // Not before there are 2k: until then the list only grows, and a cut would throw little out.
            var before = Count;
            if (Count >= Math.Max(2L * k, SmallestList))
            {
                Cut(k, distance);
            }

            needed -= before - Count;
            if (needed > Keys.Length / 4 * 3)
            {
                var keys = Keys;
                Array.Resize(ref keys, (int)Math.Min(Math.Max(2L * needed, SmallestList), Array.MaxLength));
                Keys = keys;
            }
        }
    }
}
