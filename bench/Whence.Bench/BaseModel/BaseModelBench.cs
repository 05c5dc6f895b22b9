using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Datasets.Emoji;
using Whence.Torch.Diffusion;
using Whence.Torch.Diffusion.Training;

namespace Whence.Bench.BaseModel;

/// <summary>
/// The text-to-image model of drawings: does it draw what prompts say, judged by the training images that its samples are nearest to? Beside chance and ceiling, of prompts seen in training and
/// of objects and styles never seen together; how large it is, what a call takes, how fast its recipe trains, and whether a training that is killed ends with the same weights.
/// </summary>
internal static class BaseModelBench
{
    public static JsonObject Run(string[] args)
    {
        if (args is [TrainingSpeed.Child, var stage, var path, var seconds])
        {
            TrainingSpeed.Run(stage, path, double.Parse(seconds, CultureInfo.InvariantCulture));
            Environment.Exit(0);
        }

        var options = BaseModelOptions.Parse(args);
        var (recipe, packages) = (LoadRecipe(options.Recipe), PackageLock.Shipped);
        Directory.CreateDirectory(options.Folder);
        var artwork = new Lazy<EmojiArtwork>(() => EmojiArtwork.LoadAsync(packages, p => Path.Combine(options.Packages, p.FileName)).GetAwaiter().GetResult());
        var data = RenderedData.Open(options.Data ?? Render(options.Folder, artwork.Value, packages), packages);
        var figures = new JsonObject { ["model"] = options.Model, ["recipe"] = options.Recipe, ["trainSha256"] = data.Sha256 };
        if (options.Samples)
        {
            using var model = DiffusionModel.Open(options.Model, new DiffusionOptions { Precision = options.Precision });
            figures["size"] = ModelSize.Measure(model);
            using var encoder = new PictureEncoder();
            var drawings = TrainedDrawings.ReadAsync(data.Tar, recipe.Metadata, recipe.Where).GetAwaiter().GetResult();
            var gallery = Gallery.Load(drawings, data.Sha256, encoder, options.Folder);
            (var guidance, figures["guidance"]) = GuidanceChoice.Make(model, gallery, encoder, options);
            var obeyed = new PromptsObeyed(model, gallery, encoder, guidance, options);
            figures["seen"] = obeyed.Seen();
            figures["unseen"] = obeyed.Unseen(new TruePictures(artwork.Value, data.Report));
            Console.WriteLine($"\nsheets: {options.Folder}");
        }

        if (options.Training)
        {
            figures["training"] = TrainingSpeed.Measure(recipe, Path.GetFileName(options.Recipe), data.Tar, options.Seconds);
        }

        if (options.Kill)
        {
            figures["kill"] = KilledTraining.Measure(recipe, data.Tar, options.Seed);
        }

        Console.WriteLine();
        return figures;
    }

    private static GeneratorRecipe LoadRecipe(string path)
    {
        var recipe = GeneratorRecipe.Load(path);
        return recipe.Images is [var images] && Path.GetFileName(images) == RenderedData.TrainName
            ? recipe with { Metadata = recipe.Metadata is { } table ? Path.Combine(Path.GetDirectoryName(path)!, table) : null }
            : throw new WhenceException($"{path}: trains with {string.Join(", ", recipe.Images)}; samples are compared with the {RenderedData.TrainName} of 'whence dataset emoji' alone.");
    }

    // Anew each time: what is there may be another state's of the code.
    private static string Render(string folder, EmojiArtwork artwork, PackageLock packages)
    {
        var data = Path.Combine(folder, "emoji64");
        EmojiDataset.Build(artwork, packages, EmojiRecipe.Shipped, data, Environment.ProcessorCount);
        return data;
    }
}
