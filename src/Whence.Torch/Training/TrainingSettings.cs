using System.Globalization;
using System.Text.Json;
using Whence.Files;

namespace Whence.Torch.Training;

/// <summary>What the result of a stage follows from, by the keys of the recipe: a state is gone on with only where it is the same.</summary>
internal sealed class TrainingSettings
{
    // A default of a key that an earlier build did not know means what that build did.
    private readonly Dictionary<string, string> _defaults;

    private TrainingSettings(string format, Dictionary<string, string> values, Dictionary<string, string> defaults) => (Format, Values, _defaults) = (format, values, defaults);

    /// <summary>What the files of the state say they are: those of other kinds of trainings are not this one's.</summary>
    public string Format { get; }

    /// <summary>The values, as JSON.</summary>
    public IReadOnlyDictionary<string, string> Values { get; }

    /// <summary>All values of sections of a recipe, with the images and the number of threads.</summary>
    /// <param name="format">What the files of the state say they are.</param>
    /// <param name="recipe">What is trained with.</param>
    /// <param name="defaults">A recipe in which every key that may be left out has its default.</param>
    /// <param name="imagesSha256">Checksum of the images and captions.</param>
    /// <param name="threads">Threads of libtorch: the last bits depend on them.</param>
    /// <param name="sections">Keys of the recipe on which the stage depends.</param>
    public static TrainingSettings Of<T>(string format, T recipe, T defaults, string imagesSha256, int threads, params string[] sections)
    {
        var values = ValuesOf(recipe, sections);
        values["images"] = imagesSha256;
        values["threads"] = threads.ToString(CultureInfo.InvariantCulture);
        return new(format, values, ValuesOf(defaults, sections));
    }

    /// <summary>What differs in what was saved, in words.</summary>
    /// <param name="saved">The values of a state.</param>
    /// <param name="sharedOnly">Whether only keys that both have count: of a state of another stage, which follows from other sections too.</param>
    public IReadOnlyList<string> Differences(IReadOnlyDictionary<string, string> saved, bool sharedOnly)
    {
        var compared = sharedOnly ? Values.Keys.Intersect(saved.Keys) : Values.Keys.Union(saved.Keys);
        return [.. compared.Where(key => Values.GetValueOrDefault(key) != Saved(key)).Select(key => $"{key} {Saved(key) ?? "none"}, not {Values.GetValueOrDefault(key, "none")}")];

        string? Saved(string key) => saved.GetValueOrDefault(key) ?? _defaults.GetValueOrDefault(key);
    }

    private static Dictionary<string, string> ValuesOf<T>(T recipe, string[] sections)
    {
        var root = JsonSerializer.SerializeToElement(recipe, RecipeJson.Options);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var section in sections)
        {
            if (root.TryGetProperty(section, out var value))
            {
                Add(section, value);
            }
        }

        return values;

        void Add(string name, JsonElement value)
        {
            if (value.ValueKind != JsonValueKind.Object)
            {
                values[name] = value.GetRawText();
                return;
            }

            foreach (var property in value.EnumerateObject())
            {
                Add($"{name}.{property.Name}", property.Value);
            }
        }
    }
}
