using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using Whence.Encoders;
using Whence.Files;
using Whence.Torch.Diffusion.Training;
using Whence.Torch.Encoders;
using Whence.Torch.Training;

namespace Whence.Bench.BaseModel;

/// <summary>How fast the recipe trains and what memory that takes, by some seconds of each of its stages, as the trainer runs them, in processes of their own.</summary>
internal static class TrainingSpeed
{
    /// <summary>First argument of a process of its own.</summary>
    public const string Child = "train";

    private const string Autoencoder = "autoencoder", UNet = "unet";

    // A step of training is the forward pass and twice as much backward: gradients of what came in, and of the weights.
    private const double PassesPerStep = 3, FlopsPerMultiplyAdd = 2;
    private const int WarmUp = 3, Side = 2048;

    /// <summary>Trains for a while and prints a table.</summary>
    /// <param name="recipe">What is trained, its paths absolute.</param>
    /// <param name="name">What the recipe is called.</param>
    /// <param name="tar">What is trained with.</param>
    /// <param name="seconds">How long each stage is trained.</param>
    public static JsonObject Measure(GeneratorRecipe recipe, string name, string tar, double seconds)
    {
        recipe = recipe with { Images = [tar] };
        var few = recipe.Autoencoder with { Training = recipe.Autoencoder.Training with { Steps = WarmUp } };
        var figures = new JsonObject
        {
            [Autoencoder] = Stage(Autoencoder, recipe, seconds),
            [UNet] = Stage(UNet, recipe with { Autoencoder = few, Samples = recipe.Samples with { Every = 0 } }, seconds), // of an autoencoder that has learned little; the work is the same
        };
        var (encode, decode) = MultiplyAdds.Of(recipe.AutoencoderSpec());
        var text = MultiplyAdds.Of(new ClipTextSpec { Width = recipe.Text.Width, Depth = recipe.Text.Depth, Heads = recipe.Text.Heads, ContextLength = recipe.Vocabulary.Tokens, Dimension = null });
        (string Stage, long MultiplyAdds, RecipeTraining Training)[] stages =
        [
            (Autoencoder, encode + decode, recipe.Autoencoder.Training),
            (UNet, MultiplyAdds.Of(recipe.UNetSpec(), recipe.Vocabulary.Tokens) + text, recipe.UNet.Training),
        ];
        Console.WriteLine($"\ntraining as {name} has it, {(int)figures[UNet]!["images"]!:N0} images, {Environment.ProcessorCount} threads");
        Console.WriteLine($"{"",-14}{"precision",10}{"batch",7}{"images/s",10}{"GFLOP an image",16}{"GFLOP/s",9}{"peak GFLOP/s",14}{"of the peak",13}{"memory MB",11}");
        foreach (var (stage, multiplyAdds, training) in stages)
        {
            var own = figures[stage]!.AsObject();
            var (rate, flop, peak) = ((double)own["imagesPerSecond"]!, PassesPerStep * FlopsPerMultiplyAdd * multiplyAdds / 1e9, Peak(training.Type));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{stage,-14}{(training.Precision == EncoderPrecision.BF16 ? "bfloat16" : "float32"),10}{training.Batch,7}{rate,10:F1}{flop,16:F3}{rate * flop,9:F1}{peak,14:F1}{rate * flop / peak,13:P0}{(long)own["peakBytes"]! / 1e6,11:F0}"));
            (own["gflopPerImage"], own["gflops"], own["peakGflops"]) = (flop, rate * flop, peak);
        }

        Console.WriteLine("an image's step is counted as three times the forward pass; memory is the most that was resident during the stage");
        return figures;
    }

    /// <summary>The process of its own: prints what it measured as JSON.</summary>
    /// <param name="stage">What is measured.</param>
    /// <param name="recipe">File of the recipe; a folder beside it receives what is trained.</param>
    /// <param name="seconds">How long the stage is trained.</param>
    public static void Run(string stage, string recipe, double seconds)
    {
        // Reads the images itself, so that it lets their pixels go when it has latents of them.
        var trainer = GeneratorTrainer.OpenAsync(recipe).GetAwaiter().GetResult();
        using var stop = new CancellationTokenSource();
        var speed = new Speed(stage, seconds, stop);
        try
        {
            trainer.Train(Path.ChangeExtension(recipe, null), speed, stop.Token);
        }
        catch (OperationCanceledException)
        {
            // long enough
        }

        Console.WriteLine(new JsonObject { ["images"] = trainer.Images.Count, ["steps"] = speed.Steps, ["imagesPerSecond"] = speed.ImagesPerSecond, ["peakBytes"] = speed.PeakBytes }.ToJsonString());
    }

    private static JsonObject Stage(string stage, GeneratorRecipe recipe, double seconds)
    {
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            var path = Path.Combine(temporary, stage + ".json");
            File.WriteAllText(path, JsonSerializer.Serialize(recipe, RecipeJson.Options));
            using var process = Process.Start(
                new ProcessStartInfo(Environment.ProcessPath!, ["base-model", Child, stage, path, seconds.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? JsonNode.Parse(output)!.AsObject() : throw new InvalidOperationException($"The training of the {stage} failed.");
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    /// <summary>GFLOP/s of a product of large matrices: what libtorch reaches here at best.</summary>
    private static double Peak(torch.ScalarType type)
    {
        TorchRuntime.UseAllCores();
        using var scope = torch.NewDisposeScope();
        using var inference = torch.inference_mode();
        var (a, b) = (torch.randn(Side, Side).to(type), torch.randn(Side, Side).to(type));
        var seconds = Enumerable.Range(0, 15).Select(_ => Rounds.Time(() => a.matmul(b).Dispose())).Skip(5).Min();
        return FlopsPerMultiplyAdd * Side * Side * Side / seconds / 1e9;
    }

    /// <summary>Times the steps of a stage after the first few, watches what they hold, and stops the training when it has been long enough.</summary>
    private sealed class Speed(string stage, double seconds, CancellationTokenSource stop) : IProgress<StepProgress>
    {
        private Stopwatch? _watch;
        private bool _first = true;

        public long Steps { get; private set; }

        public double ImagesPerSecond { get; private set; }

        /// <summary>The most that was resident after the stage's first step.</summary>
        public long PeakBytes { get; private set; }

        public void Report(StepProgress value)
        {
            if (value.Stage != stage)
            {
                if (stage == Autoencoder)
                {
                    stop.Cancel(); // the stage was shorter than the time
                }

                return;
            }

            if (_first)
            {
                Memory.ForgetPeak();
                _first = false;
            }

            PeakBytes = Memory.Of(Environment.ProcessId)!.Peak;
            if (value.Step == WarmUp)
            {
                _watch = Stopwatch.StartNew();
            }
            else if (_watch is not null)
            {
                Steps = value.Step - WarmUp;
                ImagesPerSecond = Steps * value.Batch / _watch.Elapsed.TotalSeconds;
                if (_watch.Elapsed.TotalSeconds >= seconds)
                {
                    stop.Cancel();
                }
            }
        }
    }
}
