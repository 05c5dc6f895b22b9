using System.Globalization;
using System.Reflection;
using System.Text.Json;

namespace Whence.Mapping;

/// <summary>How a pair of mappers was trained, as its .safetensors file says in the header.</summary>
public sealed record MapperProvenance
{
    private const string FormatName = "whence-mapper";
    private const int CurrentVersion = 1;

    /// <summary>Name of the encoder whose features it maps; null where the features did not say.</summary>
    public string? Encoder { get; init; }

    /// <summary>The features files that it learned from.</summary>
    public required IReadOnlyList<MapperSource> Features { get; init; }

    /// <summary>The options of the training by name, as text.</summary>
    public required IReadOnlyDictionary<string, string> Options { get; init; }

    /// <summary>The epoch whose mappers were kept, from 1; 0 where none was better than what training began with.</summary>
    public required int Epoch { get; init; }

    /// <summary>Recall@K of that epoch on the validation split, in [0, 1]; null without one. The options tell K and how many distractors.</summary>
    public double? Recall { get; init; }

    /// <summary>Version of Whence that trained it.</summary>
    public string Whence { get; init; } =
        typeof(MapperProvenance).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    internal Dictionary<string, string> ToMetadata() => new()
    {
        ["format"] = FormatName,
        ["version"] = CurrentVersion.ToString(CultureInfo.InvariantCulture),
        ["provenance"] = JsonSerializer.Serialize(this, JsonSerializerOptions.Web),
    };

    /// <summary>Reads a header; null where it tells nothing.</summary>
    /// <exception cref="WhenceException">Of a newer version, or not the JSON that it should be.</exception>
    internal static MapperProvenance? FromMetadata(string path, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.GetValueOrDefault("format") != FormatName || !metadata.TryGetValue("provenance", out var json))
        {
            return null;
        }

        if (metadata.GetValueOrDefault("version") is var version && version != CurrentVersion.ToString(CultureInfo.InvariantCulture))
        {
            throw new WhenceException($"'{path}': has format version {version}, this build reads {CurrentVersion}; update Whence.");
        }

        try
        {
            return JsonSerializer.Deserialize<MapperProvenance>(json, JsonSerializerOptions.Web)
                is { Features: not null, Options: not null } read ? read : throw new JsonException("null where an object is needed");
        }
        catch (JsonException e)
        {
            throw new WhenceException($"'{path}': 'provenance' in its header is not the JSON it should be ({e.Message}); train the mappers again.".ReplaceLineEndings(" "), e);
        }
    }
}

/// <summary>A features file that mappers learned from.</summary>
/// <param name="Name">The test case's name.</param>
/// <param name="Sha256">Of the file, lower-case hexadecimal; empty where the features came from elsewhere.</param>
public sealed record MapperSource(string Name, string Sha256);
