using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using TorchSharp;
using Whence.Datasets;
using Whence.Encoders;
using Whence.Search;
using Whence.Torch.Diffusion;
using Whence.Torch.Diffusion.Training;
using Whence.Torch.Encoders;

namespace Whence.Bench.BaseModel;

/// <summary>How fast the recipe trains, by some seconds of each of its stages in a process of its own.</summary>
internal static class TrainingSpeed
{
    /// <summary>First argument of the process of its own.</summary>
    public const string Child = "train";

    // A step of training is the forward pass and twice as much backward: gradients of what came in, and of the weights.
    private const double PassesPerStep = 3, FlopsPerMultiplyAdd = 2;
    private const int WarmUp = 3, Side = 2048;

    /// <summary>Trains for a while and prints a table.</summary>
    public static JsonObject Measure(string recipePath, string tar, double seconds)
    {
        var recipe = GeneratorRecipe.Load(recipePath);
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["base-model", Child, recipePath, tar, seconds.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var figures = process.ExitCode == 0 ? JsonNode.Parse(output)!.AsObject() : throw new InvalidOperationException("The training failed.");

        var (encode, decode) = MultiplyAdds.Of(recipe.AutoencoderSpec());
        var text = MultiplyAdds.Of(new ClipTextSpec { Width = recipe.Text.Width, Depth = recipe.Text.Depth, Heads = recipe.Text.Heads, ContextLength = recipe.Vocabulary.Tokens, Dimension = null });
        var forward = new Dictionary<string, (long MultiplyAdds, RecipeTraining Training)>
        {
            ["autoencoder"] = (encode + decode, recipe.Autoencoder.Training),
            ["unet"] = (MultiplyAdds.Of(recipe.UNetSpec(), recipe.Vocabulary.Tokens) + text, recipe.UNet.Training),
        };
        Console.WriteLine($"\ntraining as {Path.GetFileName(recipePath)} has it, {(int)figures["images"]!:N0} images, {Environment.ProcessorCount} threads");
        Console.WriteLine($"{"",-14}{"precision",10}{"batch",7}{"images/s",10}{"GFLOP an image",16}{"GFLOP/s",9}{"peak GFLOP/s",14}{"of the peak",13}");
        foreach (var (stage, (multiplyAdds, training)) in forward)
        {
            var own = figures[stage]!.AsObject();
            var (rate, flop, peak) = ((double)own["imagesPerSecond"]!, PassesPerStep * FlopsPerMultiplyAdd * multiplyAdds / 1e9, Peak(training.Type));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{stage,-14}{(training.Precision == EncoderPrecision.BF16 ? "bfloat16" : "float32"),10}{training.Batch,7}{rate,10:F1}{flop,16:F3}{rate * flop,9:F1}{peak,14:F1}{rate * flop / peak,13:P0}"));
            (own["gflopPerImage"], own["gflops"], own["peakGflops"]) = (flop, rate * flop, peak);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"an image's step is counted as three times the forward pass; peak memory {(long)figures["peakBytes"]! / 1e6:F0} MB, {(long)figures["imagesBytes"]! / 1e6:F0} MB of it resident before the training"));
        return figures;
    }

    /// <summary>The process of its own: prints what it measured as JSON.</summary>
    public static void Run(string recipePath, string tar, double seconds)
    {
        var recipe = GeneratorRecipe.Load(recipePath);
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            var where = recipe.Where is { } text ? MetadataPredicate.Parse(text) : null;
            var images = CaptionedImages.LoadAsync([tar], null, recipe.Size, where, Environment.ProcessorCount).GetAwaiter().GetResult();
            var before = Memory.Of(Environment.ProcessId)!.Resident;
            var few = recipe.Autoencoder with { Training = recipe.Autoencoder.Training with { Steps = WarmUp } };
            var figures = new JsonObject
            {
                ["images"] = images.Count,
                ["imagesBytes"] = before,
                ["autoencoder"] = Stage("autoencoder", recipe),
                ["unet"] = Stage("unet", recipe with { Autoencoder = few, Samples = recipe.Samples with { Every = 0 } }), // of an autoencoder that has learned little; the work is the same
            };
            figures["peakBytes"] = Memory.Of(Environment.ProcessId)!.Peak;
            Console.WriteLine(figures.ToJsonString());

            JsonObject Stage(string stage, GeneratorRecipe of)
            {
                using var stop = new CancellationTokenSource();
                var speed = new Speed(stage, seconds, stop);
                try
                {
                    new GeneratorTrainer(of, images).Train(Path.Combine(temporary, stage), speed, stop.Token);
                }
                catch (OperationCanceledException)
                {
                    // long enough
                }

                return new JsonObject { ["imagesPerSecond"] = speed.ImagesPerSecond, ["steps"] = speed.Steps };
            }
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

    /// <summary>Times the steps of a stage after the first few, and stops the training when it has been long enough.</summary>
    private sealed class Speed(string stage, double seconds, CancellationTokenSource stop) : IProgress<GeneratorProgress>
    {
        private Stopwatch? _watch;

        public long Steps { get; private set; }

        public double ImagesPerSecond { get; private set; }

        public void Report(GeneratorProgress value)
        {
            if (value.Stage != stage)
            {
                if (stage == "autoencoder")
                {
                    stop.Cancel(); // the stage was shorter than the time
                }

                return;
            }

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
