using System.Text.Json.Nodes;
using Whence.Datasets;
using Whence.Encoders.Text;
using Whence.Torch.Diffusion;
using Whence.Torch.Diffusion.Training;
using Whence.Torch.Encoders;

namespace Whence.Tests.Torch.Diffusion.Training;

/// <summary>A generator so small that it is trained in a second: 16 x 16 pixels, 12 images of two colours.</summary>
internal static class ToyGenerator
{
    public const string Recipe = """
        // Comments may stand anywhere.
        {
          "format": "whence-generator", "version": 1,
          "images": ["images"], /* beside the recipe */
          "size": 16, "seed": 3,
          "vocabulary": { "most": 540, "reserved": 2, "tokens": 8 },
          "text": { "width": 16, "depth": 1, "heads": 2 },
          "autoencoder": { "patch": 2, "channels": [8, 8], "latentChannels": 2, "normGroups": 4, "training": { "steps": 6, "batch": 5, "learningRate": 0.003, "warmup": 2 } },
          "unet": { "channels": [8, 16], "attention": [false, true], "heads": 2, "normGroups": 4, "training": { "steps": 8, "batch": 5, "learningRate": 0.003, "warmup": 2, "average": 0.9 } },
          "checkpoint": { "steps": 1, "seconds": 1000 },
          "samples": { "prompts": ["a red thing", "a blue thing"], "every": 5, "each": 2, "steps": 3 },
        }
        """;

    /// <summary>Writes the recipe and its images.</summary>
    /// <returns>The recipe.</returns>
    public static string Write(string folder, Action<JsonObject>? change = null) => Write(folder, Recipe, change);

    /// <summary>Writes any recipe that trains with captioned images, and these.</summary>
    /// <returns>The recipe.</returns>
    public static string Write(string folder, string text, Action<JsonObject>? change)
    {
        TestImages.WriteFolder(Path.Combine(folder, "images"), 12);
        for (var i = 0; i < 12; i++)
        {
            File.WriteAllText(Path.Combine(folder, "images", $"{i:D5}.txt"), Caption(i));
        }

        var path = Path.Combine(folder, "recipe.json");
        if (change is null)
        {
            File.WriteAllText(path, text);
            return path;
        }

        var recipe = JsonNode.Parse(text, documentOptions: new() { CommentHandling = System.Text.Json.JsonCommentHandling.Skip, AllowTrailingCommas = true })!.AsObject();
        change(recipe);
        File.WriteAllText(path, recipe.ToJsonString());
        return path;
    }

    /// <summary>Images without files.</summary>
    public static CaptionedImages Images() => CaptionedImages.Of(16, [.. Enumerable.Range(0, 12).Select(i =>
        ((byte[])[.. Enumerable.Range(0, 16 * 16 * 3).Select(p => (byte)(p % 3 == (i % 2 == 0 ? 0 : 2) ? 20 * i : 10))], Caption(i)))]);

    /// <summary>The model that the recipe makes, before it has learned anything.</summary>
    public static DiffusionModel Model()
    {
        using var temp = new TempFolder();
        var recipe = GeneratorRecipe.Load(Write(temp.Path));
        var tokenizer = ClipTokenizer.Learn(Images().Captions, options: new() { ContextLength = recipe.Vocabulary.Tokens });
        var text = new ClipTextSpec { VocabularySize = tokenizer.VocabularySize, Width = recipe.Text.Width, Depth = recipe.Text.Depth, Heads = recipe.Text.Heads, ContextLength = recipe.Vocabulary.Tokens, Dimension = null };
        return DiffusionModel.Create(recipe.UNetSpec(), recipe.AutoencoderSpec(), text, tokenizer, recipe.Seed);
    }

    private static string Caption(int image) => $"a {(image % 2 == 0 ? "red" : "blue")} thing";
}
