using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Torch.Diffusion.Training;

namespace Whence.Bench.BaseModel;

/// <summary>
/// The real <c>whence train-generator</c> with a few steps of the recipe, killed (SIGKILL) at random instants and started again until it ends: is the model the one that an uninterrupted
/// run trains, to the byte?
/// </summary>
internal static class KilledTraining
{
    private const int MostKills = 8, AutoencoderSteps = 20, UNetSteps = 24, CheckpointEvery = 2;

    /// <summary>Trains and kills, and prints what came of it.</summary>
    /// <param name="recipe">The recipe; its networks, batches and precisions are trained, with fewer steps and the drawings of one designer.</param>
    /// <param name="tar">Its images.</param>
    /// <param name="seed">Of the instants.</param>
    public static JsonObject Measure(GeneratorRecipe recipe, string tar, long seed)
    {
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            var path = Path.Combine(temporary, "recipe.json");
            File.WriteAllText(path, Shortened(recipe, tar).ToJson());
            var (once, killed) = (new Work(path, Path.Combine(temporary, "once")), new Work(path, Path.Combine(temporary, "killed")));
            var (random, clock) = (new Random((int)seed), Stopwatch.StartNew());
            once.Run(null);
            var (seconds, instants) = (clock.Elapsed.TotalSeconds, new List<double>());
            for (var done = false; !done;)
            {
                TimeSpan? instant = instants.Count < MostKills ? TimeSpan.FromSeconds(random.NextDouble() * seconds) : null;
                done = killed.IsDone || killed.Run(instant);
                if (!done)
                {
                    instants.Add(instant!.Value.TotalSeconds);
                }
            }

            var (files, equal) = once.Compare(killed);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"\n{AutoencoderSteps} steps of the autoencoder and {UNetSteps} of the U-Net: {seconds:F0} s. Killed {instants.Count} times, {string.Join(", ", instants.Select(i => $"{i:F0}"))} s after a start: {files} files of the model equal byte for byte: {equal}"));
            return new JsonObject { ["seconds"] = seconds, ["kills"] = instants.Count, ["instants"] = new JsonArray([.. instants.Select(i => (JsonNode?)i)]), ["files"] = files, ["equal"] = equal };
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static GeneratorRecipe Shortened(GeneratorRecipe recipe, string tar)
    {
        const string OneDesigner = "designer = 'noto'";
        return recipe with
        {
            Images = [Path.GetFullPath(tar)],
            Where = recipe.Where is { } where ? $"({where}) and {OneDesigner}" : OneDesigner,
            Autoencoder = recipe.Autoencoder with { Training = recipe.Autoencoder.Training with { Steps = AutoencoderSteps } },
            UNet = recipe.UNet with { Training = recipe.UNet.Training with { Steps = UNetSteps } },
            Checkpoint = new RecipeCheckpoint { Steps = CheckpointEvery },
            Samples = recipe.Samples with { Prompts = [], Each = 1, Every = 0, Steps = 2 },
        };
    }

    /// <summary>One training and the processes that do it.</summary>
    private sealed class Work(string recipe, string folder)
    {
        /// <summary>Whether the model is there.</summary>
        public bool IsDone => Directory.Exists(GeneratorTrainer.ModelIn(folder));

        /// <summary>Runs the command and kills it after a while; true where it was faster.</summary>
        /// <param name="until">From the start of the process; null: never.</param>
        public bool Run(TimeSpan? until)
        {
            using var process = Cli.Start("train-generator", recipe, "--out", folder);
            if (!process.WaitForExit(until ?? Timeout.InfiniteTimeSpan))
            {
                process.Kill();
            }

            process.WaitForExit();
            return process.ExitCode switch
            {
                0 => true,
                137 => false,
                _ => throw new InvalidOperationException($"whence train-generator ended with {process.ExitCode}."),
            };
        }

        /// <summary>How many files the model has, and whether another training's has the same with the same bytes.</summary>
        public (int Files, bool Equal) Compare(Work other)
        {
            var (own, others) = (Files(), other.Files());
            return (own.Count, own.Keys.SequenceEqual(others.Keys) && own.All(file => others[file.Key].AsSpan().SequenceEqual(file.Value)));
        }

        private SortedDictionary<string, byte[]> Files()
        {
            var model = GeneratorTrainer.ModelIn(folder);
            return new(Directory.EnumerateFiles(model, "*", SearchOption.AllDirectories).ToDictionary(path => Path.GetRelativePath(model, path), File.ReadAllBytes), StringComparer.Ordinal);
        }
    }
}
