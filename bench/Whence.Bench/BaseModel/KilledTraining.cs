using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Files;
using Whence.Torch.Diffusion.Training;
using Whence.Torch.Training;

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
            File.WriteAllText(path, JsonSerializer.Serialize(Shortened(recipe, tar), RecipeJson.Options));
            var (once, killed) = (Training("once"), Training("killed"));
            var (random, clock) = (new Random((int)seed), Stopwatch.StartNew());
            once.Run();
            var (seconds, instants) = (clock.Elapsed.TotalSeconds, new List<double>());
            for (var done = false; !done;)
            {
                TimeSpan? instant = instants.Count < MostKills ? TimeSpan.FromSeconds(random.NextDouble() * seconds) : null;
                done = Directory.Exists(GeneratorTrainer.ModelIn(killed.Folder)) || killed.Run(instant);
                if (!done)
                {
                    instants.Add(instant!.Value.TotalSeconds);
                }
            }

            var (files, equal) = KilledCommand.Compare(GeneratorTrainer.ModelIn(once.Folder), GeneratorTrainer.ModelIn(killed.Folder));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"\n{AutoencoderSteps} steps of the autoencoder and {UNetSteps} of the U-Net: {seconds:F0} s. Killed {instants.Count} times, {string.Join(", ", instants.Select(i => $"{i:F0}"))} s after a start: {files} files of the model equal byte for byte: {equal}"));
            return new JsonObject { ["seconds"] = seconds, ["kills"] = instants.Count, ["instants"] = new JsonArray([.. instants.Select(i => (JsonNode?)i)]), ["files"] = files, ["equal"] = equal };

            KilledCommand Training(string name) => new(Path.Combine(temporary, name), "train-generator", path, "--out", Path.Combine(temporary, name));
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
}
