using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Whence.Files;

namespace Whence.Encoders.Text;

/// <summary>
/// Reads and writes a tokenizer in Hugging Face's form: <c>vocab.json</c>, <c>merges.txt</c> and, where tokens were added, <c>added_tokens.json</c>; each as it is or compressed by
/// gzip.
/// </summary>
internal static class ClipVocabularyFiles
{
    // CLIP's files have 1 MB and 49408 symbols, of which the longest has 48 characters.
    private const int MaxBytes = 1 << 26, MaxSymbols = 1 << 20, MaxSymbolLength = 1024;

    /// <summary>Reads the files of a folder.</summary>
    /// <returns>The vocabulary, and the tokens that were added to it in the order of their ids.</returns>
    /// <exception cref="WhenceException">A file is missing, damaged or too large, or they do not fit together.</exception>
    public static (ClipVocabulary Vocabulary, IReadOnlyList<string> Added) Load(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new WhenceException($"{folder}: no such folder; one with vocab.json and merges.txt is expected.");
        }

        string Required(string name) => Find(folder, name)
            ?? throw new WhenceException($"{folder}: holds no {name} nor {name}.gz; a folder with vocab.json and merges.txt is expected.");
        var vocabulary = Load(Required("vocab.json"), Required("merges.txt"));
        return (vocabulary, Find(folder, "added_tokens.json") is { } added ? Read(added, bytes => Added(bytes, vocabulary)) : []);
    }

    /// <summary>Reads the two files of a vocabulary.</summary>
    /// <exception cref="WhenceException">As above.</exception>
    public static ClipVocabulary Load(string vocabularyPath, string mergesPath)
    {
        var ids = Read(vocabularyPath, ReadIds);
        var merges = Read(mergesPath, bytes => ClipVocabulary.ReadMerges(new StreamReader(new MemoryStream(bytes), Encoding.UTF8), MaxSymbols));
        return Explained($"'{vocabularyPath}' with '{mergesPath}'", () => new ClipVocabulary(ids, merges));
    }

    /// <summary>Writes the files of a folder, which must exist.</summary>
    public static void Save(string folder, ClipVocabulary vocabulary, IReadOnlyList<string> added)
    {
        WriteIds("vocab.json", Enumerable.Range(0, vocabulary.Count).Select(id => (vocabulary.Symbol(id), id)));
        AtomicFile.Write(Path.Combine(folder, "merges.txt"), stream =>
        {
            using var writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true) { NewLine = "\n" };
            writer.WriteLine("#version: 0.2");
            foreach (var (left, right) in vocabulary.Merges)
            {
                writer.WriteLine($"{left} {right}");
            }
        });
        if (added.Count > 0)
        {
            WriteIds("added_tokens.json", added.Select((token, i) => (token, vocabulary.Count + i)));
        }

        void WriteIds(string name, IEnumerable<(string Symbol, int Id)> ids) =>
            AtomicFile.Write(Path.Combine(folder, name), stream => JsonSerializer.Serialize(stream, ids.ToDictionary(pair => pair.Symbol, pair => pair.Id)));
    }

    private static string? Find(string folder, string name) =>
        new[] { Path.Combine(folder, name), Path.Combine(folder, name + ".gz") }.FirstOrDefault(File.Exists);

    // Some versions list the start and the end here as well.
    private static List<string> Added(byte[] json, ClipVocabulary vocabulary)
    {
        var added = new List<string>();
        foreach (var (token, id) in ReadIds(json).Where(token => !vocabulary.Contains(token.Key) || token.Value >= vocabulary.Count).OrderBy(token => token.Value))
        {
            if (id != vocabulary.Count + added.Count)
            {
                throw new InvalidDataException($"'{token}' has the id {id} where {vocabulary.Count + added.Count} is the next");
            }

            added.Add(token);
        }

        return added;
    }

    private static T Read<T>(string path, Func<byte[], T> parse)
    {
        var bytes = ReadAll(path);
        return Explained($"'{path}'", () => parse(bytes));
    }

    private static T Explained<T>(string what, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is WhenceException or JsonException or InvalidDataException or InvalidOperationException)
        {
            throw new WhenceException($"{what}: not a usable CLIP tokenizer: {RegularFile.OneLine(e.Message)}; get the files again.", e);
        }
    }

    // A few kilobytes of gzip may unpack to gigabytes.
    private static byte[] ReadAll(string path)
    {
        using var file = new FileStream(RegularFile.Open(path), FileAccess.Read, 1 << 16, isAsync: true);
        return RegularFile.Guard(path, () => Explained($"'{path}'", () =>
        {
            var (first, second) = (file.ReadByte(), file.ReadByte());
            file.Position = 0;
            using Stream content = (first, second) == (0x1f, 0x8b) ? new GZipStream(file, CompressionMode.Decompress) : file;
            using var bytes = new MemoryStream();
            var block = new byte[1 << 16];
            for (int count; (count = content.Read(block)) > 0;)
            {
                if (bytes.Length + count > MaxBytes)
                {
                    throw new InvalidDataException($"holds more than {MaxBytes} bytes");
                }

                bytes.Write(block, 0, count);
            }

            return bytes.ToArray();
        }));
    }

    private static Dictionary<string, int> ReadIds(byte[] json)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(json.AsSpan().StartsWith("\uFEFF"u8) ? json.AsSpan(3) : json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new InvalidDataException("holds something else than an object of symbols and ids");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var symbol = reader.GetString()!;
            if (symbol.Length is 0 or > MaxSymbolLength || ids.Count == MaxSymbols)
            {
                throw new InvalidDataException($"symbol {ids.Count} is empty, longer than {MaxSymbolLength} characters, or one more than {MaxSymbols}");
            }

            if (!reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out var id))
            {
                throw new InvalidDataException($"the id of '{symbol}' is no whole number");
            }

            if (!ids.TryAdd(symbol, id))
            {
                throw new InvalidDataException($"'{symbol}' is there twice");
            }
        }

        // Reads what follows the object, of which there must be nothing.
        reader.Read();
        return ids;
    }
}
