using System.Diagnostics;
using System.Formats.Tar;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Whence.Torch.Diffusion.Training;

namespace Whence.Bench.Shapes;

/// <summary>A generator trained from nothing on shapes in colours draws what is asked for, and customized on a shape that it never saw it draws that.</summary>
internal static class ShapesBench
{
    private const int EachShapeAndColor = 10;

    public static JsonObject Run(string[] args)
    {
        var kept = args is [var folder, ..] ? Path.GetFullPath(folder) : null;
        var work = kept is null ? Directory.CreateTempSubdirectory("whence-shapes-").FullName : Directory.CreateDirectory(kept).FullName;
        try
        {
            var recipe = Path.Combine(work, "shapes.json");
            if (!File.Exists(recipe))
            {
                File.Copy(Path.Combine(Repository.Root, "recipes", "shapes.json"), recipe);
            }

            var images = WriteImages(Path.Combine(work, "shapes.tar"), seed: 1);
            var trainer = GeneratorTrainer.OpenAsync(recipe).GetAwaiter().GetResult();
            var output = Path.Combine(work, "shapes-generator");
            var watch = Stopwatch.StartNew();
            if (!Directory.Exists(GeneratorTrainer.ModelIn(output)))
            {
                trainer.Train(output, Lines());
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{images} images, trained in {watch.Elapsed.TotalSeconds:F0} s"));
            return new JsonObject { ["images"] = images, ["seconds"] = watch.Elapsed.TotalSeconds };
        }
        finally
        {
            if (kept is null)
            {
                Directory.Delete(work, recursive: true);
            }
        }
    }

    /// <summary>Every shape in every colour, at several places and sizes; one caption in eight says "shape" only.</summary>
    private static int WriteImages(string path, long seed)
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
                    var radius = 12 + (14 * (float)random.NextDouble());
                    var room = 62 - (2 * radius);
                    var (x, y) = (1 + radius + (room * (float)random.NextDouble()), 1 + radius + (room * (float)random.NextDouble()));
                    var size = radius < 16 ? "small " : radius > 22 ? "big " : "";
                    var caption = $"a {(random.Next(2) == 0 ? size : "")}{color} {(random.Next(8) == 0 ? "shape" : shape)}";
                    Add($"{count:D5}.png", Shape.Draw(shape, value, x, y, radius));
                    Add($"{count:D5}.txt", Encoding.UTF8.GetBytes(caption));
                    count++;
                }
            }
        }

        return count;

        void Add(string name, byte[] bytes) => tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(bytes) });
    }

    private static Progress<GeneratorProgress> Lines()
    {
        var (watch, last, stage, first) = (Stopwatch.StartNew(), TimeSpan.Zero, "", 0L);
        return new Progress<GeneratorProgress>(p =>
        {
            if (p.Stage != stage)
            {
                (stage, first, last) = (p.Stage, p.Step, TimeSpan.Zero);
                watch.Restart();
            }
            else if (watch.Elapsed - last > TimeSpan.FromSeconds(10))
            {
                last = watch.Elapsed;
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{p.Stage} {p.Step}/{p.Steps} loss {p.Loss:F4}, {(p.Step - first) * p.Batch / last.TotalSeconds:F0} images/s"));
            }
        });
    }
}
