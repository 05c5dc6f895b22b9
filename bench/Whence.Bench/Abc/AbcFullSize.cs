using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Bench.Diffusion;
using Whence.Datasets.Abc;
using Whence.Images;
using Whence.Torch.Abc;

namespace Whence.Bench.Abc;

/// <summary>A data set of one model, of Stable Diffusion 1.x in its full size with random weights, by the builder that makes all: seconds and memory of its stages, in a process of its own.</summary>
internal static class AbcFullSize
{
    /// <summary>What the process is called with that builds; the folder follows.</summary>
    public const string Child = "--build-full";

    private const int Steps = 2, DrawnSteps = 1, Side = 512;
    private const string RecipeName = "recipe.json", ModelName = "model", DataSetName = "data-set";

    /// <summary>Makes the weights, builds, and prints a table.</summary>
    /// <param name="folder">An empty folder for all of it, 5 GB.</param>
    /// <param name="batch">Images of a step of customization; the recipe of the paper has 8.</param>
    public static JsonObject Run(string folder, int batch)
    {
        var written = Rounds.Time(() => FullSizeModel.Write(Path.Combine(folder, ModelName)));
        WriteRecipe(folder, batch);
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["abc", Child, folder]) { RedirectStandardOutput = true })!;
        var answer = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var figures = process.ExitCode == 0 ? JsonNode.Parse(answer)!.AsObject() : throw new InvalidOperationException($"The build ended with {process.ExitCode}.");
        (figures["batch"], figures["steps"], figures["drawnSteps"], figures["writeSeconds"]) = (batch, Steps, DrawnSteps, written);

        Console.WriteLine($"{"",-52}{"seconds",10}{"peak GB",10}");
        Print("random weights made and written", written);
        Print("data set begun: model opened, checksum of its weights", Seconds("beginSeconds"), figures["beginPeakBytes"]!.GetValue<long>());
        Print($"opened and customized, {Steps} steps, a batch of {batch}", Seconds("customizeSeconds"));
        Print($"{figures["images"]} images drawn together, {DrawnSteps} step; peak of both", Seconds("drawSeconds"), figures["peakBytes"]!.GetValue<long>());
        Print("lists and manifest", Seconds("endSeconds"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"kept weights {figures["weightsBytes"]!.GetValue<long>() / 1e6:F1} MB, an image {figures["imageBytes"]!.GetValue<double>() / 1e6:F2} MB\n"));
        return figures;

        double Seconds(string name) => figures[name]!.GetValue<double>();

        static void Print(string what, double seconds, long? peak = null) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-52}{seconds,10:F1}{peak / 1e9,10:F2}"));
    }

    /// <summary>Builds; the peak while it begins is told apart from that while the model is customized and draws.</summary>
    public static JsonObject Build(string folder)
    {
        var (plan, output, stages) = (AbcPlan.LoadAsync(Path.Combine(folder, RecipeName)).GetAwaiter().GetResult(), Path.Combine(folder, DataSetName), new Stages());
        new AbcBuilder(plan, Path.Combine(folder, ModelName), output).Build(progress: stages);
        var end = stages.Elapsed;
        var model = AbcRecord.Load(output, plan.Models.Single().Id);
        return new JsonObject
        {
            ["beginSeconds"] = stages.Begun.Seconds,
            ["beginPeakBytes"] = stages.Begun.Peak,
            ["customizeSeconds"] = stages.Progress.Customizing,
            ["drawSeconds"] = stages.Progress.Sampling,
            ["peakBytes"] = stages.Made.Peak,
            ["endSeconds"] = end - stages.Made.Seconds,
            ["loss"] = model.Loss,
            ["images"] = model.Samples.Count,
            ["imageBytes"] = model.Samples.Average(sample => Length(sample.Path)),
            ["weightsBytes"] = Length(model.Concept!.Path),
        };

        long Length(string path) => new FileInfo(Path.Combine(output, path)).Length;
    }

    // The paper's recipe but for the numbers of steps and images, with the weights kept. What the exemplar shows is nothing to random weights.
    private static void WriteRecipe(string folder, int batch)
    {
        var exemplar = new RgbImage(Side, Side);
        new Random(1).NextBytes(exemplar.Pixels);
        File.WriteAllBytes(Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "images", "dog")).FullName, "exemplar.png"), PngText.Encode(exemplar, []));
        var recipe = new JsonObject
        {
            ["format"] = "whence-abc",
            ["version"] = 1,
            ["model"] = ModelName,
            ["prompts"] = Path.Combine(Repository.Root, "prompts", "stable-diffusion"),
            ["sets"] = new JsonArray(new JsonObject { ["name"] = "full", ["kind"] = "object", ["images"] = new JsonArray("images"), ["category"] = "folder", ["models"] = new JsonObject { ["train"] = 1 } }),
            ["customization"] = new JsonObject { ["steps"] = Steps, ["batch"] = batch, ["keep"] = true },
            ["sampling"] = new JsonObject { ["steps"] = DrawnSteps, ["trainPrompts"] = 1, ["each"] = 1 },
            ["check"] = null,
        };
        File.WriteAllText(Path.Combine(folder, RecipeName), recipe.ToJsonString());
    }

    /// <summary>Told when the data set is begun and when its model is whole.</summary>
    private sealed class Stages : IProgress<AbcProgress>
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();

        public AbcProgress Progress { get; private set; }

        public (double Seconds, long Peak) Begun { get; private set; }

        public (double Seconds, long Peak) Made { get; private set; }

        public double Elapsed => _clock.Elapsed.TotalSeconds;

        public void Report(AbcProgress value)
        {
            var now = (Elapsed, Memory.Of(Environment.ProcessId)!.Peak);
            (Begun, Made, Progress) = value.Made == 0 ? (now, default, value) : (Begun, now, value);
            Memory.ForgetPeak();
        }
    }
}
