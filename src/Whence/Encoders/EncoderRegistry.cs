namespace Whence.Encoders;

/// <summary>
/// Finds encoders by name. A spec lies at <c>models/NAME/NAME.json</c> under the application's folder, or at
/// <c>NAME/NAME.json</c> or <c>NAME.json</c> under a folder that the environment variable <c>WHENCE_MODELS</c> lists.
/// </summary>
public sealed class EncoderRegistry
{
    /// <summary>The encoder used when none is named.</summary>
    public const string DefaultName = "resnet18";

    private readonly IReadOnlyList<string> _folders;

    /// <summary>A registry over the application's own models and those of <c>WHENCE_MODELS</c>.</summary>
    public EncoderRegistry()
        : this([Path.Combine(AppContext.BaseDirectory, "models"), .. EnvironmentFolders()])
    {
    }

    /// <summary>A registry over the given folders; the first that knows a name wins.</summary>
    public EncoderRegistry(IReadOnlyList<string> folders) => _folders = folders;

    /// <summary>Paths of all spec files found, by encoder name in ordinal order.</summary>
    public IReadOnlyDictionary<string, string> Find()
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var folder in _folders.Where(Directory.Exists))
        {
            var nested = Directory.EnumerateDirectories(folder).Select(d => Path.Combine(d, Path.GetFileName(d) + ".json"));
            foreach (var path in nested.Where(File.Exists).Concat(Directory.EnumerateFiles(folder, "*.json")))
            {
                found.TryAdd(Path.GetFileNameWithoutExtension(path), path);
            }
        }

        return found;
    }

    /// <summary>Loads the spec of a name, or of a spec file given by its path.</summary>
    /// <param name="nameOrPath">A name that <see cref="Find"/> lists, or the path of a <c>.json</c> spec.</param>
    /// <exception cref="WhenceException">Nothing is known by that name; the message lists what is.</exception>
    public EncoderSpec Resolve(string nameOrPath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(nameOrPath);
        if (nameOrPath.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || File.Exists(nameOrPath))
        {
            return EncoderSpec.Load(nameOrPath);
        }

        var found = Find();
        return found.TryGetValue(nameOrPath, out var path)
            ? EncoderSpec.Load(path)
            : throw new WhenceException(
                $"No encoder is called '{nameOrPath}'; known: {(found.Count == 0 ? "none" : string.Join(", ", found.Keys))}. Give the path of a spec file, or list its folder in WHENCE_MODELS.");
    }

    private static string[] EnvironmentFolders() =>
        (Environment.GetEnvironmentVariable("WHENCE_MODELS") ?? "").Split(
            Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
