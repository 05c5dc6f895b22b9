using System.Text.Json;
using Whence.Files;

namespace Whence.Vectors;

/// <summary>The index of a checkpoint that was split into several files, as Hugging Face's <c>model.safetensors.index.json</c>: which tensor lies in which file.</summary>
internal static class ShardIndex
{
    private const long LargestBytes = 1 << 26;

    /// <summary>Whether a file has a name of such an index: <c>....index.json</c>, or with a variant, <c>....index.fp16.json</c>.</summary>
    public static bool IsName(string path) => Path.GetFileName(path) is var name && name.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
        && name.Contains(".index.", StringComparison.OrdinalIgnoreCase);

    /// <summary>Files beside the index, and the names of the tensors that lie in each.</summary>
    /// <exception cref="WhenceException">Missing, no such index, or it names a file elsewhere.</exception>
    public static IReadOnlyList<(string File, IReadOnlyList<string> Names)> Read(string path)
    {
        using var handle = RegularFile.Open(path);
        var length = RandomAccess.GetLength(handle);
        RegularFile.CheckSize($"'{path}'", length, LargestBytes, option: null);
        var bytes = new byte[length];
        var read = RegularFile.Guard(path, () => RandomAccess.Read(handle, bytes, 0));
        try
        {
            using var document = JsonDocument.Parse(bytes.AsMemory(0, read), new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false });
            if (!document.RootElement.TryGetProperty("weight_map", out var map))
            {
                throw new JsonException("there is no 'weight_map'");
            }

            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            return
            [
                .. map.EnumerateObject().GroupBy(entry => Plain(entry.Value.GetString()), StringComparer.Ordinal)
                    .Select(group => (Path.Combine(folder, group.Key), (IReadOnlyList<string>)[.. group.Select(entry => entry.Name)])),
            ];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new WhenceException($"'{path}': is no index of a checkpoint in several files ({RegularFile.OneLine(e.Message)}); get it again.", e);
        }
    }

    // An index must not lead to files that do not belong to it.
    private static string Plain(string? name) =>
        !string.IsNullOrEmpty(name) && name == Path.GetFileName(name) && !name.Contains('\\', StringComparison.Ordinal) && !IsName(name)
            ? name
            : throw new JsonException($"'{name}' is no name of a file beside it");
}
