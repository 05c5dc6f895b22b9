using System.IO.Hashing;
using Whence.Datasets.Emoji;
using Whence.Images;

namespace Whence.Bench.BaseModel;

/// <summary>What a data set would hold of objects in treatments, had it drawn them for these: rendered and dropped by the same rules.</summary>
internal sealed class TruePictures
{
    private readonly EmojiRecipe _recipe;
    private readonly HashSet<string> _dropped;
    private readonly EmojiDrawing[] _drawings;

    /// <param name="artwork">What the data set was made of.</param>
    /// <param name="report">What it was made by, and what it dropped.</param>
    public TruePictures(EmojiArtwork artwork, EmojiReport report)
    {
        var samples = new EmojiSamples(report.Recipe);
        _recipe = report.Recipe;
        _dropped = [.. report.DroppedPictures.Select(picture => picture.Split(": ")[0])]; // the key, then why
        _drawings = [.. artwork.Drawings.Where(d => !samples.IsHeldOut(d.Package))];
    }

    /// <summary>
    /// Objects and styles of which there is a picture, though it need not be in the data set: all that a trained designer drew, and treated drawings that were dropped. Most of those that are missing
    /// are equal to another picture, which a model knows by its name.
    /// </summary>
    public IReadOnlySet<(string Object, string Style)> Drawn => _drawings.Select(d => (d.Object.Label, d.Style))
        .Concat(_recipe.Trained.SelectMany(t => _drawings.Where(d => _dropped.Contains(EmojiSamples.KeyOf(d, t))).Select(d => (d.Object.Label, t.Name))))
        .ToHashSet();

    /// <summary>The pictures of what prompts ask for, where that is a treatment: the drawings of all trained designers in it.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="trained">Pictures that are there already: an equal one is left out, of equal true pictures all but the first.</param>
    /// <returns>For each prompt those that there are; none where it asks for a plain drawing.</returns>
    public IReadOnlyList<IReadOnlyList<RgbImage>> Of(IReadOnlyList<AskedPrompt> prompts, IEnumerable<RgbImage> trained)
    {
        var drawings = _drawings.Where(d => !_dropped.Contains(d.Key)).ToLookup(d => d.Object.Label);
        var made = prompts.AsParallel().AsOrdered()
            .Select(p => p.Content.IsTreated ? drawings[p.Content.Object].Select(d => Treated(d, p.Content.Style)).OfType<RgbImage>().ToArray() : [])
            .ToArray();
        var there = trained.Select(Pixels).ToHashSet();
        return [.. made.Select(images => images.Where(image => there.Add(Pixels(image))).ToArray())];
    }

    // By the data set's own code, with this treatment as the only one; null where that drops it.
    private RgbImage? Treated(EmojiDrawing drawing, string style) =>
        new EmojiSamples(_recipe with { TrainedTreatments = [style], TrainedPerDrawing = 1, HeldOutPerDrawing = 0 }).Make(drawing)
            .FirstOrDefault(s => s.IsTreated && s.Drop == EmojiDrop.None) is { } sample ? ImageDecoder.Decode(sample.Png) : null;

    private static UInt128 Pixels(RgbImage image)
    {
        var rgb = new byte[image.Width * image.Height * 3];
        image.CopyRgbTo(rgb);
        return XxHash128.HashToUInt128(rgb);
    }
}
