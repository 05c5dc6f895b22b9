using System.Collections.Concurrent;
using System.Text;

namespace Whence.Encoders.Text;

/// <summary>
/// Merges the bytes of a word into symbols: of all pairs of neighbours the one of lowest rank is merged, wherever it stands, from left to right, until no pair can be.
/// Words are remembered, for texts repeat themselves. Thread-safe.
/// </summary>
internal sealed class BytePairs(ClipVocabulary vocabulary)
{
    // Up to here looking at all pairs each time is faster than keeping them sorted.
    private const int ShortWord = 48;

    // About 4 MB when full; then it starts anew, which costs a few milliseconds.
    private const int Remembered = 1 << 15;

    private ConcurrentDictionary<string, int[]> _known = new(StringComparer.Ordinal);
    private int _count;

    /// <summary>The symbols of a word, at least one.</summary>
    /// <param name="word">Not empty; a surrogate without its other half is taken for U+FFFD.</param>
    public ReadOnlySpan<int> Encode(ReadOnlySpan<char> word)
    {
        if (word.Length > ShortWord)
        {
            return Merge(word);
        }

        var known = _known;
        if (known.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(word, out var symbols))
        {
            return symbols;
        }

        symbols = Merge(word);
        if (known.TryAdd(word.ToString(), symbols) && Interlocked.Increment(ref _count) > Remembered)
        {
            _count = 0;
            _known = new(StringComparer.Ordinal);
        }

        return symbols;
    }

    private int[] Merge(ReadOnlySpan<char> word)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(word)];
        Encoding.UTF8.GetBytes(word, bytes);
        var symbols = new int[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            symbols[i] = vocabulary.Byte(bytes[i], last: i == bytes.Length - 1);
        }

        return symbols.Length <= ShortWord ? MergeShort(symbols) : MergeLong(symbols);
    }

    private int[] MergeShort(int[] symbols)
    {
        var count = symbols.Length;
        while (true)
        {
            var best = new Merge(int.MaxValue, 0);
            for (var i = 0; i + 1 < count; i++)
            {
                if (vocabulary.TryMerge(symbols[i], symbols[i + 1], out var merge) && merge.Rank < best.Rank)
                {
                    best = merge;
                }
            }

            if (best.Rank == int.MaxValue)
            {
                return symbols[..count];
            }

            var kept = 0;
            for (var i = 0; i < count; i++)
            {
                var merged = i + 1 < count && vocabulary.TryMerge(symbols[i], symbols[i + 1], out var merge) && merge.Rank == best.Rank;
                symbols[kept++] = merged ? best.Id : symbols[i];
                i += merged ? 1 : 0;
            }

            count = kept;
        }
    }

    // The same with the pairs in a heap, so that a word of a million letters does not take the square of that.
    private int[] MergeLong(int[] symbols)
    {
        const int gone = -1;
        var previous = Enumerable.Range(-1, symbols.Length).ToArray();
        var next = Enumerable.Range(1, symbols.Length).ToArray();
        var pairs = new PriorityQueue<(int At, int Left, int Right, Merge Merge), (int Rank, int At)>();
        for (var i = 0; i + 1 < symbols.Length; i++)
        {
            Consider(i);
        }

        var round = new List<(int At, int Left, int Right, Merge Merge)>();
        while (pairs.TryPeek(out _, out var lowest))
        {
            // All places of the pair, before what comes of merging it.
            round.Clear();
            while (pairs.TryPeek(out var pair, out var priority) && priority.Rank == lowest.Rank)
            {
                round.Add(pair);
                pairs.Dequeue();
            }

            foreach (var (at, left, right, merge) in round)
            {
                var second = next[at];
                if (symbols[at] != left || second == symbols.Length || symbols[second] != right)
                {
                    continue;
                }

                (symbols[at], symbols[second]) = (merge.Id, gone);
                next[at] = next[second];
                if (next[at] < symbols.Length)
                {
                    previous[next[at]] = at;
                    Consider(at);
                }

                if (previous[at] >= 0)
                {
                    Consider(previous[at]);
                }
            }
        }

        return [.. symbols.Where(symbol => symbol != gone)];

        void Consider(int at)
        {
            var (left, right) = (symbols[at], symbols[next[at]]);
            if (vocabulary.TryMerge(left, right, out var merge))
            {
                pairs.Enqueue((at, left, right, merge), (merge.Rank, at));
            }
        }
    }
}
