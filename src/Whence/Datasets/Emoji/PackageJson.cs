using System.Text.Json;
using System.Text.Unicode;

namespace Whence.Datasets.Emoji;

/// <summary>JSON files of packages, read with one line where they are not what they should be.</summary>
internal static class PackageJson
{
    private const int MaxDepth = 32;

    /// <summary>All of a file. Its texts can be had as they are: what is no UTF-8, or half a pair of surrogates, is refused here and not where it is first used.</summary>
    /// <exception cref="WhenceException">It is not valid JSON.</exception>
    public static JsonElement Read(byte[] bytes, string where)
    {
        try
        {
            CheckTexts(bytes);
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return document.RootElement.Clone();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new WhenceException($"{where}: is not valid JSON: {Files.RegularFile.OneLine(e.Message)}", e);
        }
    }

    public static JsonElement Property(JsonElement element, string key, JsonValueKind kind, string where) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(key, out var value) && value.ValueKind == kind
            ? value
            : throw new WhenceException($"{where}: '{key}' is missing or no {kind}");

    public static IEnumerable<JsonProperty> Members(JsonElement element, string where) =>
        element.ValueKind == JsonValueKind.Object ? element.EnumerateObject() : throw new WhenceException($"{where}: is no object in braces");

    public static string Text(JsonElement element, string key, string where) => Property(element, key, JsonValueKind.String, where).GetString()!;

    /// <summary>A text, or the texts of an array.</summary>
    public static IEnumerable<string> Texts(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => [element.GetString()!],
        JsonValueKind.Array => element.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.String).Select(e => e.GetString()!),
        _ => [],
    };

    private static void CheckTexts(byte[] bytes)
    {
        if (!Utf8.IsValid(bytes))
        {
            throw new JsonException("it is no UTF-8.");
        }

        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueSpan.IndexOf("\\u"u8) >= 0)
            {
                reader.GetString();
            }
        }
    }
}
