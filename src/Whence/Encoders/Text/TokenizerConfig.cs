using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Files;

namespace Whence.Encoders.Text;

/// <summary><c>tokenizer_config.json</c> and <c>special_tokens_map.json</c>, in which Hugging Face's tokenizers keep what texts are filled up with and how long they are.</summary>
internal static class TokenizerConfig
{
    private const string FileName = "tokenizer_config.json", SpecialTokensName = "special_tokens_map.json";
    private const long LargestBytes = 1 << 22;

    /// <summary>Options as a folder says; the defaults where it says nothing.</summary>
    /// <exception cref="WhenceException">The file is damaged, or the padding is neither the end token nor the symbol of id 0.</exception>
    public static ClipTokenizerOptions Load(string folder, ClipVocabulary vocabulary)
    {
        var path = Path.Combine(folder, FileName);
        var standard = new ClipTokenizerOptions();
        if (!File.Exists(path))
        {
            return standard;
        }

        // Stable Diffusion 2 says in its map what fills texts up, and something else here; transformers heeds the map.
        var map = Path.Combine(folder, SpecialTokensName);
        var pad = (File.Exists(map) ? Read(map, PadToken) : null) ?? Read(path, PadToken);
        var padding = pad is null || pad == vocabulary.Symbol(vocabulary.End) ? ClipPadding.EndToken // CLIPTokenizer's own
            : pad == vocabulary.Symbol(0) ? ClipPadding.Zero
            : throw new WhenceException($"'{folder}': 'pad_token' is '{RegularFile.OneLine(pad)}', but only the end token and the symbol of id 0 can fill texts up.");

        // Some files say 10^30 for "as long as you like".
        var length = Read(path, config => config["model_max_length"]?.GetValue<double>()) is >= 2 and <= 65_536 and var most ? (int)most : standard.ContextLength;
        return standard with { Padding = padding, ContextLength = length };
    }

    private static string? PadToken(JsonObject config) => (config["pad_token"] is JsonObject token ? token["content"] : config["pad_token"])?.GetValue<string>();

    private static T Read<T>(string path, Func<JsonObject, T> get)
    {
        try
        {
            var documentOptions = new JsonDocumentOptions { AllowDuplicateProperties = false };
            return get(JsonNode.Parse(RegularFile.ReadAll(path, LargestBytes), documentOptions: documentOptions) as JsonObject ?? throw new JsonException("no object"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new WhenceException($"'{path}': is no configuration of a tokenizer ({RegularFile.OneLine(e.Message)}); get it again.", e);
        }
    }

    /// <summary>Writes the options.</summary>
    public static void Save(string folder, ClipTokenizerOptions options, ClipVocabulary vocabulary)
    {
        var (start, end) = (vocabulary.Symbol(vocabulary.Start), vocabulary.Symbol(vocabulary.End));
        AtomicFile.Write(Path.Combine(folder, FileName), stream => JsonSerializer.Serialize(stream, new JsonObject
        {
            ["tokenizer_class"] = "CLIPTokenizer",
            ["bos_token"] = start,
            ["eos_token"] = end,
            ["unk_token"] = end,
            ["pad_token"] = options.Padding == ClipPadding.EndToken ? end : vocabulary.Symbol(0),
            ["model_max_length"] = options.ContextLength,
            ["do_lower_case"] = true,
        }));
    }
}
