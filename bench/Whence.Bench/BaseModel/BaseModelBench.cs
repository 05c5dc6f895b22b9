using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Datasets.Emoji;
using Whence.Torch.Diffusion;
using Whence.Torch.Diffusion.Training;

namespace Whence.Bench.BaseModel;

/// <summary>
/// The text-to-image model of drawings: does it draw what prompts say, judged by the training images that its samples are nearest to? Beside chance and ceiling, of prompts seen in training and
/// of objects and styles never seen together; how large it is, what a call takes, and how fast its recipe trains.
/// </summary>
internal static class BaseModelBench
{
    public static JsonObject Run(string[] args)
    {
        if (args is [TrainingSpeed.Child, var recipe, var tar, var seconds])
        {
            TrainingSpeed.Run(recipe, tar, double.Parse(seconds, CultureInfo.InvariantCulture));
            Environment.Exit(0);
        }

        var options = BaseModelOptions.Parse(args);
        Directory.CreateDirectory(options.Folder);
        EmojiArtwork Artwork() => EmojiArtwork.LoadAsync(PackageLock.Shipped, p => Path.Combine(options.Packages, p.FileName)).GetAwaiter().GetResult();
        var train = Path.Combine(options.Data ?? Render(options.Folder, Artwork), "train.tar");
        var figures = new JsonObject { ["model"] = options.Model, ["recipe"] = options.Recipe };
        if (options.Samples)
        {
            using var model = DiffusionModel.Open(options.Model);
            figures["size"] = ModelSize.Measure(model);
            using var encoder = new PictureEncoder();
            var gallery = Gallery.LoadAsync(train, GeneratorRecipe.Load(options.Recipe).Where, encoder, options.Folder).GetAwaiter().GetResult();
            var obeyed = new PromptsObeyed(model, gallery, encoder, options);
            figures["seen"] = obeyed.Seen();
            figures["unseen"] = obeyed.Unseen(Artwork());
            Console.WriteLine($"\nsheets: {options.Folder}");
        }

        if (options.Training)
        {
            figures["training"] = TrainingSpeed.Measure(options.Recipe, train, options.Seconds);
        }

        Console.WriteLine();
        return figures;
    }

    private static string Render(string folder, Func<EmojiArtwork> artwork)
    {
        var data = Path.Combine(folder, "emoji64");
        if (!File.Exists(Path.Combine(data, EmojiDataset.ReportName)))
        {
            EmojiDataset.Build(artwork(), PackageLock.Shipped, EmojiRecipe.Shipped, data, Environment.ProcessorCount);
        }

        return data;
    }
}
