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
            foreach (var i in block.Found.AsSpan(0, count))
            {
                if (upper[i] >= list.Threshold)
                {
                    list.Add(RankKey.Pack(upper[i], block.Id(i)), _k, _distance);
                }
            }
        }
    }

    /// <summary>The ids that remain for a query, ascending. Its list is given up.</summary>
    public uint[] Candidates(int query)
    {
        var list = _lists[query];
        list.Cut(_k, _distance);
        var keys = list.Keys.AsSpan(0, list.Count);
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

        _lists[query] = new List();
        return ids;
    }

    /// <summary>One query's candidates, as keys of upper bound and id.</summary>
    private sealed class List
    {
        public ulong[] Keys { get; private set; } = [];

        public int Count { get; private set; }

        public float Slack { get; set; }

        public float Threshold { get; private set; } = float.NegativeInfinity;

        public void Add(ulong key, int k, float distance)
        {
            if (Count == Keys.Length)
            {
                MakeRoom(k, distance);
            }

            Keys[Count++] = key;
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

        private void MakeRoom(int k, float distance)
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
    }
}
