using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Files;

namespace Whence.Torch.Diffusion;

/// <summary>Writes JSON as diffusers does: two spaces, one entry a line.</summary>
internal static class ConfigText
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Writes an object to a file, atomically.</summary>
    public static void Write(string path, JsonObject entries) => AtomicFile.Write(path, stream =>
    {
        stream.Write(JsonSerializer.SerializeToUtf8Bytes(entries, Indented));
        stream.WriteByte((byte)'\n');
    });

    /// <summary>A list of numbers or texts.</summary>
    public static JsonArray List<T>(IEnumerable<T> values) => [.. values.Select(value => (JsonNode?)JsonValue.Create(value))];
}
