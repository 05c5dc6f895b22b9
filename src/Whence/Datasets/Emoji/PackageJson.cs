using System.Text.Json;

namespace Whence.Datasets.Emoji;

/// <summary>JSON files of packages, read with one line where they are not what they should be.</summary>
internal static class PackageJson
{
    public static JsonElement Read(byte[] bytes, string where)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 32 });
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new WhenceException($"{where}: is not valid JSON: {Files.RegularFile.OneLine(e.Message)}", e);
        }
    }

    public static JsonElement Property(JsonElement element, string key, JsonValueKind kind, string where) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(key, out var value) && value.ValueKind == kind
            ? value
            : throw new WhenceException($"{where}: '{key}' is missing or no {kind}");

    public static string Text(JsonElement element, string key, string where) => Property(element, key, JsonValueKind.String, where).GetString()!;

    /// <summary>A text, or the texts of an array.</summary>
    public static IEnumerable<string> Texts(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => [element.GetString()!],
        JsonValueKind.Array => element.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.String).Select(e => e.GetString()!),
        _ => [],
    };
}
