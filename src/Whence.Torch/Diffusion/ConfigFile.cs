using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Files;

namespace Whence.Torch.Diffusion;

/// <summary>
/// A config.json of a diffusers folder. Every entry is asked for, or known to change nothing at a value; what is left over and says anything is an error,
/// since it would change what a network computes.
/// </summary>
internal sealed class ConfigFile
{
    private const int LargestBytes = 1 << 20;

    private readonly string _path;
    private readonly JsonObject _entries;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    private ConfigFile(string path, JsonObject entries) => (_path, _entries) = (path, entries);

    /// <summary>Reads a file.</summary>
    /// <exception cref="WhenceException">It is missing, or no JSON object.</exception>
    public static ConfigFile Read(string path)
    {
        try
        {
            var bytes = RegularFile.ReadAll(path, LargestBytes);
            var entries = JsonNode.Parse(bytes, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) as JsonObject ?? throw new JsonException("no object");
            foreach (var text in entries.SelectMany(entry => entry.Value is JsonArray list ? (IEnumerable<JsonNode?>)list : [entry.Value]).OfType<JsonValue>())
            {
                text.TryGetValue<string>(out _); // half a surrogate is found here
            }

            return new(path, entries);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new WhenceException($"'{path}' is no JSON object ({RegularFile.OneLine(e.Message)}); copy the model's config.json again.", e);
        }
    }

    /// <summary>A whole number within bounds.</summary>
    public int Int(string key, int? standard = null, int least = 1, int most = 1 << 20)
    {
        var number = Number(key, standard);
        return number == Math.Floor(number) && number >= least && number <= most ? (int)number : throw Bad(key, $"a whole number from {least} to {most}");
    }

    /// <summary>A finite number.</summary>
    public double Number(string key, double? standard = null) => Take(key) switch
    {
        null => standard ?? throw Missing(key),
        JsonValue value when value.TryGetValue<double>(out var number) && double.IsFinite(number) => number,
        _ => throw Bad(key, "a number"),
    };

    /// <summary>Yes or no.</summary>
    public bool Flag(string key, bool standard) => Take(key) switch
    {
        null => standard,
        JsonValue value when value.TryGetValue<bool>(out var flag) => flag,
        _ => throw Bad(key, "true or false"),
    };

    /// <summary>A text.</summary>
    public string Text(string key, string? standard = null) => Take(key) switch
    {
        null => standard ?? throw Missing(key),
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        _ => throw Bad(key, "a text"),
    };

    /// <summary>Whether there is an entry that is not null.</summary>
    public bool Has(string key) => _entries[key] is not null;

    /// <summary>Positive whole numbers, at least one.</summary>
    public IReadOnlyList<int> Ints(string key, int most = 1 << 20)
    {
        var list = List(key);
        var numbers = list.Select(entry => entry is JsonValue value && value.TryGetValue<double>(out var number) && number == Math.Floor(number) && number >= 1 && number <= most ? (int)number : 0).ToArray();
        return numbers.Length > 0 && !numbers.Contains(0) ? numbers : throw Bad(key, $"a list of whole numbers from 1 to {most}");
    }

    /// <summary>Texts, at least one.</summary>
    public IReadOnlyList<string> Texts(string key)
    {
        var texts = List(key).Select(entry => entry is JsonValue value && value.TryGetValue<string>(out var text) ? text : "").ToArray();
        return texts.Length > 0 && !texts.Contains("") ? texts : throw Bad(key, "a list of texts");
    }

    /// <summary>One number for all, or a list of as many as there are.</summary>
    public IReadOnlyList<int> IntOrInts(string key, int count)
    {
        if (_entries[key] is not JsonArray)
        {
            return [.. Enumerable.Repeat(Int(key), count)];
        }

        var numbers = Ints(key);
        return numbers.Count == count ? numbers : throw Bad(key, $"one number or {count} of them");
    }

    /// <summary>Entries that need not be there, and that change what is computed unless they have the value given.</summary>
    public void Expect(params (string Key, object? Value)[] entries)
    {
        foreach (var (key, value) in entries)
        {
            var entry = Take(key);
            if (entry is not null && !JsonNode.DeepEquals(entry, JsonValue.Create(value)) && !(value is double number && entry is JsonValue json && json.TryGetValue<double>(out var found) && found == number))
            {
                throw new WhenceException($"'{_path}': '{key}' is {Shown(entry)}, which Whence does not compute; only {(value is null ? "null" : Shown(JsonValue.Create(value)))} is known.");
            }
        }
    }

    /// <summary>Entries that change nothing that is computed here.</summary>
    public void Ignore(params string[] keys) => _known.UnionWith(keys);

    /// <summary>Refuses entries that nobody asked for, unless they are null, false or begin with an underscore.</summary>
    public void RefuseOthers()
    {
        foreach (var (key, value) in _entries)
        {
            if (!_known.Contains(key) && !key.StartsWith('_') && value is not null && value.GetValueKind() != JsonValueKind.False)
            {
                throw new WhenceException($"'{_path}': '{RegularFile.OneLine(key)}' is {Shown(value)}, which Whence does not know; it may change what the network computes.");
            }
        }
    }

    /// <summary>Has what was read check itself, and says of which file an error is.</summary>
    /// <exception cref="WhenceException">It threw an <see cref="ArgumentException"/>.</exception>
    public void Check(Action validate)
    {
        try
        {
            validate();
        }
        catch (ArgumentException e)
        {
            throw new WhenceException($"'{_path}': {e.Message.TrimEnd('.')}; take the model's own config.json.", e);
        }
    }

    /// <summary>An error about an entry.</summary>
    public WhenceException Bad(string key, string needed) =>
        new($"'{_path}': '{key}' is {Shown(_entries[key])}, but must be {needed}; take the model's own config.json.");

    private static string Shown(JsonNode? node)
    {
        var text = RegularFile.OneLine(node?.ToJsonString() ?? "null");
        return text.Length <= 80 ? text : string.Create(CultureInfo.InvariantCulture, $"{text[..80]}...");
    }

    private JsonArray List(string key) => Take(key) switch
    {
        null => throw Missing(key),
        JsonArray { Count: <= 64 } list => list,
        _ => throw Bad(key, "a list of at most 64 entries"),
    };

    private JsonNode? Take(string key)
    {
        _known.Add(key);
        return _entries[key];
    }

    private WhenceException Missing(string key) => new($"'{_path}' has no '{key}'; take the model's own config.json.");
}
