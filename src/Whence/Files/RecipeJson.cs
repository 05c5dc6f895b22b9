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

    /// <exception cref="JsonException">Not JSON, or a value of the wrong kind.</exception>
    /// <exception cref="WhenceException">A key that there is none of, or one that is missing.</exception>
    public static T Read<T>(byte[] bytes)
    {
        using (var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false, CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }))
        {
            CheckKeys(document.RootElement, typeof(T), "");
        }

        return JsonSerializer.Deserialize<T>(bytes, Options) ?? throw new JsonException("it holds null.");
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

    private static void CheckKeys(JsonElement element, Type type, string where)
    {
        var info = Options.GetTypeInfo(type);
        switch (info.Kind, element.ValueKind)
        {
            case (JsonTypeInfoKind.Enumerable, JsonValueKind.Array):
                foreach (var (i, item) in element.EnumerateArray().Index())
                {
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
