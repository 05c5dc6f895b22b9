using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Datasets.Emoji;
using Whence.Images;
using Whence.Reports;
using Whence.Torch.Diffusion;
using Whence.Vectors;

namespace Whence.Bench.BaseModel;

/// <summary>Whether a model draws what prompts say, by what its samples are nearest to; beside chance, and beside its autoencoder as the ceiling.</summary>
internal sealed class PromptsObeyed(DiffusionModel model, Gallery gallery, PictureEncoder encoder, BaseModelOptions options)
{
    private const int OnSheet = 24;

    /// <summary>Of captions that it was trained with. Writes the sheets.</summary>
    /// <returns>The figures.</returns>
    public JsonObject Seen()
    {
        var prompts = PromptChoice.Seen(gallery.Drawings, options.Prompts, options.Seed);
        var (judge, table) = (new Judge(gallery, prompts), new ShareTable(prompts));
        var own = gallery.Drawings.Index().ToLookup(d => d.Item.Caption, d => d.Index);
        Picture[] originals = [.. prompts.SelectMany((p, i) => own[p.Text].Take(options.Each).Select(row => new Picture(i, gallery.Image(row), row)))];
        var reconstructions = DrawnPictures.Reconstructions(model, originals);
        var given = Features(reconstructions);
        ShareTable.PrintHeader($"{prompts.Count} prompts seen in training, nearest of {gallery.Drawings.Count:N0} training images");
        table.Add("chance", judge.Chance());
        table.Add("training images of the prompt, each left out itself", judge.Of(originals, Features(originals), withoutOwn: true));
        table.Add("reconstructions", judge.Of(reconstructions, given));
        table.Add("reconstructions, the image itself left out", judge.Of(reconstructions, given, withoutOwn: true));
        var best = Best(prompts, "seen", pictures => judge.Of(pictures, Features(pictures)), (what, judged) => table.Add(what, judged));
        SamplesSheet("samples", $"Samples of prompts seen in training, guidance {Text(best.Guidance)}", prompts, best.Judged);
        NearestSheet("nearest", $"Samples and their nearest training images, guidance {Text(best.Guidance)}", prompts, best.Judged);
        ImageSheet.Draw(
            "reconstructions", "Training images and what the autoencoder gives back", "",
            [.. originals.Zip(reconstructions).DistinctBy(pair => pair.First.Prompt).Take(96).Select(pair => new ImageRow(prompts[pair.First.Prompt].Text, [pair.First.Image, pair.Second.Image]))],
            columns: 6,
            tile: 96).Save(options.Folder);
        return new JsonObject { ["prompts"] = prompts.Count, ["trainingImages"] = gallery.Drawings.Count, ["bestGuidance"] = best.Guidance, ["rows"] = table.Figures };
    }

    /// <summary>Of objects and styles that it was trained with, but never together. Writes the sheet.</summary>
    /// <param name="artwork">What true pictures of them are rendered from.</param>
    public JsonObject Unseen(EmojiArtwork artwork)
    {
        var prompts = PromptChoice.Unseen(gallery.Drawings, EmojiCaption.Of, options.Prompts, options.Seed);
        var truth = DrawnPictures.True(artwork, EmojiRecipe.Shipped, prompts);
        Picture[] originals = [.. truth.SelectMany((images, i) => images.Select((image, j) => new Picture(i, image, gallery.Drawings.Count + j)))];
        var (features, first) = (Features(originals), 0);
        var judge = new Judge(gallery, prompts, [.. truth.Select(images => Rows(features, (first += images.Count) - images.Count, images.Count))]);
        var reconstructions = DrawnPictures.Reconstructions(model, originals);
        var given = Features(reconstructions);
        var (alone, together) = (new ShareTable(prompts), new ShareTable(prompts));
        ShareTable.PrintHeader($"{prompts.Count} prompts of objects and styles never seen together, nearest of {gallery.Drawings.Count:N0} training images");
        alone.Add("chance", judge.Chance(), "both");
        alone.Add("true pictures", judge.Of(originals, features), "both");
        alone.Add("reconstructions of true pictures", judge.Of(reconstructions, given), "both");
        var best = Best(prompts, "unseen", pictures => judge.Of(pictures, Features(pictures)), (what, judged) => alone.Add(what, judged, "both"));

        if (originals.Length > 0)
        {
            ShareTable.PrintHeader("the same where true pictures of the prompt can be rendered, which now are among what is compared with");
            together.Add("chance", [.. judge.Chance(withFurther: true).Index().Where(c => truth[c.Index].Count > 0).Select(c => new JudgedPicture(new Picture(c.Index, originals[0].Image), [], c.Item))]);
            together.Add("true pictures, each left out itself", judge.Of(originals, features, withoutOwn: true, withFurther: true));
            together.Add("reconstructions", judge.Of(reconstructions, given, withFurther: true));
            together.Add("reconstructions, the picture itself left out", judge.Of(reconstructions, given, withoutOwn: true, withFurther: true));
            foreach (var (guidance, pictures) in best.Drawn)
            {
                Picture[] withTruth = [.. pictures.Where(p => truth[p.Prompt].Count > 0)];
                together.Add(What(guidance), judge.Of(withTruth, Features(withTruth), withFurther: true));
            }
        }

        SamplesSheet("samples-unseen", $"Samples of objects and styles never seen together, guidance {Text(best.Guidance)}", prompts, best.Judged);
        NearestSheet("nearest-unseen", $"Samples and their nearest training images, guidance {Text(best.Guidance)}", prompts, best.Judged);
        return new JsonObject { ["prompts"] = prompts.Count, ["bestGuidance"] = best.Guidance, ["rows"] = alone.Figures, ["withTruePictures"] = together.Figures };
    }

    /// <summary>Draws with every guidance; the best is the one that most often has object and style, each by itself.</summary>
    private (double Guidance, IReadOnlyList<JudgedPicture> Judged, IReadOnlyList<(double Guidance, IReadOnlyList<Picture> Pictures)> Drawn) Best(
        IReadOnlyList<AskedPrompt> prompts, string what, Func<IReadOnlyList<Picture>, IReadOnlyList<JudgedPicture>> judge, Func<string, IReadOnlyList<JudgedPicture>, double[]> add)
    {
        var all = options.Guidance.Select(guidance =>
        {
            var pictures = DrawnPictures.Samples(model, prompts, options, guidance, what);
            var judged = judge(pictures);
            var means = add(What(guidance), judged);
            return (Guidance: guidance, Judged: judged, Pictures: pictures, Score: means[0] + means[1]);
        }).ToArray();
        var best = all.MaxBy(one => one.Score);
        return (best.Guidance, best.Judged, [.. all.Select(one => (one.Guidance, one.Pictures))]);
    }

    private FeatureMatrix Features(IReadOnlyList<Picture> pictures) => encoder.Encode(pictures.Count, i => pictures[i].Image);

    private static FeatureMatrix Rows(FeatureMatrix all, int first, int count) => new(count, all.Columns, all.Span.Slice(first * all.Columns, count * all.Columns).ToArray());

    private string What(double guidance) => $"samples, guidance {Text(guidance)}, {options.Steps} steps of {options.Scheduler}";

    private static string Text(double guidance) => guidance.ToString(CultureInfo.InvariantCulture);

    private void SamplesSheet(string name, string title, IReadOnlyList<AskedPrompt> prompts, IReadOnlyList<JudgedPicture> judged) => ImageSheet.Draw(
        name, title, "", [.. judged.GroupBy(j => j.Picture.Prompt).Select(row => new ImageRow(prompts[row.Key].Text, [.. row.Select(j => j.Picture.Image)]))], columns: 5).Save(options.Folder);

    private void NearestSheet(string name, string title, IReadOnlyList<AskedPrompt> prompts, IReadOnlyList<JudgedPicture> judged) => ImageSheet.Draw(
        name, title, "Each sample is followed by the training image that is nearest to it.",
        [
            .. judged.GroupBy(j => j.Picture.Prompt).Take(OnSheet)
                .Select(row => new ImageRow(prompts[row.Key].Text, [.. row.SelectMany(j => (RgbImage[])[j.Picture.Image, gallery.Image(j.Nearest[0])])])),
        ],
        columns: 2).Save(options.Folder);
}
