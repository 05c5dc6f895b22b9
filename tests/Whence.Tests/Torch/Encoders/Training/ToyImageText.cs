using System.Text.Json.Nodes;
using Whence.Datasets;
using Whence.Tests.Torch.Diffusion.Training;
using Whence.Torch.Encoders.Training;

namespace Whence.Tests.Torch.Encoders.Training;

/// <summary>An encoder of images and texts so small that it is trained in a second: 16 x 16 pixels, two colours.</summary>
internal static class ToyImageText
{
    public const string Recipe = """
        {
          "format": "whence-image-text", "version": 1, "name": "toy",
          "images": ["images"], // beside the recipe
          "size": 16, "seed": 3, "dimension": 8,
          "vocabulary": { "most": 540, "reserved": 2, "tokens": 8 },
          "text": { "width": 16, "depth": 1, "heads": 2 },
          "image": { "patch": 4, "width": 16, "depth": 2, "heads": 2 },
          "augmentation": { "shift": 2 },
          "training": { "steps": 8, "batch": 6, "learningRate": 0.003, "warmup": 2, "average": 0.9 },
          "checkpoint": { "steps": 1, "seconds": 1000 },
        }
        """;

    /// <summary>Writes the recipe and its images.</summary>
    /// <returns>The recipe.</returns>
    public static string Write(string folder, Action<JsonObject>? change = null) => ToyGenerator.Write(folder, Recipe, change);

    /// <summary>The recipe without its file.</summary>
    public static ImageTextRecipe Load()
    {
        using var temp = new TempFolder();
        return ImageTextRecipe.Load(Write(temp.Path));
    }

    /// <summary>Images without files: every second one is red, the others are blue, each as bright as no other.</summary>
    public static CaptionedImages Images(int count = 12) => CaptionedImages.Of(16, [.. Enumerable.Range(0, count).Select(i =>
        ((byte[])[.. Enumerable.Range(0, 16 * 16 * 3).Select(p => (byte)(p % 3 == (i % 2 == 0 ? 0 : 2) ? 100 + (10 * i) : 10))], $"a {(i % 2 == 0 ? "red" : "blue")} thing"))]);
}
