using System.Diagnostics;
using System.Formats.Tar;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Whence.Files;
using Whence.Torch.Customization;
using Whence.Torch.Diffusion;
using Whence.Torch.Diffusion.Training;
using Whence.Torch.Training;

namespace Whence.Bench.Shapes;

/// <summary>The images that the generator learns from, its training, and its customization to a shape that it never saw.</summary>
internal static class ShapeTraining
{
    private const int EachShapeAndColor = 10, Exemplars = 24, Regularization = 120;

    /// <summary>Colour of the exemplars, which their prompt says, so that V* need not mean it.</summary>
    public const string ExemplarColor = "black";

    /// <summary>The prompt that exemplars are trained with.</summary>
    public const string Prompt = $"a {ExemplarColor} <new1>";

    /// <summary>What a customization is trained with, and how; the rate, the steps and the batch are a small network's, not Stable Diffusion's.</summary>
    private static readonly CustomDiffusionOptions Customization = new() { Steps = 800, Batch = 12, LearningRate = 1e-3, Seed = 1, Augmentation = ExemplarAugmentation.None };

    /// <summary>Trains the generator in a folder, goes on with a training that was cut off there, or takes the one that ended.</summary>
    /// <returns>Images, the time of the training, whichever runs did it, and the folder of the model.</returns>
    public static (int Images, TrainingTime Time, string Model) Train(string work)
    {
        var recipe = Path.Combine(work, "shapes.json");
        if (!File.Exists(recipe))
        {
            File.Copy(Path.Combine(Repository.Root, "recipes", "shapes.json"), recipe);
        }

        WriteImages(Path.Combine(work, "shapes.tar"), seed: 1);
        var output = Path.Combine(work, "shapes-generator");
        var trainer = GeneratorTrainer.OpenAsync(recipe).GetAwaiter().GetResult();
        var speed = new Speed(Path.Combine(work, "training-time.json"));
        if (!Directory.Exists(GeneratorTrainer.ModelIn(output)))
        {
            trainer.Train(output, speed);
            speed.Save();
        }

        return (trainer.Images.Count, speed.Time, GeneratorTrainer.ModelIn(output));
    }

    /// <summary>Customizes a model, which is changed, to the unseen shape as V*.</summary>
    /// <returns>Exemplars and seconds.</returns>
    public static (int Exemplars, double Seconds) Customize(DiffusionModel model, string work)
    {
        var folder = Directory.CreateDirectory(Path.Combine(work, "exemplars")).FullName;
        var files = new List<string>();
        var (random, color) = (new SplitMix64(2, 0), Shape.Colors.Single(c => c.Name == ExemplarColor).Color);
        for (var i = 0; i < Exemplars; i++)
        {
            var (x, y, radius) = Place(ref random);
            files.Add(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{i:D2}.png")));
            File.WriteAllBytes(files[^1], Shape.Draw(Shape.Unseen, color, x, y, radius));
        }

        // Without images of the others, so small a network forgets what "a black shape" was.
        var (others, captions) = (new List<string>(), new List<string>());
        for (var i = 0; i < Regularization; i++)
        {
            var (x, y, radius) = Place(ref random);
            var ((name, value), shape) = (Shape.Colors[i % Shape.Colors.Length], Shape.Known[i / 2 % Shape.Known.Length]);
            captions.Add($"a {name} {(i % 4 < 2 ? shape : "shape")}");
            others.Add(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"other-{i:D3}.png")));
            File.WriteAllBytes(others[^1], Shape.Draw(shape, value, x, y, radius));
        }

        var watch = Stopwatch.StartNew();
        new CustomDiffusionTrainer(
            model, [new CustomizationConcept { Exemplars = files, Prompts = [Prompt] }], Customization, new RegularizationImages(others, captions)).Train();
        return (files.Count, watch.Elapsed.TotalSeconds);
    }

    /// <summary>Every shape in every colour, at several places and sizes; one caption in eight says "shape" only, so that the model knows what "shape" is.</summary>
    private static void WriteImages(string path, long seed)
    {
        var random = new SplitMix64(seed, 0);
        using var tar = new TarWriter(File.Create(path));
        var count = 0;
        foreach (var (color, value) in Shape.Colors)
        {
            foreach (var shape in Shape.Known)
            {
                for (var i = 0; i < EachShapeAndColor; i++)
                {
                    var (x, y, radius) = Place(ref random);
                    var size = radius < 16 ? "small " : radius > 22 ? "big " : "";
                    var caption = $"a {(random.Next(2) == 0 ? size : "")}{color} {(random.Next(8) == 0 ? "shape" : shape)}";
                    Add($"{count:D5}.png", Shape.Draw(shape, value, x, y, radius));
                    Add($"{count:D5}.txt", Encoding.UTF8.GetBytes(caption));
                    count++;
                }
            }
        }

        void Add(string name, byte[] bytes) => tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(bytes) });
    }

    private static (float X, float Y, float Radius) Place(ref SplitMix64 random)
    {
        var radius = 12 + (14 * (float)random.NextDouble());
        var room = 62 - (2 * radius);
        return (1 + radius + (room * (float)random.NextDouble()), 1 + radius + (room * (float)random.NextDouble()), radius);
    }

    /// <summary>What a training took, in all runs that it needed.</summary>
    /// <param name="Seconds">Of training; steps that were lost with a run count too.</param>
    /// <param name="Rates">Images a second of each stage, in the last run that did some of it.</param>
    public sealed record TrainingTime(double Seconds, Dictionary<string, double> Rates);

    // Keeps the time in a file, so that the run that goes on knows it.
    private sealed class Speed : IProgress<StepProgress>
    {
        private readonly string _path;
        private readonly TrainingTime _before;
        private readonly Stopwatch _all = Stopwatch.StartNew(), _stageTime = Stopwatch.StartNew();
        private TimeSpan _last;
        private string _stage = "";
        private long _first;

        public Speed(string path)
        {
            _path = path;
            Time = _before = File.Exists(path) ? JsonSerializer.Deserialize<TrainingTime>(File.ReadAllBytes(path))! : new(0, []);
        }

        public TrainingTime Time { get; private set; }

        public void Save()
        {
            Time = _before with { Seconds = _before.Seconds + _all.Elapsed.TotalSeconds };
            AtomicFile.Write(_path, stream => JsonSerializer.Serialize(stream, Time));
        }

        public void Report(StepProgress value)
        {
            if (value.Stage != _stage)
            {
                (_stage, _first, _last) = (value.Stage, value.Step, TimeSpan.Zero);
                _stageTime.Restart();
                return;
            }

            var rate = Time.Rates[value.Stage] = (value.Step - _first) * value.Batch / _stageTime.Elapsed.TotalSeconds;
            if (_stageTime.Elapsed - _last > TimeSpan.FromSeconds(10))
            {
                _last = _stageTime.Elapsed;
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{value.Stage} {value.Step}/{value.Steps} loss {value.Loss:F4}, {rate:F0} images/s"));
                Save();
            }
        }
    }
}
