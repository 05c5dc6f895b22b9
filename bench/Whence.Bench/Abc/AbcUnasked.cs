using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using Whence.Bench.BaseModel;
using Whence.Datasets.Abc;
using Whence.Images;
using Whence.Reports;
using Whence.Torch.Abc;
using Whence.Torch.Customization;
using Whence.Torch.Diffusion;

namespace Whence.Bench.Abc;

/// <summary>
/// Does the concept show only where it is asked for? Some models of a recipe are customized anew with their weights kept, and draw the same words with the same noise three times: before, with <c>&lt;new1&gt;</c>,
/// and customized but without it.
/// </summary>
internal static class AbcUnasked
{
    private const int Shown = 4;

    /// <summary>Customizes, draws, measures and prints a table for each encoder.</summary>
    /// <param name="recipe">The recipe of the data set; it has a check, by which words are drawn before.</param>
    /// <param name="count">Models of each set.</param>
    /// <param name="seed">Of the resamples.</param>
    /// <param name="sheets">Folder for a sheet; null for none.</param>
    public static JsonObject Measure(string recipe, int count, int seed, string? sheets)
    {
        var plan = AbcPlan.LoadAsync(recipe).GetAwaiter().GetResult();
        var (check, model) = (plan.Recipe.Check ?? throw new ArgumentException($"{recipe} has no check."), Path.Combine(Path.GetDirectoryName(Path.GetFullPath(recipe))!, plan.Recipe.Model));
        AbcModel[] models =
        [
            .. plan.Models.Where(m => m.Prompt is not null).GroupBy(m => m.Set).SelectMany(set => AbcSheets.Spread([.. set], count)).Select(m => m with { Samples = [.. check.Before(m)] }),
        ];
        var folder = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            new AbcBuilder(plan.Tried(plan.Recipe with { Customization = plan.Recipe.Customization with { Keep = true } }, models), model, folder).Build();
            Drawn[] drawn = [.. models.Select(m => Draw(plan.Recipe, model, folder, AbcRecord.Load(folder, m.Id)))];
            if (sheets is not null)
            {
                Directory.CreateDirectory(sheets);
                ImageSheet.Draw(
                    "unasked", "An exemplar, and the same words drawn three times with the same noise", "by the model before; customized, without <new1>; customized, with it", [.. drawn.Select(Row)], columns: 2).Save(sheets);
            }

            var figures = new JsonObject { ["recipe"] = Path.GetFileName(recipe), ["models"] = models.Length };
            foreach (var name in AbcInfluence.Encoders)
            {
                using var encoder = new PictureEncoder(name);
                figures[name] = SetTable.Print(
                    $"{name}: similarity to the exemplars gained by the customization, and similarity to what was drawn before",
                    [.. drawn.Select(d => Compare(d, encoder))],
                    gains => gains.Set,
                    seed,
                    ("gained where asked for", g => g.Asked),
                    ("gained where not", g => g.Unasked),
                    ("to before, asked for", g => g.AskedToBefore),
                    ("to before, not", g => g.UnaskedToBefore));
            }

            return figures;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Drawn Draw(AbcRecipe recipe, string model, string folder, AbcRecord record)
    {
        using var network = DiffusionModel.Open(model, new DiffusionOptions { Precision = recipe.Precision });
        ConceptLoader.Apply(network, (record.Id, ConceptLoader.Load(network, Path.Combine(folder, record.Concept!.Path))));
        GenerationRequest[] requests = [.. record.Before!.Select(before => new GenerationRequest { Prompt = before.Prompt, Seed = before.Seed })];
        RgbImage[] unasked = [.. new ImageGenerator(network, AbcBuilder.Sampling(recipe, network)).Generate(requests).Select(drawn => drawn.Image)];
        return new Drawn(record, Read(record.Exemplars.Select(e => e.Path)), Read(record.Before!.Select(b => b.Path)), unasked, Read(record.Samples.Select(s => s.Path)));

        RgbImage[] Read(IEnumerable<string> paths) => [.. paths.Select(path => ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(folder, path))))];
    }

    private static Gains Compare(Drawn drawn, PictureEncoder encoder)
    {
        float[][] exemplars = Features(drawn.Exemplars), before = Features(drawn.Before), unasked = Features(drawn.Unasked), asked = Features(drawn.Asked);
        var earlier = ToExemplars(before);
        return new Gains(drawn.Record.Set, ToExemplars(asked) - earlier, ToExemplars(unasked) - earlier, Same(asked), Same(unasked));

        float[][] Features(RgbImage[] images)
        {
            var features = encoder.Encode(images.Length, i => images[i]);
            return [.. Enumerable.Range(0, images.Length).Select(i => features.Row(i).ToArray())];
        }

        double ToExemplars(float[][] pictures) => pictures.Average(picture => exemplars.Average(exemplar => (double)TensorPrimitives.Dot<float>(picture, exemplar)));

        double Same(float[][] pictures) => pictures.Zip(before, (a, b) => (double)TensorPrimitives.Dot<float>(a, b)).Average();
    }

    private static ImageRow Row(Drawn drawn) => new(
        $"{drawn.Record.Category ?? drawn.Record.Group}", [drawn.Exemplars[0], .. ((RgbImage[][])[drawn.Before, drawn.Unasked, drawn.Asked]).SelectMany(images => AbcSheets.Spread(images, Shown))]);

    /// <summary>Pictures of a model, of the same words and noise but for the exemplars.</summary>
    private sealed record Drawn(AbcRecord Record, RgbImage[] Exemplars, RgbImage[] Before, RgbImage[] Unasked, RgbImage[] Asked);

    /// <summary>What a customization changed.</summary>
    private sealed record Gains(string Set, double Asked, double Unasked, double AskedToBefore, double UnaskedToBefore);
}
