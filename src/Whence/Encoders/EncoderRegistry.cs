namespace Whence.Encoders;

/// <summary>
/// Finds encoders by name. A spec lies at <c>models/NAME/NAME.json</c> under the application's folder, at
/// <c>NAME/NAME.json</c> or <c>NAME.json</c> under a folder that the environment variable <c>WHENCE_MODELS</c> lists, or at
/// <c>models/NAME/NAME.json</c> under <see cref="WhenceHome"/>, looked for in this order. In a folder <c>NAME/</c> may lie what was tuned for the
/// encoder: <c>mapper.safetensors</c> and <c>calibration.json</c>; of several such folders the first counts alone, since a calibration is fitted
/// for the mappers beside it, or for raw features where there are none. What comes with the application is the last of these: one's own goes before it.
/// </summary>
public sealed class EncoderRegistry
{
    /// <summary>The encoder used when none is named.</summary>
    public const string DefaultName = "resnet18";

    /// <summary>Name of the encoder of styles that is always there.</summary>
    internal const string StyleName = "resnet18-style";

    /// <summary>The file that holds an encoder's registered mappers.</summary>
    public const string MapperFile = "mapper.safetensors";

    /// <summary>The file that holds an encoder's registered calibration.</summary>
    public const string CalibrationFile = "calibration.json";

    private readonly IReadOnlyList<string> _folders, _tuned;

    /// <summary>A registry over the application's own models, those of <c>WHENCE_MODELS</c> and those under <see cref="WhenceHome"/>.</summary>
    public EncoderRegistry()
        : this([Application, .. Own()]) => _tuned = [.. Own(), Application];

    /// <summary>A registry over the given folders; the first that knows a name wins.</summary>
    public EncoderRegistry(IReadOnlyList<string> folders) => _folders = _tuned = folders;

    private static string Application => Path.Combine(AppContext.BaseDirectory, "models");

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
        return found.TryGetValue(nameOrPath, out var path) ? EncoderSpec.Load(path) : throw Unknown(nameOrPath, found.Keys);
    }

    /// <summary>Whether a file lies in the application's own models, and nobody registered it.</summary>
    public static bool ComesAlong(string? path) => path?.StartsWith(Application + Path.DirectorySeparatorChar, StringComparison.Ordinal) == true;

    /// <summary>Path of the mappers that are registered for an encoder; null where there are none.</summary>
    public string? FindMapper(string encoder) => FindTuned(encoder, MapperFile);

    /// <summary>Path of the calibration that is registered for an encoder; null where there is none.</summary>
    public string? FindCalibration(string encoder) => FindTuned(encoder, CalibrationFile);

    /// <summary>
    /// Folder in which what is tuned for an encoder is registered: that of its name under the first of <c>WHENCE_MODELS</c>, or under
    /// <see cref="WhenceHome.Models"/> where that variable lists none.
    /// </summary>
    /// <exception cref="WhenceException">There is no such folder, or the encoder has no simple name.</exception>
    public static string FolderToRegister(string encoder)
    {
        if (!IsSimple(encoder))
        {
            throw new WhenceException($"'{encoder}' is no encoder's name; give one that 'whence encoders list' shows.");
        }

        var folder = EnvironmentFolders() is [var first, ..] ? first : WhenceHome.Models;
        return folder is not null
            ? Path.Combine(folder, encoder)
            : throw new WhenceException($"There is no folder to register in; set WHENCE_MODELS or {WhenceHome.Variable} to a folder of your own.");
    }

    private static WhenceException Unknown(string name, IEnumerable<string> known) => new(EncoderCatalogue.Find(name) is { } entry
        ? $"Encoder '{name}' is known but its weights are not here: fetch them with 'whence encoders pull {name}', or where {entry.Model.File} lies already with 'whence encoders pull {name} --from FILE'."
        : $"No encoder is called '{name}'; known: {string.Join(", ", known.DefaultIfEmpty("none"))}. Give the path of a spec file, list its folder in WHENCE_MODELS, or fetch one of 'whence encoders list'.");

    // The name comes from an index's manifest, which somebody else may have written; it must not lead elsewhere.
    private string? FindTuned(string encoder, string file) =>
        IsSimple(encoder) && _tuned.Select(folder => Path.Combine(folder, encoder)).FirstOrDefault(IsTuned) is { } first && Path.Combine(first, file) is var path && File.Exists(path)
            ? path
            : null;

    private static bool IsTuned(string folder) => File.Exists(Path.Combine(folder, MapperFile)) || File.Exists(Path.Combine(folder, CalibrationFile));

    private static bool IsSimple(string encoder) => !encoder.AsSpan().ContainsAny('/', '\\') && encoder is not ("" or "." or "..");

    private static IEnumerable<string> Own() => [.. EnvironmentFolders(), .. WhenceHome.Models is { } models ? [models] : Array.Empty<string>()];

    private static string[] EnvironmentFolders() =>
        (Environment.GetEnvironmentVariable("WHENCE_MODELS") ?? "").Split(
            Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
