using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Datasets.Emoji;
using Whence.Datasets.Styles;
using Whence.Encoders;

namespace Whence.Bench;

/// <summary>The data set of drawings, made twice with different numbers of threads: pictures a second, equal bytes, and the cost of its steps.</summary>
internal static class EmojiBench
{
    private const int Sampled = 300;

    public static JsonObject Run(string[] args)
    {
        var source = args is [var given, ..] ? given : WhenceHome.Packages ?? throw new InvalidOperationException("Give the folder of packages.");
        var (packages, recipe) = (PackageLock.Shipped, EmojiRecipe.Shipped);
        var artwork = EmojiArtwork.LoadAsync(packages, p => Path.Combine(source, p.FileName)).GetAwaiter().GetResult();
        var figures = Steps(artwork, recipe);
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            int[] threads = [Environment.ProcessorCount, 1];
            var reports = new List<EmojiReport>();
            foreach (var count in threads)
            {
                var folder = Path.Combine(temporary, $"{count}");
                var seconds = Rounds.Time(() => reports.Add(EmojiDataset.Build(artwork, packages, recipe, folder, count)));
                var pictures = reports[^1].Files.Sum(f => f.Pictures);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} threads: {pictures:N0} pictures in {seconds:F1} s, {pictures / seconds:F0}/s"));
                figures[$"picturesPerSecond{count}"] = pictures / seconds;
            }

            var equal = reports[0].Files.SequenceEqual(reports[1].Files, EqualityComparer<EmojiFileReport>.Create((a, b) => a!.Sha256 == b!.Sha256));
            Console.WriteLine($"dropped: {string.Join(", ", reports[0].Dropped.Select(d => $"{d.Value} {d.Key}"))}; the tar files of both runs are {(equal ? "equal" : "DIFFERENT")}");
            figures["dropped"] = new JsonObject(reports[0].Dropped.Select(d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value)));
            figures["equal"] = equal;
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }

        return figures;
    }

    /// <summary>Milliseconds on one core to render a drawing, and to treat one.</summary>
    private static JsonObject Steps(EmojiArtwork artwork, EmojiRecipe recipe)
    {
        var samples = new EmojiSamples(recipe);
        var drawings = Enumerable.Range(0, Sampled).Select(i => artwork.Drawings[(int)((long)i * artwork.Drawings.Count / Sampled)]).ToArray();
        foreach (var drawing in drawings)
        {
            samples.Render(drawing); // warm
        }

        var render = Rounds.Time(() => Array.ForEach(drawings, d => samples.Render(d))) / Sampled * 1e3;
        var picture = samples.Render(drawings[0]);
        var treat = Treatments.All.ToDictionary(t => t.Name, t =>
        {
            t.Apply(picture, 0);
            return Rounds.Time(() => { for (var i = 0; i < 5; i++) { t.Apply(picture, i); } }) / 5 * 1e3;
        });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"rendering {render:F2} ms; a treatment {treat.Values.Average():F2} ms, the slowest {string.Join(", ", treat.OrderByDescending(t => t.Value).Take(5).Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Key} {t.Value:F1}")))}"));
        return new JsonObject
        {
            ["renderMilliseconds"] = render,
            ["treatMilliseconds"] = new JsonObject(treat.Select(t => KeyValuePair.Create(t.Key, (JsonNode?)t.Value))),
        };
    }
}
