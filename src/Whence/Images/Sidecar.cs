using System.Text;
using System.Text.Json;

namespace Whence.Images;

/// <summary>
/// The files beside an image: <c>NAME.txt</c> with its caption and <c>NAME.json</c> with an object of metadata, as img2dataset
/// and WebDataset have them. Where both tell a caption, the text file wins.
/// </summary>
internal static class Sidecar
{
    /// <summary>Largest sidecar in bytes.</summary>
    public const int MaxBytes = 1 << 20;

    private const int MaxDepth = 32;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    /// <summary>Joins an image and its sidecars; null for those that are absent.</summary>
    /// <exception cref="WhenceException">The JSON is malformed, nested too deep, has a name twice, or is no object.</exception>
    public static ImageContent Join(byte[] image, byte[]? text, byte[]? json, string jsonName)
    {
        var values = json is null ? [] : ReadObject(json, jsonName);
        var caption = text is null ? values.GetValueOrDefault("caption") : ReadCaption(text);
        return new ImageContent(image, caption, Rename(values, jsonName));
    }

    /// <summary>
    /// An object's values as text: numbers as they are written, <c>true</c>, <c>false</c>; what is nested as compact JSON; null as null.
    /// </summary>
    /// <exception cref="WhenceException">Malformed, nested too deep, a name twice, or no object.</exception>
    public static Dictionary<string, string?> ReadObject(ReadOnlyMemory<byte> utf8, string where)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8.Span.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8, Strict);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.EnumerateObject().ToDictionary(property => property.Name, property => ToText(property.Value), StringComparer.Ordinal)
                : throw new WhenceException($"{where}: a JSON object is expected, not a {document.RootElement.ValueKind}");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            // Half a surrogate pair in a string shows only when the string is taken out.
            throw new WhenceException(
                $"{where}: not valid JSON (at most {MaxDepth} levels, each name once): {Files.RegularFile.OneLine(error.Message)}", error);
        }
    }

    private static string? ToText(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Object or JsonValueKind.Array => JsonSerializer.Serialize(value),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => value.GetRawText(),
    };

    private static string? ReadCaption(byte[] text)
    {
        var caption = Encoding.UTF8.GetString(text).TrimStart('\uFEFF').Trim();
        return caption.Length > 0 ? caption : null;
    }

    private static Dictionary<string, string> Rename(Dictionary<string, string?> values, string where)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (column, value) in values)
        {
            if (value is not null && MetadataNames.ForImage(column) is { } name && !metadata.TryAdd(name, value))
            {
                throw new WhenceException($"{where}: two names would be stored as {name}; rename one");
            }
        }

        return metadata;
    }
}
