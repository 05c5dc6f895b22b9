using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Tests.Torch.Mapping;
using Whence.Torch.Study;
using Whence.Vectors;

namespace Whence.Tests.Torch.Study;

/// <summary>A study of features whose truth is a rotation (<see cref="Turned"/>): objects and styles, two variants, a few epochs.</summary>
public static class ToyStudy
{
    public const int Dimension = 8;

    public static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes the features and <c>recipe.json</c> into a folder.</summary>
    /// <returns>The recipe's path.</returns>
    public static string Write(string folder, Action<JsonNode>? change = null)
    {
        Directory.CreateDirectory(folder);
        var turned = new Turned(Dimension, seed: 5, noise: 0.6);
        foreach (var (name, models) in new[]
        {
            ("train_objects", 40), ("train_styles", 30), ("val_objects", 12), ("val_styles", 12), ("test_observed_imagenet", 24), ("test_artchive", 20),
        })
        {
            turned.Models(name, models, name.Contains("styles", StringComparison.Ordinal) || name.Contains("artchive", StringComparison.Ordinal) ? 3 : 1)
                .Save(Path.Combine(folder, $"{name}.safetensors"));
        }

        var distractors = turned.Models("d", 300).Exemplars;
        SafetensorsFile.Write(Path.Combine(folder, "distractors.safetensors"), [TensorData.FromSingle("feats", distractors.Span, distractors.Rows, Dimension)]);
        var recipe = JsonNode.Parse(
            """
            {
              "format": "whence-study", "version": 1,
              "spaces": [
                {
                  "label": "Toy", "encoder": "clip", "distractors": "distractors.safetensors",
                  "train": {"objects": ["train_objects.safetensors"], "styles": ["train_styles.safetensors"]},
                  "validation": ["val_objects.safetensors", "val_styles.safetensors"],
                  "test": ["test_observed_imagenet.safetensors", "test_artchive.safetensors"]
                }
              ],
              "variants": [
                {"name": "object+style", "train": "both"},
                {"name": "channel", "train": "both", "kind": "channel", "calibrate": false}
              ],
              "training": {"epochs": 12, "batch": 16, "learningRate": 0.02},
              "validation": {"every": 4},
              "evaluation": {"recallAt": [1, 5, 10], "resamples": 200},
              "calibration": {"queries": 64, "top": 100, "steps": 30}
            }
            """)!;
        change?.Invoke(recipe);
        var path = Path.Combine(folder, "recipe.json");
        File.WriteAllText(path, recipe.ToJsonString(Indented));
        return path;
    }

    /// <summary>Runs it with one thread, so that the same bytes come out.</summary>
    /// <returns>What it did, and the lines that it told.</returns>
    public static async Task<(StudyResult Result, List<string> Lines)> RunAsync(string recipe, string output, Action<string>? line = null, CancellationToken cancellation = default)
    {
        var lines = new List<string>();
        var run = await StudyRun.OpenAsync(recipe, output, new StudySettings
        {
            Threads = 1,
            CheckpointEvery = TimeSpan.Zero,
            Line = text =>
        {
            lines.Add(text);
            line?.Invoke(text);
        }
        }, cancellation);
        return (await run.RunAsync(cancellation), lines);
    }

    /// <summary>Every file of a report with its content.</summary>
    public static Dictionary<string, string> Report(string output) => Directory.EnumerateFiles(Path.Combine(output, "report"), "*", SearchOption.AllDirectories)
        .ToDictionary(f => Path.GetRelativePath(output, f), f => Convert.ToHexString(File.ReadAllBytes(f)));

    /// <summary>A study that was run once, to be copied.</summary>
    public sealed class Finished : IAsyncLifetime, IDisposable
    {
        private readonly TempFolder _temp = new();

        public StudyResult Result { get; private set; } = null!;

        public Dictionary<string, string> Report { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            (Result, _) = await RunAsync(Write(_temp["r"]), _temp["out"]);
            Report = ToyStudy.Report(_temp["out"]);
        }

        /// <summary>Copies recipe and features to <c>r</c>, and what came of them to <c>out</c>.</summary>
        /// <returns>The recipe.</returns>
        public string CopyTo(string folder)
        {
            foreach (var file in Directory.EnumerateFiles(_temp.Path, "*", SearchOption.AllDirectories))
            {
                var copy = Path.Combine(folder, Path.GetRelativePath(_temp.Path, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }

            return Path.Combine(folder, "r", "recipe.json");
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        public void Dispose() => _temp.Dispose();
    }
}
