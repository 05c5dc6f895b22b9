using System.Text.Json;
using Whence.Files;
using Whence.Reports;
using Whence.Vectors;

namespace Whence.Torch.Training;

/// <summary>Where a training is; its weights lie in the same file. All random numbers follow from the seed and the step.</summary>
/// <param name="Stage">What is trained.</param>
/// <param name="Steps">Steps done.</param>
/// <param name="Points">What was measured so far.</param>
/// <param name="Open">Sums over steps that are not yet a point.</param>
/// <param name="Layout">What the places of the weights mean (<see cref="TrainedWeights.Layout"/>).</param>
internal sealed record TrainingState(string Stage, long Steps, IReadOnlyList<LossPoint> Points, LossSums Open, string Layout)
{
    /// <summary>Writes it beside its place and renames it.</summary>
    public void Save(string path, TrainedWeights weights, TrainingSettings settings) =>
        SafetensorsFile.Write(path, [.. weights.Save("")], StateFile.Metadata("checkpoint", settings, JsonSerializer.Serialize(this)));

    /// <summary>Reads it, and the weights of the stage that it is of.</summary>
    /// <param name="path">The file.</param>
    /// <param name="stage">What is trained now.</param>
    /// <param name="done">The stages before.</param>
    /// <param name="weights">Take the checkpoint's.</param>
    /// <param name="settings">What the result follows from.</param>
    /// <returns>Null where there is no file, or it is of a stage that is done.</returns>
    /// <exception cref="WhenceException">Damaged, of another training (the message says what differs), or of a later stage.</exception>
    public static TrainingState? Load(string path, string stage, IEnumerable<string> done, TrainedWeights weights, TrainingSettings settings)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        using var file = SafetensorsFile.Open(path);
        var checkpoint = StateFile.State<TrainingState>(file, path, "checkpoint", settings, state => state.Stage != stage);
        if (checkpoint.Stage != stage)
        {
            return done.Contains(checkpoint.Stage) ? null : throw new WhenceException(
                $"'{path}': is of the stage '{checkpoint.Stage}', but '{StateFile.AutoencoderName}', with which it began, is gone; put that file back, or delete this one to train anew.");
        }

        if (checkpoint.Layout != weights.Layout)
        {
            throw new WhenceException($"'{path}': was written by a build whose networks hold other weights; delete it to train anew.");
        }

        weights.Load(file, path, "");
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
/// <param name="Error">Of an autoencoder: mean absolute error. Of an encoder of images and texts: share of images whose own caption is not the most similar.</param>
/// <param name="Divergence">Of an autoencoder: mean divergence.</param>
internal readonly record struct StepLoss(double Loss, double? Error = null, double? Divergence = null);

/// <summary>The files that a training keeps, and their headers.</summary>
internal static class StateFile
{
    public const string CheckpointName = "checkpoint.safetensors", AutoencoderName = "autoencoder.safetensors";

    private const string Version = "1";

    public static Dictionary<string, string> Metadata(string kind, TrainingSettings settings, string state) => new()
    {
        ["format"] = settings.Format,
        ["version"] = Version,
        ["kind"] = kind,
        ["settings"] = JsonSerializer.Serialize(settings.Values),
        ["state"] = state,
    };

    /// <summary>Whether there is a file, and it is one that such a training keeps.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">What it must say it is.</param>
    public static bool IsThere(string path, string format)
    {
        try
        {
            using var file = SafetensorsFile.Open(path);
            return file.Metadata.GetValueOrDefault("format") == format;
        }
        catch (WhenceException)
        {
            return false;
        }
    }

    /// <summary>The state in a header.</summary>
    /// <param name="file">Holds it.</param>
    /// <param name="path">Where the file is, for messages.</param>
    /// <param name="kind">What kind of file it must be.</param>
    /// <param name="settings">What the result follows from; the file's must be the same.</param>
    /// <param name="shares">Whether a state is of another stage, which follows from other sections of the recipe too: then only what both follow from must be the same. Null for no.</param>
    /// <exception cref="WhenceException">Damaged, or of another training.</exception>
    public static T State<T>(SafetensorsFile file, string path, string kind, TrainingSettings settings, Func<T, bool>? shares = null)
        where T : class
    {
        if (file.Metadata.GetValueOrDefault("format") != settings.Format || file.Metadata.GetValueOrDefault("version") != Version || file.Metadata.GetValueOrDefault("kind") != kind)
        {
            throw new WhenceException($"'{path}': is no file of a training that this build can go on with; delete it to train anew.");
        }

        try
        {
            var state = JsonSerializer.Deserialize<T>(file.Metadata.GetValueOrDefault("state", "")) ?? throw new JsonException("no state");
            var saved = JsonSerializer.Deserialize<Dictionary<string, string>>(file.Metadata.GetValueOrDefault("settings", "")) ?? throw new JsonException("no settings");
            var different = settings.Differences(saved, sharedOnly: shares?.Invoke(state) == true);
            return different.Count == 0 ? state : throw new WhenceException(
                $"'{path}': belongs to another training ({Listing.Of(different)}); give the same recipe and images, or another --out.");
        }
        catch (JsonException e)
        {
            throw new WhenceException($"'{path}': its header is damaged ({RegularFile.OneLine(e.Message)}); delete it to train anew.", e);
        }
    }

    /// <summary>A tensor of float32.</summary>
    /// <exception cref="WhenceException">The file has none of that name and shape.</exception>
    public static float[] Values(SafetensorsFile file, string path, string name, IReadOnlyList<long> shape) =>
        file.Tensors.TryGetValue(name, out var info) && info.Type == ElementType.F32 && info.Shape.SequenceEqual(shape)
            ? file.ReadSingle(name)
            : throw new WhenceException($"'{path}': has no '{name}' that is F32 [{string.Join(", ", shape)}]; delete it to train anew.");
}
