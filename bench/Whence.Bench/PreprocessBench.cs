using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Images;

namespace Whence.Bench;

/// <summary>
/// (a) Every golden crop, from the decoded pixels and from the file: how many pixels differ from Pillow's, and by how much.
/// (b) Images a second on one core beside Pillow + torchvision on the same bytes: decode + resize + crop, and the same up to the
/// normalised numbers that an encoder takes.
/// </summary>
internal static class PreprocessBench
{
    private const int Megapixel = 12, Small = 48;

    private static readonly PreprocessingSpec Spec = new()
    {
        Resize = 256,
        Crop = 224,
        Mean = [0.485f, 0.456f, 0.406f],
        Std = [0.229f, 0.224f, 0.225f],
    };

    public static JsonObject Run(string[] args)
    {
        var rounds = args is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : 9;
        return new JsonObject { ["golden"] = Golden(), ["throughput"] = Throughput(rounds) };
    }

    private static JsonArray Golden()
    {
        var folder = Repository.Shared("reference", "preprocess");
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        var encoders = config.RootElement.GetProperty("encoders").EnumerateObject()
            .Select(encoder => (encoder.Name, Preprocessor: new Preprocessor(GoldenSpec(encoder.Value)))).ToArray();

        Console.WriteLine($"{"file",-14}{"crops",6}{"unequal px from decoded/",26}{"largest",9}{"unequal px from images/",26}{"largest",9}");
        var report = new JsonArray();
        foreach (var path in Directory.GetFiles(Path.Combine(folder, "images")).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileNameWithoutExtension(path);
            var decoded = Decode(Path.Combine(folder, "decoded", $"{name}.png"));
            var fromDecoded = new Difference();
            var fromFile = new Difference();
            foreach (var (encoder, preprocessor) in encoders)
            {
                var expected = Decode(Path.Combine(folder, "crops", $"{name}.{encoder}.png"));
                fromDecoded.Add(expected, preprocessor.Crop(decoded));
                fromFile.Add(expected, preprocessor.Crop(File.ReadAllBytes(path)));
            }

            Console.WriteLine($"{Path.GetFileName(path),-14}{encoders.Length,6}{fromDecoded.Unequal,26}{fromDecoded.Largest,9}{fromFile.Unequal,26}{fromFile.Largest,9}");
            report.Add(new JsonObject
            {
                ["file"] = Path.GetFileName(path),
                ["crops"] = encoders.Length,
                ["pixels"] = fromFile.Pixels,
                ["unequalFromDecoded"] = fromDecoded.Unequal,
                ["largestFromDecoded"] = fromDecoded.Largest,
                ["unequalFromFile"] = fromFile.Unequal,
                ["largestFromFile"] = fromFile.Largest,
            });
        }

        return report;
    }

    private static PreprocessingSpec GoldenSpec(JsonElement encoder) => new()
    {
        Resize = encoder.GetProperty("resize_short_side").GetInt32(),
        Crop = encoder.GetProperty("center_crop").GetInt32(),
        Interpolation = Enum.Parse<Interpolation>(encoder.GetProperty("interpolation").GetString()!, ignoreCase: true),
    };

    private static JsonArray Throughput(int rounds)
    {
        var photos = Directory.GetFiles(Repository.Shared("data", "photos", "distractors"), "*.jpg").Order(StringComparer.Ordinal).ToArray();
        var temporary = Directory.CreateTempSubdirectory("whence-bench-");
        try
        {
            var report = new JsonArray();
            Console.WriteLine($"\n{"set",-24}{"up to",-8}{"images",8}{"Whence /s",12}{"Pillow /s",12}{"ratio",8}");
            using var peer = new Peer("preprocess.py", 1, $"{Spec.Resize}", $"{Spec.Crop}");
            var large = peer.Ask($"make\t{temporary.FullName}\t{string.Join('\t', photos.Where((_, i) => i % 29 == 0).Take(Megapixel))}");
            string[] small = [.. photos.Where((_, i) => i % 7 == 0).Take(Small)];
            foreach (var goal in new[] { "crop", "tensor" })
            {
                report.Add(Compare("1200 x 900, quality 90", large.Split('\t'), goal, peer, rounds));
                report.Add(Compare("short side 256", small, goal, peer, rounds));
            }

            return report;
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    private static JsonObject Compare(string set, string[] paths, string goal, Peer peer, int rounds)
    {
        var files = paths.Select(File.ReadAllBytes).ToArray();
        var preprocessor = new Preprocessor(Spec);
        var crop = new RgbImage(Spec.Crop, Spec.Crop);
        var chw = new float[preprocessor.Length];
        peer.Ask($"load\t{string.Join('\t', paths)}");
        var (ours, theirs) = Rounds.Medians(
            rounds,
            () =>
            {
                foreach (var file in files)
                {
                    _ = goal == "crop" ? preprocessor.CropTo(file, crop) : preprocessor.Preprocess(file, chw);
                }
            },
            () => peer.Seconds(goal));
        var (whence, pillow) = (files.Length / ours, files.Length / theirs);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{set,-24}{goal,-8}{files.Length,8}{whence,12:F1}{pillow,12:F1}{whence / pillow,8:F2}"));
        return new JsonObject
        {
            ["set"] = set,
            ["upTo"] = goal,
            ["images"] = files.Length,
            ["rounds"] = rounds,
            ["whenceImagesPerSecond"] = Math.Round(whence, 1),
            ["pillowImagesPerSecond"] = Math.Round(pillow, 1),
            ["ratio"] = Math.Round(whence / pillow, 3),
        };
    }

    private static RgbImage Decode(string path) => ImageDecoder.Decode(File.ReadAllBytes(path));

    /// <summary>Pixels that differ over several pairs of pictures, and the largest difference of a channel.</summary>
    private sealed class Difference
    {
        public int Pixels { get; private set; }

        public int Unequal { get; private set; }

        public int Largest { get; private set; }

        public void Add(RgbImage expected, RgbImage actual)
        {
            for (var y = 0; y < expected.Height; y++)
            {
                for (var x = 0; x < expected.Width; x++)
                {
                    var (a, b) = (expected[x, y], actual[x, y]);
                    var difference = Math.Max(Math.Abs(a.R - b.R), Math.Max(Math.Abs(a.G - b.G), Math.Abs(a.B - b.B)));
                    Pixels++;
                    Unequal += difference > 0 ? 1 : 0;
                    Largest = Math.Max(Largest, difference);
                }
            }
        }
    }
}
