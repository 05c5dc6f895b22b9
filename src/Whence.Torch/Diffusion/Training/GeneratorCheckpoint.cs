using System.Globalization;
using System.Text.Json;
using Whence.Files;
using Whence.Reports;
using Whence.Vectors;

namespace Whence.Torch.Diffusion.Training;

/// <summary>Where a generator's training is; its weights lie in the same file. All random numbers follow from the seed and the step.</summary>
/// <param name="Stage">What is trained.</param>
/// <param name="Steps">Steps done.</param>
/// <param name="Points">What was measured so far.</param>
/// <param name="Open">Sums over steps that are not yet a point.</param>
/// <param name="Layout">What the places of the weights mean (<see cref="TrainedWeights.Layout"/>).</param>
internal sealed record GeneratorCheckpoint(string Stage, long Steps, IReadOnlyList<GeneratorPoint> Points, LossSums Open, string Layout)
{
    /// <summary>Writes it beside its place and renames it.</summary>
    public void Save(string path, TrainedWeights weights, IReadOnlyDictionary<string, string> settings) =>
        SafetensorsFile.Write(path, [.. weights.Save("")], GeneratorFile.Metadata("checkpoint", settings, JsonSerializer.Serialize(this)));

    /// <summary>Reads it, and the weights of the stage that it is of.</summary>
    /// <returns>Null where there is no file, or the stage is another.</returns>
    /// <exception cref="WhenceException">Damaged, or of another training; the message says what differs.</exception>
    public static GeneratorCheckpoint? Load(string path, string stage, TrainedWeights weights, IReadOnlyDictionary<string, string> settings)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        using var file = SafetensorsFile.Open(path);
        var checkpoint = GeneratorFile.State<GeneratorCheckpoint>(file, path, "checkpoint", settings, stage);
        if (checkpoint is not null)
        {
            if (checkpoint.Layout != weights.Layout)
            {
                throw new WhenceException($"'{path}': was written by a build whose networks hold other weights; delete it to train anew.");
            }

            weights.Load(file, path, "");
        }

        return checkpoint;
    }
}

/// <summary>Sums of what was measured since the last point of the curve.</summary>
internal sealed record LossSums
{
    public int Count { get; init; }

    public double Loss { get; init; }

    public double Gradient { get; init; }

    public double Error { get; init; }

    public double Divergence { get; init; }

    public LossSums Add(StepLoss loss, double gradient) => new()
    {
        Count = Count + 1,
        Loss = Loss + loss.Loss,
        Gradient = Gradient + gradient,
        Error = Error + (loss.Error ?? 0),
        Divergence = Divergence + (loss.Divergence ?? 0),
    };
}

/// <summary>What a step measured.</summary>
/// <param name="Loss">What is minimised.</param>
/// <param name="Error">Of an autoencoder: mean absolute error.</param>
/// <param name="Divergence">Of an autoencoder: mean divergence.</param>
internal readonly record struct StepLoss(double Loss, double? Error = null, double? Divergence = null);

/// <summary>The headers of the files that a training keeps.</summary>
internal static class GeneratorFile
{
    private const string Format = "whence-generator-training", Version = "1";

    public static Dictionary<string, string> Metadata(string kind, IReadOnlyDictionary<string, string> settings, string state) => new()
    {
        ["format"] = Format,
        ["version"] = Version,
        ["kind"] = kind,
        ["settings"] = JsonSerializer.Serialize(settings),
        ["state"] = state,
    };

    /// <summary>The state in a header.</summary>
    /// <returns>Null where it is of another stage.</returns>
    /// <exception cref="WhenceException">Damaged, or of another training.</exception>
    public static T? State<T>(SafetensorsFile file, string path, string kind, IReadOnlyDictionary<string, string> settings, string? stage = null)
        where T : class
    {
        if (file.Metadata.GetValueOrDefault("format") != Format || file.Metadata.GetValueOrDefault("version") != Version || file.Metadata.GetValueOrDefault("kind") != kind)
        {
            throw new WhenceException($"'{path}': is no file of a training that this build can go on with; delete it to train anew.");
        }

        try
        {
            var state = JsonSerializer.Deserialize<T>(file.Metadata.GetValueOrDefault("state", "")) ?? throw new JsonException("no state");
            if (stage is not null && state is GeneratorCheckpoint checkpoint && checkpoint.Stage != stage)
            {
                return null;
            }

            var saved = JsonSerializer.Deserialize<Dictionary<string, string>>(file.Metadata.GetValueOrDefault("settings", "")) ?? throw new JsonException("no settings");
            var different = settings.Keys.Union(saved.Keys).Where(key => settings.GetValueOrDefault(key) != saved.GetValueOrDefault(key)).ToArray();
            return different.Length == 0 ? state : throw new WhenceException(
                $"'{path}': belongs to another training ({Listing.Of([.. different.Select(key => $"{key} {saved.GetValueOrDefault(key, "none")}, not {settings.GetValueOrDefault(key, "none")}")])}); give the same recipe and images, or another --out.");
        }
        catch (JsonException e)
        {
            throw new WhenceException($"'{path}': its header is damaged ({RegularFile.OneLine(e.Message)}); delete it to train anew.", e);
        }
    }

    /// <summary>All values of sections of a recipe, by their keys: what a result follows from.</summary>
    public static Dictionary<string, string> Settings(GeneratorRecipe recipe, string imagesSha256, int threads, params string[] sections)
    {
        using var document = JsonDocument.Parse(recipe.ToJson());
        var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["images"] = imagesSha256, ["threads"] = threads.ToString(CultureInfo.InvariantCulture) };
        foreach (var section in sections)
        {
            if (document.RootElement.TryGetProperty(section, out var value))
            {
                Add(section, value);
            }
        }

        return settings;

        void Add(string name, JsonElement value)
        {
            if (value.ValueKind != JsonValueKind.Object)
            {
                settings[name] = value.GetRawText();
                return;
            }

            foreach (var property in value.EnumerateObject())
            {
                Add($"{name}.{property.Name}", property.Value);
            }
        }
    }
}
