namespace Whence.Search;

/// <summary>
/// Gathers the rows that can be among the k most similar, or within a distance of the most similar one: those whose upper bound
/// reaches <c>U - slack - distance</c>, where U is the k-th highest upper bound so far. For k rows have a similarity of at least
/// U - slack. A thread's list is cut back to such rows whenever it has doubled, and threads tell each other how far they are, so
/// the cost is linear in the rows and the memory in k and the rows that the bounds cannot tell apart.
/// </summary>
internal sealed class BestScan : IScanVisitor
{
    private const int SmallestList = 1024;
    private readonly int _k;
    private readonly float _distance;
    private readonly float[] _shared;
    private readonly List[] _lists;
    private readonly int[] _found = new int[LayoutPart.ChunkRows];

    /// <param name="queries">Number of queries.</param>
    /// <param name="k">At least 1.</param>
    /// <param name="distance">Extra distance below the k-th, at least 0.</param>
    /// <param name="shared">A number per query, minus infinity at first, that all threads' visitors have in common.</param>
    public BestScan(int queries, int k, float distance, float[] shared)
    {
        (_k, _distance, _shared) = (k, distance, shared);
        _lists = new List[queries];
        for (var q = 0; q < queries; q++)
        {
            _lists[q] = new List();
        }
    }

    public void Visit(int query, ScanBlock block, ReadOnlySpan<float> upper, float slack)
    {
        var list = _lists[query];
        list.Slack = Math.Max(list.Slack, slack);
        var count = ScanFilter.AtLeast(upper, Math.Max(list.Threshold, Volatile.Read(ref _shared[query])), _found);
        foreach (var i in _found.AsSpan(0, count))
        {
            if (list.Count == list.Keys.Length)
            {
                list.MakeRoom(_k, _distance);
                if (list.Threshold > Volatile.Read(ref _shared[query]))
                {
                    // Another thread's number may be lost here; any of them is true.
                    Volatile.Write(ref _shared[query], list.Threshold);
                }
            }

            if (upper[i] >= list.Threshold)
            {
                list.Keys[list.Count++] = RankKey.Pack(upper[i], block.Id(i));
            }
        }
    }

    /// <summary>The ids that remain for a query, ascending, out of all threads' lists.</summary>
    public static uint[] Candidates(IReadOnlyCollection<BestScan> scans, int query)
    {
        var all = new List { Keys = new ulong[scans.Sum(s => s._lists[query].Count)] };
        var (k, distance) = (1, 0f);
        foreach (var scan in scans)
        {
            var list = scan._lists[query];
            list.Keys.AsSpan(0, list.Count).CopyTo(all.Keys.AsSpan(all.Count));
            (all.Count, all.Slack) = (all.Count + list.Count, Math.Max(all.Slack, list.Slack));
            (k, distance) = (scan._k, scan._distance);
            scan._lists[query] = new List();
        }

        all.Cut(k, distance);
        var ids = new uint[all.Count];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = RankKey.Row(all.Keys[i]);
        }

        ids.AsSpan().Sort();
        return ids;
    }

    /// <summary>One query's candidates, as keys of upper bound and id.</summary>
    private sealed class List
    {
        public ulong[] Keys { get; set; } = [];

        public int Count { get; set; }

        public float Slack { get; set; }

        public float Threshold { get; private set; } = float.NegativeInfinity;

        public void MakeRoom(int k, float distance)
        {
            // Not before there are 2k: until then the list only grows, and a cut would throw little out.
            if (Count >= Math.Max(2L * k, SmallestList))
            {
                Cut(k, distance);
            }

            if (Count >= Keys.Length / 2)
            {
                var keys = Keys;
                Array.Resize(ref keys, (int)Math.Min(Math.Max(2L * keys.Length, SmallestList), Array.MaxLength));
                Keys = keys;
            }
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
            var kept = 0;
            for (var i = 0; i < Count; i++)
            {
                if (Keys[i] <= last)
                {
                    Keys[kept++] = Keys[i];
                }
            }

            Count = kept;
        }
    }
}
