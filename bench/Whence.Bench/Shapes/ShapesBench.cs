using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Reports;
using Whence.Torch.Diffusion;

namespace Whence.Bench.Shapes;

/// <summary>
/// A generator trained from nothing on shapes in colours draws what is asked for, and customized to a shape that it never saw it draws that where it is asked for by V*. Given a folder,
/// the generator stays there: a training that was cut off goes on, one that ended is not done again. The customization and the samples are made anew.
/// </summary>
internal static class ShapesBench
{
    private const int Samples = 64, Steps = 50;
    private const double Guidance = 3;

    public static JsonObject Run(string[] args)
    {
        var kept = args is [var folder, ..] ? Path.GetFullPath(folder) : null;
        var work = kept is null ? Directory.CreateTempSubdirectory("whence-shapes-").FullName : Directory.CreateDirectory(kept).FullName;
        try
        {
            var training = ShapeTraining.Train(work);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{training.Images} images, {training.Time.Seconds:F0} s of training ({string.Join(", ", training.Time.Rates.Select(r => $"{r.Key} {r.Value:F0} images/s"))})"));
            using var model = DiffusionModel.Open(training.Model);
            (string Prompt, string Color, string Shape)[] asked = [.. Enumerable.Range(0, Samples).Select(Pair).Select(pair => ($"a {pair.Color} {pair.Shape}", pair.Color, pair.Shape))];
            var before = Count("trained", model, asked);
            var same = Same(model, [.. asked.Take(5).Select(a => a.Prompt)]);

            var without = Count("asked for a black shape, before customization", model, Asked("shape", all: false));
            var (exemplars, seconds) = ShapeTraining.Customize(model, work);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"customized to {exemplars} exemplars of the unseen shape in {seconds:F0} s"));
            var with = Count("customized, asked for a black V*", model, Asked("<new1>", all: false));
            var colors = Count("customized, asked for V* in every colour", model, Asked("<new1>", all: true));
            var after = Count("customized, asked for a black shape", model, Asked("shape", all: false));
            var still = Count("customized, asked for known shapes", model, asked);
            Sheet(before.Take(30), "shapes", "A generator trained from nothing", "The first 30 of the 64 samples that were counted.").Save(work);
            Sheet([.. with.Take(8), .. colors.Take(8), .. after.Take(8)], "shapes-customized", "Customized to an arrow, which it had never seen", "The first samples with V*, with V* in other colours than the exemplars', and without V*.").Save(work);
            return new JsonObject
            {
                ["images"] = training.Images,
                ["seconds"] = training.Time.Seconds,
                ["imagesPerSecond"] = new JsonObject(training.Time.Rates.Select(r => KeyValuePair.Create(r.Key, (JsonNode?)r.Value))),
                ["sameBytes"] = same,
                ["trained"] = Figures(before),
                ["unseenBefore"] = Figures(without),
                ["exemplars"] = exemplars,
                ["customizationSeconds"] = seconds,
                ["unseenWithToken"] = Figures(with),
                ["unseenWithTokenAllColors"] = Figures(colors),
                ["unseenWithoutToken"] = Figures(after),
                ["knownAfter"] = Figures(still),
            };
        }
        finally
        {
            if (kept is null)
            {
                Directory.Delete(work, recursive: true);
            }
        }
    }

    private static Looked[] Count(string what, DiffusionModel model, (string Prompt, string Color, string Shape)[] asked)
    {
        var generator = new ImageGenerator(model, new GenerationOptions { Steps = Steps, Guidance = Guidance, Batch = 16 });
        var images = generator.Generate([.. asked.Select((a, i) => new GenerationRequest { Prompt = a.Prompt, Seed = i })]);
        Looked[] looked = [.. asked.Zip(images, (a, image) =>
        {
            var (color, shape, _) = ShapeCheck.Look(image.Image);
            return new Looked(a.Prompt, image.Image, color == a.Color, shape == a.Shape);
        })];
        Console.WriteLine($"{what}: of {looked.Length} samples {looked.Count(l => l.Color)} have the colour, {looked.Count(l => l.Shape)} the shape, {looked.Count(l => l.Color && l.Shape)} both");
        return looked;
    }

    // All 60 pairs in as many samples, with all shapes and all colours in the first 30: as 6 and 10 are even, i % 6 and i % 10 alone never pair an even one with an odd one.
    private static (string Color, string Shape) Pair(int i) => (Shape.Colors[i % Shape.Colors.Length].Name, Shape.Known[(i + (i / 30)) % Shape.Known.Length]);

    // Whether images drawn one by one are, byte for byte, those of a second run that draws them side by side.
    private static bool Same(DiffusionModel model, string[] prompts)
    {
        GenerationRequest[] requests = [.. prompts.Select((prompt, i) => new GenerationRequest { Prompt = prompt, Seed = i })];
        return Draw(1).Zip(Draw(requests.Length)).All(pair => pair.First.SequenceEqual(pair.Second));

        IEnumerable<byte[]> Draw(int batch) => new ImageGenerator(model, new GenerationOptions { Steps = 10, Batch = batch }).Generate(requests).Select(drawn =>
        {
            var bytes = new byte[drawn.Image.Width * drawn.Image.Height * 3];
            drawn.Image.CopyRgbTo(bytes);
            return bytes;
        });
    }

    private static (string Prompt, string Color, string Shape)[] Asked(string noun, bool all) => [.. Enumerable.Range(0, Samples)
        .Select(i => all ? Shape.Colors[i % Shape.Colors.Length].Name : ShapeTraining.ExemplarColor).Select(color => ($"a {color} {noun}", color, Shape.Unseen))];

    private static Figure Sheet(IEnumerable<Looked> looked, string name, string title, string subtitle) => ImageSheet.Draw(
        name, title, subtitle, [.. looked.Select(l => new ImageRow(l.Prompt, [l.Image]))], columns: 8, tile: 96);

    private static JsonObject Figures(Looked[] looked) => new()
    {
        ["samples"] = looked.Length,
        ["color"] = looked.Count(l => l.Color),
        ["shape"] = looked.Count(l => l.Shape),
        ["both"] = looked.Count(l => l.Color && l.Shape),
    };

    private sealed record Looked(string Prompt, Whence.Images.RgbImage Image, bool Color, bool Shape);
}
