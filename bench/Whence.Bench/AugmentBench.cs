using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Images;

namespace Whence.Bench;

/// <summary>Augmented views a second on one core, from decoded photographs, beside torchvision's transforms on Pillow's images.</summary>
internal static class AugmentBench
{
    private const int Photos = 48, Side = 224;

    public static JsonObject Run(string[] args)
    {
        var rounds = args is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : 9;
        string[] paths = [.. Directory.GetFiles(Repository.Shared("data", "photos", "distractors"), "*.jpg").Order(StringComparer.Ordinal).Where((_, i) => i % 7 == 0).Take(Photos)];
        var spec = new PreprocessingSpec { Resize = 256, Crop = Side };
        var images = paths.Select(path => ImageDecoder.Decode(File.ReadAllBytes(path))).ToArray();
        var view = new RgbImage(Side, Side);
        using var peer = new Peer("augment.py", 1, $"{Side}", string.Join('\t', paths));
        var sets = new JsonArray();
        Console.WriteLine($"{images.Length} photographs with a short side of 256, views of {Side} x {Side}, medians of {rounds} rounds\n");
        Console.WriteLine($"{"augmentation",-14}{"Whence /s",12}{"torchvision /s",16}{"ratio",8}");
        foreach (var augmentation in Enum.GetValues<Augmentation>())
        {
            var (augmenter, name, round) = (new Augmenter(augmentation, spec, seed: 1), augmentation.ToString().ToLowerInvariant(), 0);
            var (ours, theirs) = Rounds.Medians(
                rounds,
                () =>
                {
                    foreach (var (i, image) in images.Index())
                    {
                        augmenter.ViewTo(image, paths[i], round, view);
                    }

                    round++;
                },
                () => peer.Seconds(name));
            var (whence, torchvision) = (images.Length / ours, images.Length / theirs);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-14}{whence,12:F0}{torchvision,16:F0}{whence / torchvision,8:F2}"));
            sets.Add(new JsonObject
            {
                ["augmentation"] = name,
                ["whencePerSecond"] = Math.Round(whence, 1),
                ["torchvisionPerSecond"] = Math.Round(torchvision, 1),
                ["ratio"] = Math.Round(whence / torchvision, 3),
            });
        }

        return new JsonObject { ["rounds"] = rounds, ["sets"] = sets };
    }
}
