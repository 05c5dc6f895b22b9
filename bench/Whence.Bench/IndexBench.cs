using System.Globalization;
using System.Text.Json.Nodes;
using SkiaSharp;
using Whence.Encoders;
using Whence.Images;
using Whence.Search;

namespace Whence.Bench;

/// <summary>
/// What the pipeline costs beyond its two steps: images a second of a whole build beside the rates of the encoder and of the
/// preprocessing alone, two threads each, and the peak of the command's resident memory.
/// </summary>
internal static class IndexBench
{
    private const int Threads = 2, LargeCount = 200, Inputs = 64;

    public static JsonObject Run(string[] args)
    {
        var rounds = args is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : 5;
        var photos = Repository.Shared("data", "photos");
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            using var encoder = new OnnxEncoder(new EncoderRegistry().Resolve(EncoderRegistry.DefaultName));
            Console.WriteLine($"{encoder.Spec.Name}, {Threads} threads, images a second, medians of {rounds} rounds in turns\n");
            Console.WriteLine($"{"files",-26}{"images",8}{"encoder",10}{"preprocessing",15}{"both",8}{"build",8}{"build/both",12}{"rounds",14}{"peak MB",9}");
            return new JsonObject
            {
                ["rounds"] = rounds,
                ["sets"] = new JsonArray(
                    Measure("1200 x 900, quality 90", Enlarge(photos, temporary), encoder, temporary, rounds),
                    Measure("short side 256", photos, encoder, temporary, rounds)),
            };
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static JsonObject Measure(string set, string folder, OnnxEncoder encoder, string temporary, int rounds)
    {
        var files = Files(folder).Select(File.ReadAllBytes).ToArray();
        var preprocessor = new Preprocessor(encoder.Spec.Preprocessing);
        var inputs = files.Take(Inputs).Select(file =>
        {
            var input = new float[preprocessor.Length];
            preprocessor.Preprocess(file, input);
            return input;
        }).ToArray();

        var seconds = Rounds.Seconds(
            rounds,
            1,
            () => OnThreads(files.Length, () => new float[encoder.Spec.Dimension], (i, feature) => encoder.Encode(inputs[i % Inputs], feature)),
            () => OnThreads(files.Length, () => new float[preprocessor.Length], (i, input) => preprocessor.Preprocess(files[i], input)),
            () => Build(folder, encoder, temporary));
        double[] medians = [.. seconds.Select(Rounds.Median)];
        double[] efficiencies = [.. Enumerable.Range(0, rounds).Select(r => (seconds[0][r] + seconds[1][r]) / seconds[2][r])];
        var peak = Cli.PeakOf("index", folder, "--out", Path.Combine(temporary, Path.GetRandomFileName()), "--threads", $"{Threads}");

        var (encode, preprocess, build) = (files.Length / medians[0], files.Length / medians[1], files.Length / medians[2]);
        var both = 1 / ((1 / encode) + (1 / preprocess));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{set,-26}{files.Length,8}{encode,10:F1}{preprocess,15:F1}{both,8:F1}{build,8:F1}{build / both,12:F3}{$"{efficiencies.Min():F2} to {efficiencies.Max():F2}",14}{peak / 1e6,9:F0}"));
        return new JsonObject
        {
            ["set"] = set,
            ["images"] = files.Length,
            ["encoderPerSecond"] = Math.Round(encode, 1),
            ["preprocessingPerSecond"] = Math.Round(preprocess, 1),
            ["buildPerSecond"] = Math.Round(build, 1),
            ["efficiency"] = Math.Round(build / both, 3),
            ["peakBytes"] = peak,
        };
    }

    private static double Build(string folder, OnnxEncoder encoder, string temporary)
    {
        var index = Path.Combine(temporary, Path.GetRandomFileName());
        var seconds = Rounds.Time(() =>
            new IndexBuilder(index, encoder, new IndexBuildOptions { Threads = Threads }).BuildAsync([folder]).GetAwaiter().GetResult());
        Directory.Delete(index, recursive: true);
        return seconds;
    }

    /// <summary>Seconds that n steps take on as many threads as the build has, each with a buffer of its own.</summary>
    private static double OnThreads(int n, Func<float[]> buffer, Action<int, float[]> step) => Rounds.Time(() =>
    {
        var next = -1;
        var threads = Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            var own = buffer();
            for (var i = Interlocked.Increment(ref next); i < n; i = Interlocked.Increment(ref next))
            {
                step(i, own);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
    });

    // The photographs as files of about a megapixel.
    private static string Enlarge(string photos, string temporary)
    {
        var folder = Directory.CreateDirectory(Path.Combine(temporary, "large")).FullName;
        foreach (var path in Files(photos).Take(LargeCount))
        {
            using var photo = SKBitmap.Decode(path);
            using var large = photo.Resize(new SKImageInfo(1200, 900), new SKSamplingOptions(SKCubicResampler.CatmullRom));
            using var jpeg = large.Encode(SKEncodedImageFormat.Jpeg, 90);
            using var file = File.Create(Path.Combine(folder, $"{Path.GetFileName(Path.GetDirectoryName(path))}-{Path.GetFileName(path)}"));
            jpeg.SaveTo(file);
        }

        return folder;
    }

    private static IEnumerable<string> Files(string folder) =>
        Directory.EnumerateFiles(folder, "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal);
}
