using System.IO.Compression;
using System.Text.Json;
using Whence.Files;

namespace Whence.Datasets;

/// <summary>A customized model of a test case: the images it was made from, and the images made with it.</summary>
public sealed record TestCaseModel
{
    /// <summary>Paths of the exemplars, at least one.</summary>
    public required IReadOnlyList<string> Exemplars { get; init; }

    /// <summary>Paths of the synthesized images by the type of the prompts they were made with (<c>gpt</c>, <c>media</c>, <c>object</c>).</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<string>> Synthesized { get; init; }

    /// <summary>The authors' name of the model.</summary>
    public required string ClassId { get; init; }

    /// <summary>What the exemplars show, for models of objects; null where the file does not say.</summary>
    public string? Category { get; init; }

    /// <summary>All other members of the model's object that are text, by name: what models can be grouped by (an artist, a source).</summary>
    public IReadOnlyDictionary<string, string> Further { get; init; } = new Dictionary<string, string>();
}

/// <summary>
/// The images of one test case, in the authors' JSON: a list of customized models with the paths of their images
/// (<c>{"exemplar": [...], "synth": {"gpt": [...], ...}, "class_id": "...", "category": "..."}</c>).
/// </summary>
public sealed class TestCase
{
    private const int MaxBytes = 256 * 1024 * 1024;

    private TestCase(string name, IReadOnlyList<TestCaseModel> models)
    {
        (Name, Models) = (name, models);
        PromptTypes = [.. models.SelectMany(m => m.Synthesized.Keys).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>The file's name without folder and extensions.</summary>
    public string Name { get; }

    /// <summary>The models in the file's order, at least one.</summary>
    public IReadOnlyList<TestCaseModel> Models { get; }

    /// <summary>Types of prompts in the order in which they first occur. A model need not have all of them.</summary>
    public IReadOnlyList<string> PromptTypes { get; }

    /// <summary>Reads a test case.</summary>
    /// <param name="path">JSON, or the same gzip-compressed; told by the content.</param>
    /// <exception cref="WhenceException">Missing, damaged, or not laid out so; the message names the model and the key.</exception>
    public static TestCase Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var json = JsonDocument.Parse(ReadAll(path), new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            if (json.RootElement.ValueKind != JsonValueKind.Array || json.RootElement.GetArrayLength() == 0)
            {
                throw Bad(path, "it is no list of models with at least one in it");
            }

            return new TestCase(NameOf(path), [.. json.RootElement.EnumerateArray().Select((model, i) => ReadModel(path, model, $"model {i}"))]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Bad(path, $"not the JSON it should be, {RegularFile.OneLine(e.Message)}", e);
        }
    }

    /// <summary>A file's name without its folder and the extensions that files of test cases have.</summary>
    internal static string NameOf(string path)
    {
        var name = Path.GetFileName(path);
        foreach (var extension in (string[])[".gz", ".json", ".pth", ".safetensors"])
        {
            name = name.EndsWith(extension, StringComparison.OrdinalIgnoreCase) && name.Length > extension.Length ? name[..^extension.Length] : name;
        }

        return name;
    }

    private static TestCaseModel ReadModel(string path, JsonElement model, string where)
    {
        var synthesized = Member(path, model, "synth", where, JsonValueKind.Object).EnumerateObject().ToDictionary(
            type => type.Name, type => ReadPaths(path, type.Value, $"'synth.{type.Name}' of {where}"), StringComparer.Ordinal);
        return new TestCaseModel
        {
            Exemplars = ReadPaths(path, Member(path, model, "exemplar", where, JsonValueKind.Array), $"'exemplar' of {where}"),
            Synthesized = synthesized.Count > 0 ? synthesized : throw Bad(path, $"'synth' of {where} has no type of prompts"),
            ClassId = Member(path, model, "class_id", where, JsonValueKind.String).GetString()!,
            Category = model.TryGetProperty("category", out var category) && category.ValueKind != JsonValueKind.Null
                ? Member(path, model, "category", where, JsonValueKind.String).GetString()
                : null,
            Further = model.EnumerateObject()
                .Where(member => member.Value.ValueKind == JsonValueKind.String && member.Name is not ("class_id" or "category"))
                .ToDictionary(member => member.Name, member => member.Value.GetString()!, StringComparer.Ordinal),
        };
    }

    private static JsonElement Member(string path, JsonElement model, string name, string where, JsonValueKind kind)
    {
        if (model.ValueKind != JsonValueKind.Object)
        {
            throw Bad(path, $"{where} is {Describe(model.ValueKind)}, expected an object");
        }

        if (!model.TryGetProperty(name, out var member))
        {
            throw Bad(path, $"{where} has no '{name}', only {string.Join(", ", model.EnumerateObject().Take(12).Select(m => $"'{m.Name}'"))}");
        }

        return member.ValueKind == kind ? member : throw Bad(path, $"'{name}' of {where} is {Describe(member.ValueKind)}, expected {Describe(kind)}");
    }

    private static IReadOnlyList<string> ReadPaths(string path, JsonElement list, string where)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
        {
            throw Bad(path, $"{where} is no list of paths with at least one in it");
        }

        return [.. list.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String && item.GetString() is { Length: > 0 } text
            ? text
            : throw Bad(path, $"{where} holds {Describe(item.ValueKind)} where a path is needed"))];
    }

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };

    // A few kilobytes of gzip may unpack to gigabytes.
    private static ReadOnlyMemory<byte> ReadAll(string path)
    {
        using var file = new FileStream(RegularFile.Open(path), FileAccess.Read, 1 << 16, isAsync: true);
        return RegularFile.Guard(path, () =>
        {
            var (first, second) = (file.ReadByte(), file.ReadByte());
            file.Position = 0;
            using Stream content = (first, second) == (0x1f, 0x8b) ? new GZipStream(file, CompressionMode.Decompress) : file;
            using var bytes = new MemoryStream();
            var block = new byte[1 << 16];
            try
            {
                for (int count; (count = content.Read(block)) > 0;)
                {
                    RegularFile.CheckSize(path, bytes.Length + count, MaxBytes, option: null);
                    bytes.Write(block, 0, count);
                }
            }
            catch (InvalidDataException e)
            {
                throw Bad(path, "its gzip compression is damaged", e);
            }

            var start = bytes.GetBuffer().AsSpan(0, (int)bytes.Length).StartsWith("\uFEFF"u8) ? 3 : 0;
            return (ReadOnlyMemory<byte>)bytes.GetBuffer().AsMemory(start, (int)bytes.Length - start);
        });
    }

    private static WhenceException Bad(string path, string why, Exception? cause = null)
    {
        var message = $"'{path}' is no test case: {why}; docs/formats.md shows the format.";
        return cause is null ? new WhenceException(message) : new WhenceException(message, cause);
    }
}
