using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Datasets.Emoji;
using Whence.Images;
using Whence.Reports;
using Whence.Torch.Diffusion;
using Whence.Vectors;

namespace Whence.Bench.BaseModel;

/// <summary>Whether a model draws what prompts say, by what its samples are nearest to; beside chance, and beside its autoencoder as the ceiling.</summary>
internal sealed class PromptsObeyed(DiffusionModel model, Gallery gallery, PictureEncoder encoder, double guidance, BaseModelOptions options)
{
    private const string Both = "both";
    private const int OnSheet = 24;

    private string What => string.Create(CultureInfo.InvariantCulture, $"samples, guidance {guidance}, {options.Steps} steps of {options.Scheduler}");

    /// <summary>Of captions that it was trained with. Writes the sheets.</summary>
    /// <returns>The figures.</returns>
    public JsonObject Seen()
    {
        var prompts = PromptChoice.Seen(gallery.Drawings, options.Prompts, options.Seed);
        var (judge, table) = (new Judge(gallery, prompts), new ShareTable(prompts));
        var own = gallery.Drawings.Index().ToLookup(d => d.Item.Caption, d => d.Index);
        Picture[] originals = [.. prompts.SelectMany((p, i) => own[p.Text].Take(options.Each).Select(row => new Picture(i, gallery.Image(row), row)))];
        var reconstructions = DrawnPictures.Reconstructions(model, originals);
        var given = encoder.Encode(reconstructions);
        table.PrintHeader($"{prompts.Count} prompts seen in training, nearest of {gallery.Drawings.Count:N0} training images");
        table.Add("chance", judge.Chance());
        table.Add("training images of the prompt, each left out itself", judge.Of(originals, encoder.Encode(originals), withoutOwn: true), Both);
        table.Add("reconstructions", judge.Of(reconstructions, given));
        table.Add("reconstructions, the image itself left out", judge.Of(reconstructions, given, withoutOwn: true), Both);
        var samples = DrawnPictures.Samples(model, prompts, options, guidance, "seen");
        var judged = judge.Of(samples, encoder.Encode(samples));
        table.Add(What, judged);
        Sheets("samples", "nearest", "prompts seen in training", prompts, judged);
        ImageSheet.Draw(
            "reconstructions", "Training images and what the autoencoder gives back", "",
            [.. originals.Zip(reconstructions).DistinctBy(pair => pair.First.Prompt).Take(96).Select(pair => new ImageRow(prompts[pair.First.Prompt].Text, [pair.First.Image, pair.Second.Image]))],
            columns: 6,
            tile: 96).Save(options.Folder);
        return new JsonObject { ["prompts"] = prompts.Count, ["trainingImages"] = gallery.Drawings.Count, ["rows"] = table.Figures };
    }

    /// <summary>Of objects and styles that it was trained with, but never together. Writes the sheets.</summary>
    /// <param name="pictures">True pictures of them.</param>
    /// <returns>The figures.</returns>
    /// <exception cref="WhenceException">Every object was trained with in every style.</exception>
    public JsonObject Unseen(TruePictures pictures)
    {
        var prompts = PromptChoice.Unseen(gallery.Drawings, pictures.Drawn, EmojiCaption.Of, options.Prompts, options.Seed);
        if (prompts.Count == 0)
        {
            throw new WhenceException("The model was trained with every object in every style: there are no prompts of objects and styles that it never saw together.");
        }

        var truth = pictures.Of(prompts, Enumerable.Range(0, gallery.Drawings.Count).Select(gallery.Image));
        Picture[] originals = [.. truth.SelectMany((images, i) => images.Select((image, j) => new Picture(i, image, gallery.Drawings.Count + j)))];
        var (features, first) = (encoder.Encode(originals), 0);
        var judge = new Judge(gallery, prompts, [.. truth.Select(images => Rows(features, (first += images.Count) - images.Count, images.Count))]);
        var reconstructions = DrawnPictures.Reconstructions(model, originals);
        var given = encoder.Encode(reconstructions);
        var samples = DrawnPictures.Samples(model, prompts, options, guidance, "unseen");
        var drawn = encoder.Encode(samples);

        var alone = new ShareTable(prompts, Both);
        alone.PrintHeader(
            $"{prompts.Count} prompts of objects and styles never seen together, nearest of {gallery.Drawings.Count:N0} training images\n"
            + "No training image has both, so that the shares of object and style sum to at most 1 in every line.");
        alone.Add("chance", judge.Chance());
        alone.Add("true pictures", judge.Of(originals, features));
        alone.Add("reconstructions of true pictures", judge.Of(reconstructions, given));
        var judged = judge.Of(samples, drawn);
        alone.Add(What, judged);

        var together = new ShareTable(prompts);
        if (originals.Length > 0)
        {
            together.PrintHeader("the same where true pictures of the prompt can be rendered, which now are among what is compared with; one is left out only where there are several");
            together.Add("chance", [.. judge.Chance(withFurther: true).Select((chance, i) => truth[i].Count > 0 ? chance : null)]);
            together.Add("true pictures, each left out itself", With(2, judge.Of(originals, features, withoutOwn: true, withFurther: true)));
            together.Add("reconstructions", judge.Of(reconstructions, given, withFurther: true));
            together.Add("reconstructions, the picture itself left out", With(2, judge.Of(reconstructions, given, withoutOwn: true, withFurther: true)));
            together.Add(What, With(1, judge.Of(samples, drawn, withFurther: true)));
        }

        Sheets("samples-unseen", "nearest-unseen", "objects and styles never seen together", prompts, judged);
        return new JsonObject { ["prompts"] = prompts.Count, ["rows"] = alone.Figures, ["withTruePictures"] = together.Figures };

        JudgedPicture[] With(int least, IReadOnlyList<JudgedPicture> all) => [.. all.Where(j => truth[j.Picture.Prompt].Count >= least)];
    }

    private static FeatureMatrix Rows(FeatureMatrix all, int first, int count) => new(count, all.Columns, all.Span.Slice(first * all.Columns, count * all.Columns).ToArray());

    private void Sheets(string samples, string nearest, string of, IReadOnlyList<AskedPrompt> prompts, IReadOnlyList<JudgedPicture> judged)
    {
        var (with, rows) = (string.Create(CultureInfo.InvariantCulture, $"guidance {guidance}"), judged.GroupBy(j => j.Picture.Prompt).ToArray());
        ImageSheet.Draw(samples, $"Samples of {of}, {with}", "", [.. rows.Select(row => new ImageRow(prompts[row.Key].Text, [.. row.Select(j => j.Picture.Image)]))], columns: 5).Save(options.Folder);
        ImageSheet.Draw(
            nearest,
            $"Samples of {of} and their nearest training images, {with}",
            "Each sample is followed by the training image that is nearest to it.",
            [.. rows.Take(OnSheet).Select(row => new ImageRow(prompts[row.Key].Text, [.. row.SelectMany(j => (RgbImage[])[j.Picture.Image, gallery.Image(j.Nearest[0])])]))],
            columns: 2).Save(options.Folder);
    }
}
