using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Whence.Files;

/// <summary>Reads a recipe so that a misspelt key is named, and none is passed over. Comments may stand between values, and a comma behind the last one.</summary>
internal static class RecipeJson
{
    public static readonly JsonSerializerOptions Options = Make();

    /// <summary>To be read by people.</summary>
    public static readonly JsonSerializerOptions Indented = new(Options) { WriteIndented = true, NewLine = "\n" };

    /// <summary>Reads a file that says of what format and version it is.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">What its key <c>format</c> must be.</param>
    /// <param name="version">What its key <c>version</c> must be.</param>
    /// <param name="validate">Refuses values out of their range, by a <see cref="WhenceException"/> that names the key.</param>
    /// <exception cref="WhenceException">Missing, not JSON, of another format or version, with a key that there is none of, or a wrong value; in one line, with the file.</exception>
    public static T Load<T>(string path, string format, int version, Action<T> validate)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Parse(RegularFile.Guard(path, () => File.ReadAllBytes(path)), path, format, version, validate);
    }

    /// <summary>As <see cref="Load"/>, of a file's bytes.</summary>
    public static T Parse<T>(byte[] bytes, string path, string format, int version, Action<T> validate)
    {
        try
        {
            using (var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false, CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }))
            {
                CheckVersion(document.RootElement, format, version); // first: another version has other keys
                CheckKeys(document.RootElement, typeof(T), "");
            }

            var value = JsonSerializer.Deserialize<T>(bytes, Options) ?? throw new JsonException("it holds null.");
            validate(value);
            return value;
        }
        catch (WhenceException e)
        {
            throw new WhenceException($"{path}: {e.Message}; docs/formats.md shows the format.", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: half a surrogate
        {
            throw new WhenceException($"{path}: {RegularFile.OneLine(e.Message)} docs/formats.md shows the format.", e);
        }
    }

    private static JsonSerializerOptions Make()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            PropertyNameCaseInsensitive = false,
            AllowDuplicateProperties = false,
            RespectNullableAnnotations = true,
            NumberHandling = JsonNumberHandling.Strict,
            ReadCommentHandling = JsonCommentHandling.Skip,
            AllowTrailingCommas = true,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    // Where one of both is missing or of another kind, what follows says so.
    private static void CheckVersion(JsonElement root, string format, int version)
    {
        if (root.ValueKind == JsonValueKind.Object
            && root.TryGetProperty("format", out var isFormat) && isFormat.ValueKind == JsonValueKind.String
            && root.TryGetProperty("version", out var isVersion) && isVersion.ValueKind == JsonValueKind.Number
            && !(isFormat.ValueEquals(format) && isVersion.TryGetInt32(out var number) && number == version))
        {
            throw new WhenceException($"it is {isFormat.GetRawText()} version {isVersion.GetRawText()}, this build reads '{format}' version {version}");
        }
    }

    private static void CheckKeys(JsonElement element, Type type, string where)
    {
        var info = Options.GetTypeInfo(type);
        switch (info.Kind, element.ValueKind)
        {
            case (JsonTypeInfoKind.Enumerable, JsonValueKind.Array):
                foreach (var (i, item) in element.EnumerateArray().Index())
                {
                    if (item.ValueKind == JsonValueKind.Null)
                    {
                        throw new WhenceException($"'{where}[{i}]' is null, leave it out");
                    }

                    CheckKeys(item, info.ElementType!, $"{where}[{i}]");
                }

                break;
            case (JsonTypeInfoKind.Object, JsonValueKind.Object):
                foreach (var property in element.EnumerateObject())
                {
                    var known = info.Properties.FirstOrDefault(p => p.Name == property.Name)
                        ?? throw new WhenceException($"there is no key '{property.Name}'{In(where)}, known are {string.Join(", ", info.Properties.Select(p => $"'{p.Name}'"))}");
                    CheckKeys(property.Value, known.PropertyType, where.Length == 0 ? property.Name : $"{where}.{property.Name}");
                }

                if (info.Properties.FirstOrDefault(p => p.IsRequired && !element.TryGetProperty(p.Name, out _)) is { } missing)
                {
                    throw new WhenceException($"the key '{missing.Name}' is missing{In(where)}");
                }

                break;
            case (JsonTypeInfoKind.Object, not JsonValueKind.Null):
                throw new WhenceException($"{(where.Length == 0 ? "the file" : $"'{where}'")} must be an object in braces, it is a {element.ValueKind}");
        }

        static string In(string where) => where.Length == 0 ? "" : $" in '{where}'";
    }
}
