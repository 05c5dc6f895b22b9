using System.Text;

namespace Whence.Encoders.Text;

/// <summary>
/// Learns the merges of a vocabulary (byte-pair encoding, Sennrich et al. 2016): of all pairs of neighbours within words the one that is met most often becomes a symbol, again
/// and again. Of pairs that are met equally often the first by the ordinal order of its symbols, so that the order of the texts changes nothing.
/// </summary>
internal sealed class VocabularyLearner
{
    // A word longer than this is hardly one; its pairs are not learned from.
    private const int LongestWord = 256;

    private readonly List<(List<string> Symbols, long Count)> _words = [];
    private readonly Dictionary<(string Left, string Right), long> _counts = [];
    private readonly Dictionary<(string Left, string Right), HashSet<int>> _places = [];
    private readonly PriorityQueue<(string Left, string Right, long Count), (long Count, string Left, string Right)> _queue = new(Comparer<(long Count, string Left, string Right)>.Create((a, b) =>
        a.Count != b.Count ? b.Count.CompareTo(a.Count)
        : string.CompareOrdinal(a.Left, b.Left) is not 0 and var left ? left
        : string.CompareOrdinal(a.Right, b.Right)));

    private VocabularyLearner(IEnumerable<string> texts)
    {
        foreach (var (word, count) in Words(texts))
        {
            var bytes = Encoding.UTF8.GetBytes(word);
            if (bytes.Length > LongestWord)
            {
                continue;
            }

            List<string> symbols = [.. bytes.Select((b, i) => i < bytes.Length - 1 ? ByteSymbols.Of(b).ToString() : ByteSymbols.Of(b) + ByteSymbols.WordEnd)];
            _words.Add((symbols, count));
            Count(_words.Count - 1, 1);
        }

        foreach (var pair in _counts.Keys)
        {
            Enqueue(pair);
        }
    }

    /// <summary>Learns a vocabulary.</summary>
    /// <param name="texts">Captions, as they are; they are cleaned as <see cref="TextCleaner"/> does.</param>
    /// <param name="options">Sizes.</param>
    public static ClipVocabulary Learn(IEnumerable<string> texts, VocabularyOptions options)
    {
        var learner = new VocabularyLearner(texts);
        var merges = new List<(string Left, string Right)>();
        var symbols = new List<string>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        while (VocabularyOptions.Least + options.Reserved + symbols.Count < options.Most && learner.Next(options.LeastCount) is { } pair)
        {
            merges.Add(pair);
            if (known.Add(pair.Left + pair.Right)) // two pairs may become one symbol
            {
                symbols.Add(pair.Left + pair.Right);
            }

            learner.Merge(pair);
        }

        return ClipVocabulary.Of(merges, symbols.Concat(Enumerable.Range(1, options.Reserved).Select(ClipVocabulary.Reserved)));
    }

    private static Dictionary<string, long> Words(IEnumerable<string> texts)
    {
        var words = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            var splitter = new TextSplitter(TextCleaner.Clean(text));
            while (splitter.MoveNext())
            {
                if (splitter.Current is not (ClipVocabulary.StartText or ClipVocabulary.EndText))
                {
                    var word = splitter.Current.ToString();
                    words[word] = words.GetValueOrDefault(word) + 1;
                }
            }
        }

        return words;
    }

    private (string Left, string Right)? Next(int least)
    {
        while (_queue.TryDequeue(out var pair, out _))
        {
            // Whatever changed a count queued the pair again.
            if (_counts.GetValueOrDefault((pair.Left, pair.Right)) == pair.Count)
            {
                return pair.Count >= least ? (pair.Left, pair.Right) : null;
            }
        }

        return null;
    }

    private void Merge((string Left, string Right) pair)
    {
        var changed = new HashSet<(string Left, string Right)>();
        foreach (var word in _places[pair].ToArray())
        {
            Count(word, -1, changed);
            var symbols = _words[word].Symbols;
            for (var i = 0; i + 1 < symbols.Count; i++)
            {
                if (symbols[i] == pair.Left && symbols[i + 1] == pair.Right)
                {
                    symbols[i] += symbols[i + 1];
                    symbols.RemoveAt(i + 1);
                }
            }

            Count(word, 1, changed);
        }

        foreach (var other in changed)
        {
            Enqueue(other);
        }
    }

    private void Count(int word, int sign, HashSet<(string Left, string Right)>? changed = null)
    {
        var (symbols, count) = _words[word];
        for (var i = 0; i + 1 < symbols.Count; i++)
        {
            var pair = (symbols[i], symbols[i + 1]);
            _counts[pair] = _counts.GetValueOrDefault(pair) + (sign * count);
            changed?.Add(pair);
            if (!_places.TryGetValue(pair, out var places))
            {
                _places[pair] = places = [];
            }

            _ = sign > 0 ? places.Add(word) : places.Remove(word);
        }
    }

    private void Enqueue((string Left, string Right) pair)
    {
        var count = _counts[pair];
        if (count > 0)
        {
            _queue.Enqueue((pair.Left, pair.Right, count), (count, pair.Left, pair.Right));
        }
        else
        {
            _counts.Remove(pair);
            _places.Remove(pair);
        }
    }
}
