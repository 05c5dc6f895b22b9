using System.IO.Compression;
using System.Text;

namespace Whence.Encoders.Text;

/// <summary>The symbols of a CLIP tokenizer, their ids, and which two become one, in which order. Never changes.</summary>
internal sealed class ClipVocabulary
{
    public const string StartText = "<|startoftext|>", EndText = "<|endoftext|>";

    private static readonly Lazy<ClipVocabulary> LazyShipped = new(LoadShipped);

    private readonly Dictionary<string, int> _ids;
    private readonly string[] _symbols;
    private readonly Dictionary<(int Left, int Right), Merge> _merges;
    private readonly int[] _bytes, _lastBytes;

    /// <summary>Puts a vocabulary together and checks that nothing is missing.</summary>
    /// <param name="ids">Symbols and their ids: 0 to n - 1, each once.</param>
    /// <param name="merges">Pairs of symbols, first things first.</param>
    /// <exception cref="WhenceException">A symbol is missing, an id is there twice or out of range, or a pair is there twice.</exception>
    public ClipVocabulary(Dictionary<string, int> ids, IReadOnlyList<(string Left, string Right)> merges)
    {
        _ids = ids;
        _symbols = new string[ids.Count];
        foreach (var (symbol, id) in ids)
        {
            if (id < 0 || id >= ids.Count || _symbols[id] is not null)
            {
                throw new WhenceException($"of {ids.Count} symbols, '{symbol}' has the id {id}, which is {(id >= 0 && id < ids.Count ? $"also the id of '{_symbols[id]}'" : "out of range")}");
            }

            _symbols[id] = symbol;
        }

        _bytes = [.. Enumerable.Range(0, 256).Select(b => Id(ByteSymbols.Of((byte)b).ToString()))];
        _lastBytes = [.. Enumerable.Range(0, 256).Select(b => Id(ByteSymbols.Of((byte)b) + ByteSymbols.WordEnd))];
        (Start, End) = (Id(StartText), Id(EndText));
        _merges = new Dictionary<(int Left, int Right), Merge>(merges.Count);
        foreach (var (left, right) in merges)
        {
            if (!_merges.TryAdd((Id(left), Id(right)), new Merge(_merges.Count, Id(left + right))))
            {
                throw new WhenceException($"the merge of '{left}' and '{right}' is there twice");
            }
        }
    }

    /// <summary>CLIP's own vocabulary, which the assembly carries; loaded when it is first asked for.</summary>
    public static ClipVocabulary Shipped => LazyShipped.Value;

    /// <summary>A vocabulary whose ids follow from the order of its symbols, as CLIP's do: bytes, bytes at a word's end, what is merged, start and end.</summary>
    /// <param name="merges">Pairs of symbols, first things first.</param>
    /// <param name="symbols">What they become, each once, and others that nothing becomes.</param>
    public static ClipVocabulary Of(IReadOnlyList<(string Left, string Right)> merges, IEnumerable<string> symbols)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var symbol in ByteSymbols.InOrder.Concat(ByteSymbols.InOrder.Select(symbol => symbol + ByteSymbols.WordEnd)).Concat(symbols).Append(StartText).Append(EndText))
        {
            ids.Add(symbol, ids.Count);
        }

        return new ClipVocabulary(ids, merges);
    }

    /// <summary>A symbol that no text gives, since no merge makes it.</summary>
    /// <param name="number">From 1.</param>
    public static string Reserved(int number) => $"<|reserved{number}|>{ByteSymbols.WordEnd}";

    /// <summary>Number of symbols.</summary>
    public int Count => _symbols.Length;

    /// <summary>Id of the start.</summary>
    public int Start { get; }

    /// <summary>Id of the end.</summary>
    public int End { get; }

    /// <summary>The symbol of an id, as it is written in vocabulary files.</summary>
    public string Symbol(int id) => _symbols[id];

    /// <summary>Whether a symbol is written so.</summary>
    public bool Contains(string symbol) => _ids.ContainsKey(symbol);

    /// <summary>The id of a symbol; null where there is none.</summary>
    public int? Find(string symbol) => _ids.TryGetValue(symbol, out var id) ? id : null;

    /// <summary>Pairs of symbols that are merged, first things first.</summary>
    public IEnumerable<(string Left, string Right)> Merges => _merges.OrderBy(merge => merge.Value.Rank).Select(merge => (_symbols[merge.Key.Left], _symbols[merge.Key.Right]));

    /// <summary>The symbol of a byte within a word, or at its end.</summary>
    public int Byte(byte value, bool last) => last ? _lastBytes[value] : _bytes[value];

    /// <summary>Whether two symbols are merged, how early, and to what.</summary>
    public bool TryMerge(int left, int right, out Merge merge) => _merges.TryGetValue((left, right), out merge);

    /// <summary>The pairs of a file in Hugging Face's form: a line for each, under a line <c>#version</c> where there is one.</summary>
    /// <exception cref="WhenceException">A line holds something else, or is longer than any symbol.</exception>
    public static List<(string Left, string Right)> ReadMerges(TextReader reader, int most)
    {
        var merges = new List<(string Left, string Right)>();
        for (var number = 1; reader.ReadLine() is { } line; number++)
        {
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
            {
                continue;
            }

            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space < 1 || space == line.Length - 1 || line.IndexOf(' ', space + 1) >= 0)
            {
                throw new WhenceException($"line {number} is '{(line.Length > 80 ? line[..80] + "..." : line)}' where two symbols with a space between are expected");
            }

            if (merges.Count == most)
            {
                throw new WhenceException($"holds more than {most} merges");
            }

            merges.Add((line[..space], line[(space + 1)..]));
        }

        return merges;
    }

    private static ClipVocabulary LoadShipped()
    {
        using var reader = new StreamReader(new GZipStream(Resource.Open("clip-merges.txt.gz"), CompressionMode.Decompress), Encoding.UTF8);
        var merges = ReadMerges(reader, int.MaxValue);

        return Of(merges, merges.Select(merge => merge.Left + merge.Right));
    }

    private int Id(string symbol) => _ids.TryGetValue(symbol, out var id) ? id : throw new WhenceException($"the symbol '{symbol}' is missing from the vocabulary");
}

/// <summary>What two symbols become.</summary>
/// <param name="Rank">The lower, the earlier; no two pairs have the same.</param>
/// <param name="Id">The symbol that they become.</param>
internal readonly record struct Merge(int Rank, int Id);
