using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench.Abc;

/// <summary>
/// A data set of customized models: one that is killed again and again, and one that is made in two parts and merged, are compared with one of an uninterrupted run; of one that is there it is measured
/// how much more its samples are like their own exemplars than like others; of a recipe, whether concepts show only where they are asked for; of Stable Diffusion's full size what one model takes.
/// </summary>
internal static class AbcBench
{
    private const string Usage = "bench/run abc [--recipe FILE] [--kills N] [--seed N], or bench/run abc --measure DIR [--seed N] [--sheets DIR], or bench/run abc --unasked RECIPE [--models N] [--seed N] [--sheets DIR], or bench/run abc --only full [--batch N]";

    private static readonly string[] Names = ["--recipe", "--kills", "--seed", "--measure", "--sheets", "--unasked", "--models", "--only", "--batch", AbcFullSize.Child];

    public static JsonObject Run(string[] args)
    {
        string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
        if (args.Length % 2 != 0 || args.Where((_, i) => i % 2 == 0).Except(Names).Any() || Option("--only") is not (null or "full"))
        {
            throw new ArgumentException(Usage);
        }

        var seed = int.Parse(Option("--seed") ?? "1", CultureInfo.InvariantCulture);
        if (Option("--measure") is { } folder)
        {
            return AbcInfluence.Measure(folder, seed, Option("--sheets"));
        }

        if (Option("--unasked") is { } asked)
        {
            return AbcUnasked.Measure(asked, int.Parse(Option("--models") ?? "6", CultureInfo.InvariantCulture), seed, Option("--sheets"));
        }

        if (Option(AbcFullSize.Child) is { } full)
        {
            return AbcFullSize.Build(full);
        }

        var recipe = Path.GetFullPath(Option("--recipe") ?? Path.Combine(Repository.Root, "recipes", "abc-tiny.json"));
        var (kills, batch) = (int.Parse(Option("--kills") ?? "10", CultureInfo.InvariantCulture), int.Parse(Option("--batch") ?? "8", CultureInfo.InvariantCulture));
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            return Option("--only") is null ? Compare(recipe, temporary, kills, new Random(seed)) : AbcFullSize.Run(temporary, batch);
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static JsonObject Compare(string recipe, string temporary, int kills, Random random)
    {
        var (once, killed, clock) = (Build("once"), Build("killed"), Stopwatch.StartNew());
        once.Run();
        var seconds = clock.Elapsed.TotalSeconds;
        string[] images = Directory.GetFiles(once.Folder, "*.png", SearchOption.AllDirectories);
        var bytes = Directory.GetFiles(once.Folder, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{recipe}: {Directory.GetDirectories(Path.Combine(once.Folder, "models")).Length} models, {images.Length} images, {bytes / 1e6:F1} MB in {seconds:F0} s"));

        // Each run may take about twice its share, so that some end within the start and some within the last models.
        var instants = new List<double>();
        for (var done = false; !done;)
        {
            TimeSpan? instant = instants.Count < kills ? TimeSpan.FromSeconds(random.NextDouble() * 4 * seconds / kills) : null;
            done = killed.Run(instant);
            if (!done)
            {
                instants.Add(instant!.Value.TotalSeconds);
            }
        }

        var (files, equal) = KilledCommand.Compare(once.Folder, killed.Folder);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"killed {instants.Count} times, {string.Join(", ", instants.Select(i => $"{i:F1}"))} s after a start: {files} files equal byte for byte: {equal}"));

        Build("first", "--shard", "0/2").Run();
        Build("second", "--shard", "1/2").Run();
        var merged = Path.Combine(temporary, "merged");
        new KilledCommand(merged, "dataset", "merge", Path.Combine(temporary, "first"), Path.Combine(temporary, "second"), "--out", merged).Run();
        var (_, same) = KilledCommand.Compare(once.Folder, merged);
        Console.WriteLine($"two parts merged, equal byte for byte: {same}");
        return new JsonObject
        {
            ["recipe"] = Path.GetFileName(recipe),
            ["seconds"] = seconds,
            ["images"] = images.Length,
            ["bytes"] = bytes,
            ["kills"] = new JsonArray([.. instants.Select(i => (JsonNode?)i)]),
            ["files"] = files,
            ["equal"] = equal,
            ["mergedEqual"] = same,
        };

        KilledCommand Build(string name, params string[] more) => new(Path.Combine(temporary, name), ["dataset", "build", recipe, "--out", Path.Combine(temporary, name), .. more]);
    }
}
