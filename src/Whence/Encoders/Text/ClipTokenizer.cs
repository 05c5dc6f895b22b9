using System.Text;

namespace Whence.Encoders.Text;

/// <summary>
/// CLIP's tokenizer: a text is cleaned (<see cref="TextCleaner"/>), split into words, and the bytes of each word are merged to symbols of a vocabulary (byte-pair
/// encoding). The ids are those of OpenAI's <c>clip.tokenize(text, truncate=True)</c>, and of the tokenizers of Stable Diffusion but for the padding.
/// Thread-safe.
/// </summary>
public sealed class ClipTokenizer
{
    private readonly ClipTokenizerOptions _options;
    private readonly ClipVocabulary _vocabulary;
    private readonly BytePairs _pairs;
    private readonly AddedTokens _added;

    /// <summary>A tokenizer with CLIP's own vocabulary of 49408 symbols, which the assembly carries.</summary>
    /// <param name="options">Null takes the defaults: OpenAI's.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public ClipTokenizer(ClipTokenizerOptions? options = null)
        : this(options ?? new ClipTokenizerOptions(), ClipVocabulary.Shipped, pairs: null, [])
    {
    }

    private ClipTokenizer(ClipTokenizerOptions options, ClipVocabulary vocabulary, BytePairs? pairs, IReadOnlyList<string> added)
    {
        options.Validate();
        (_options, _vocabulary, _pairs) = (options, vocabulary, pairs ?? new BytePairs(vocabulary));
        _added = new AddedTokens(vocabulary, added);
    }

    /// <summary>How it was made.</summary>
    public ClipTokenizerOptions Options => _options;

    /// <summary>Ids per text, start and end included.</summary>
    public int ContextLength => _options.ContextLength;

    /// <summary>Number of ids, those of added tokens included: ids are in [0, VocabularySize).</summary>
    public int VocabularySize => _vocabulary.Count + _added.Tokens.Count;

    /// <summary>Id that every text begins with; CLIP's: 49406.</summary>
    public int StartToken => _vocabulary.Start;

    /// <summary>Id that every text ends with; CLIP's: 49407.</summary>
    public int EndToken => _vocabulary.End;

    /// <summary>Tokens that were added, in the order of their ids, which are the last.</summary>
    public IReadOnlyList<string> AddedTokens => _added.Tokens;

    /// <summary>Reads a tokenizer in Hugging Face's form.</summary>
    /// <param name="folder">Holds <c>vocab.json</c> and <c>merges.txt</c>, or the same with <c>.gz</c>; tokens of an <c>added_tokens.json</c> are added.</param>
    /// <param name="options">Null: what a <c>tokenizer_config.json</c> says of padding and context, or the defaults.</param>
    /// <exception cref="WhenceException">A file is missing, damaged or larger than 64 MiB unpacked, a symbol is missing, or a merge or an id is there twice.</exception>
    public static ClipTokenizer Load(string folder, ClipTokenizerOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var (vocabulary, added) = ClipVocabularyFiles.Load(folder);
        return new(options ?? TokenizerConfig.Load(folder, vocabulary), vocabulary, pairs: null, added);
    }

    /// <summary>Reads a tokenizer from two files in Hugging Face's form, each as it is or compressed by gzip.</summary>
    /// <param name="vocabularyFile">Symbols and ids, as <c>vocab.json</c>.</param>
    /// <param name="mergesFile">Pairs of symbols, as <c>merges.txt</c>.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <exception cref="WhenceException">As for a folder.</exception>
    public static ClipTokenizer Load(string vocabularyFile, string mergesFile, ClipTokenizerOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(vocabularyFile);
        ArgumentException.ThrowIfNullOrEmpty(mergesFile);
        return new(options ?? new ClipTokenizerOptions(), ClipVocabularyFiles.Load(vocabularyFile, mergesFile), pairs: null, []);
    }

    /// <summary>
    /// Learns a vocabulary from texts, for a model of one's own: byte pairs that are met often become symbols. The same texts in any order give the same vocabulary. Its ids are ordered as
    /// CLIP's: bytes, what was learned, reserved symbols, start, end.
    /// </summary>
    /// <param name="texts">Captions; they are cleaned first.</param>
    /// <param name="vocabulary">How many symbols; null takes the defaults.</param>
    /// <param name="options">Of the tokenizer; null takes the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static ClipTokenizer Learn(IEnumerable<string> texts, VocabularyOptions? vocabulary = null, ClipTokenizerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(texts);
        vocabulary ??= new();
        vocabulary.Validate();
        return new(options ?? new ClipTokenizerOptions(), VocabularyLearner.Learn(texts, vocabulary), pairs: null, []);
    }

    /// <summary>Ids of the symbols that no text gives (<see cref="VocabularyOptions.Reserved"/>), ascending; none in vocabularies of others.</summary>
    public IReadOnlyList<int> ReservedTokens => [.. Enumerable.Range(1, int.MaxValue).Select(n => _vocabulary.Find(ClipVocabulary.Reserved(n)) ?? -1).TakeWhile(id => id >= 0)];

    /// <summary>The same vocabulary and added tokens with other options.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public ClipTokenizer With(ClipTokenizerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new(options, _vocabulary, _pairs, _added.Tokens);
    }

    /// <summary>Writes the tokenizer in Hugging Face's form: <c>vocab.json</c>, <c>merges.txt</c>, <c>tokenizer_config.json</c> and, where tokens were added, <c>added_tokens.json</c>.</summary>
    /// <param name="folder">Is made where it is missing; files of these names are replaced.</param>
    public void Save(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Directory.CreateDirectory(folder);
        ClipVocabularyFiles.Save(folder, _vocabulary, _added.Tokens);
        TokenizerConfig.Save(folder, _options, _vocabulary);
    }

    /// <summary>A tokenizer that knows further tokens, such as <c>&lt;new1&gt;</c> for a concept that a model was customized to. This one stays as it is.</summary>
    /// <param name="tokens">
    /// Each becomes the next id. They are found in the text as it is given, before it is cleaned, with their case, wherever they stand; of several that begin at one place the longest.
    /// </param>
    /// <exception cref="WhenceException">The tokenizer already has such a token, or one is there twice.</exception>
    /// <exception cref="ArgumentException">A token is empty, or holds white space or half a surrogate pair.</exception>
    public ClipTokenizer AddTokens(params IReadOnlyList<string> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        return new(_options, _vocabulary, _pairs, [.. _added.Tokens, .. tokens]);
    }

    /// <summary>The id of a symbol of the vocabulary, such as <c>ktn</c> within a word or <c>cat&lt;/w&gt;</c> at its end; null where there is none.</summary>
    internal int? Find(string symbol) => _vocabulary.Find(symbol);

    /// <summary>Turns a text into ids.</summary>
    /// <param name="text">Any string. <c>&lt;|startoftext|&gt;</c> and <c>&lt;|endoftext|&gt;</c> at the beginning of a word become their ids, as in the reference.</param>
    public TokenizedText Encode(string text)
    {
        var ids = new int[ContextLength];
        return new TokenizedText { Tokens = Encode(text, ids), Ids = ids };
    }

    /// <summary>Turns n texts into n x <see cref="ContextLength"/> ids.</summary>
    /// <param name="texts">Any strings.</param>
    public TokenBatch Encode(IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var ids = new int[checked(texts.Count * ContextLength)];
        var tokens = new int[texts.Count];
        for (var i = 0; i < texts.Count; i++)
        {
            tokens[i] = Encode(texts[i], ids.AsSpan(i * ContextLength, ContextLength));
        }

        return new TokenBatch { ContextLength = ContextLength, Ids = ids, Tokens = tokens };
    }

    /// <summary>Turns a text into ids in memory of the caller's.</summary>
    /// <param name="text">Any string.</param>
    /// <param name="ids">Receives <see cref="ContextLength"/> ids: start, the text's, end, padding; of a longer text the first, and the end as the last.</param>
    /// <returns>Tokens of the whole text, start and end included.</returns>
    /// <exception cref="ArgumentException">There is room for more or fewer ids.</exception>
    public int Encode(string text, Span<int> ids)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (ids.Length != ContextLength)
        {
            throw new ArgumentException($"There is room for {ids.Length} ids where the context has {ContextLength}.", nameof(ids));
        }

        ids[0] = StartToken;
        var count = 1;
        var rest = text.AsSpan();
        for (var (at, length, id) = _added.Find(rest); at >= 0; (at, length, id) = _added.Find(rest))
        {
            EncodePiece(rest[..at], ids, ref count);
            Put(id, ids, ref count);
            rest = rest[(at + length)..];
        }

        EncodePiece(rest, ids, ref count);
        Put(EndToken, ids, ref count);
        if (count > ids.Length)
        {
            ids[^1] = EndToken;
        }
        else
        {
            ids[count..].Fill(_options.Padding == ClipPadding.EndToken ? EndToken : 0);
        }

        return count;
    }

    /// <summary>The text of ids: what stands between the start and the first end, words with a space between.</summary>
    /// <param name="ids">Ids in [0, <see cref="VocabularySize"/>); start, end and padding may be missing. Bytes that are no UTF-8, as where a letter was cut, become U+FFFD.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is out of range.</exception>
    public string Decode(ReadOnlySpan<int> ids)
    {
        var bytes = new List<byte>(ids.Length * 8);
        for (var i = 0; i < ids.Length && ids[i] != EndToken; i++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(ids[i], nameof(ids));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(ids[i], VocabularySize, nameof(ids));
            if (ids[i] >= _vocabulary.Count)
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(_added.Tokens[ids[i] - _vocabulary.Count] + " "));
            }
            else if (ids[i] == StartToken)
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(i == 0 ? "" : ClipVocabulary.StartText + " "));
            }
            else
            {
                ByteSymbols.Append(_vocabulary.Symbol(ids[i]), bytes);
            }
        }

        return Encoding.UTF8.GetString([.. bytes]).TrimEnd(' ');
    }

    private void EncodePiece(ReadOnlySpan<char> piece, Span<int> ids, ref int count)
    {
        if (piece.IsEmpty)
        {
            return;
        }

        var words = new TextSplitter(_options.Clean ? TextCleaner.Clean(piece.ToString()) : piece);
        while (words.MoveNext())
        {
            if (words.Current is ClipVocabulary.StartText or ClipVocabulary.EndText)
            {
                Put(words.Current is ClipVocabulary.StartText ? StartToken : EndToken, ids, ref count);
                continue;
            }

            foreach (var symbol in _pairs.Encode(words.Current))
            {
                Put(symbol, ids, ref count);
            }
        }
    }

    private static void Put(int id, Span<int> ids, ref int count)
    {
        if (count < ids.Length)
        {
            ids[count] = id;
        }

        count++;
    }
}
