using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Whence.Reports;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Mapping;

/// <summary>
/// All that a training needs to go on as if it had never been interrupted: weights, statistics and Adam's moments, the epoch (from which and
/// from the seed all random numbers follow), the curve so far, and the best mappers. A .safetensors file, written whole or not at all.
/// </summary>
internal sealed record TrainingCheckpoint
{
    private const string FormatName = "whence-training";
    private const int CurrentVersion = 1;
    private const string NowPrefix = "now.", BestPrefix = "best.";

    /// <summary>What the training was started with, as text by name; another training cannot go on from here.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>Epochs done, with what they measured.</summary>
    public required IReadOnlyList<TrainingEpoch> Curve { get; init; }

    /// <summary>Steps done.</summary>
    public required long Steps { get; init; }

    /// <summary>State of the mappers and their optimiser.</summary>
    public required IReadOnlyList<TensorData> Now { get; init; }

    /// <summary>State of the mappers at their best so far; empty where nothing was measured.</summary>
    public required IReadOnlyList<TensorData> Best { get; init; }

    /// <summary>Writes it beside its place and renames it.</summary>
    public void Save(string path) => SafetensorsFile.Write(
        path,
        [.. Now.Select(t => t.Renamed(NowPrefix + t.Name)), .. Best.Select(t => t.Renamed(BestPrefix + t.Name))],
        new Dictionary<string, string>
        {
            ["format"] = FormatName,
            ["version"] = CurrentVersion.ToString(CultureInfo.InvariantCulture),
            ["settings"] = JsonSerializer.Serialize(Settings),
            ["curve"] = JsonSerializer.Serialize(Curve),
            ["steps"] = Steps.ToString(CultureInfo.InvariantCulture),
        });

    /// <summary>Reads a checkpoint of the training with these settings.</summary>
    /// <exception cref="WhenceException">Damaged, or of another training; the message says what differs.</exception>
    public static TrainingCheckpoint Load(string path, IReadOnlyDictionary<string, string> settings)
    {
        using var file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("format") != FormatName || file.Metadata.GetValueOrDefault("version") != CurrentVersion.ToString(CultureInfo.InvariantCulture))
        {
            throw new WhenceException($"'{path}': is no checkpoint of a training that this build can go on with; delete it to train anew.");
        }

        try
        {
            var saved = JsonSerializer.Deserialize<Dictionary<string, string>>(file.Metadata.GetValueOrDefault("settings", ""))
                ?? throw new JsonException("no settings");
            var different = settings.Keys.Union(saved.Keys).Where(key => settings.GetValueOrDefault(key) != saved.GetValueOrDefault(key)).ToArray();
            if (different.Length > 0)
            {
                throw new WhenceException(
                    $"'{path}': belongs to another training ({Listing.Of([.. different.Select(key => $"{key} {saved.GetValueOrDefault(key, "none")}, not {settings.GetValueOrDefault(key, "none")}")])}); give the same options and files, or delete it to train anew.");
            }

            return new TrainingCheckpoint
            {
                Settings = saved,
                Curve = JsonSerializer.Deserialize<TrainingEpoch[]>(file.Metadata.GetValueOrDefault("curve", "")) ?? throw new JsonException("no curve"),
                Steps = long.Parse(file.Metadata.GetValueOrDefault("steps", ""), NumberStyles.None, CultureInfo.InvariantCulture),
                Now = Read(file, NowPrefix),
                Best = Read(file, BestPrefix),
            };
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException)
        {
            throw new WhenceException($"'{path}': its header is damaged ({e.Message.ReplaceLineEndings(" ")}); delete it to train anew.", e);
        }
    }

    private static TensorData[] Read(SafetensorsFile file, string prefix) => [.. file.Tensors
        .Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal))
        .Select(t => t.Value.Type.IsInteger()
            ? TensorData.FromInt64(t.Key[prefix.Length..], file.ReadInt64(t.Key), [.. t.Value.Shape])
            : TensorData.FromSingle(t.Key[prefix.Length..], file.ReadSingle(t.Key), [.. t.Value.Shape]))];
}

/// <summary>Parameters and buffers of a module as named tensors in plain memory, and back.</summary>
internal static class ModuleState
{
    public static IEnumerable<TensorData> Save(string prefix, nn.Module module)
    {
        foreach (var (key, tensor) in module.state_dict())
        {
            yield return tensor.dtype == ScalarType.Int64
                ? TensorData.FromInt64(prefix + key, [tensor.item<long>()], [.. tensor.shape])
                : TensorData.FromSingle(prefix + key, TensorValues.Of(tensor), [.. tensor.shape]);
        }
    }

    /// <exception cref="WhenceException">A tensor is missing or of another shape.</exception>
    public static void Load(string prefix, nn.Module module, IReadOnlyDictionary<string, TensorData> state)
    {
        using var none = no_grad();
        foreach (var (key, tensor) in module.state_dict())
        {
            var saved = Find(state, prefix + key, tensor.shape, tensor.dtype == ScalarType.Int64 ? ElementType.I64 : ElementType.F32);
            if (tensor.dtype == ScalarType.Int64)
            {
                tensor.fill_(MemoryMarshal.Read<long>(saved.ToBytes()));
            }
            else
            {
                MemoryMarshal.Cast<byte, float>(saved.ToBytes()).CopyTo(TensorValues.Of(tensor));
            }
        }
    }

    public static TensorData Find(IReadOnlyDictionary<string, TensorData> state, string name, IReadOnlyList<long> shape, ElementType type = ElementType.F32) =>
        state.TryGetValue(name, out var saved) && saved.Info.Shape.SequenceEqual(shape) && saved.Info.Type == type
            ? saved
            : throw new WhenceException($"The checkpoint has no '{name}' that is {type} [{string.Join(", ", shape)}]; delete it to train anew.");
}
