using Whence.Datasets.Styles;
using Whence.Images;

namespace Whence.Datasets.Emoji;

/// <summary>A style of a data set, shown by a few pictures.</summary>
/// <param name="Name">What captions call it.</param>
/// <param name="Family">"designers", or the family of the treatment.</param>
/// <param name="IsTrained">Whether the base model is trained with it.</param>
/// <param name="Pictures">One for each object; null where the designer lacks it.</param>
public sealed record EmojiStyle(string Name, string Family, bool IsTrained, IReadOnlyList<RgbImage?> Pictures)
{
    /// <summary>The styles of a recipe, on the objects of its sheet.</summary>
    /// <param name="artwork">The drawings.</param>
    /// <param name="recipe">Which designers and objects.</param>
    /// <exception cref="WhenceException">A drawing cannot be rendered.</exception>
    public static IReadOnlyList<EmojiStyle> Of(EmojiArtwork artwork, EmojiRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(artwork);
        ArgumentNullException.ThrowIfNull(recipe);
        var samples = new EmojiSamples(recipe);
        var styles = new List<EmojiStyle>();
        EmojiDrawing?[] first = [];
        foreach (var designer in recipe.Sheet.Designers)
        {
            EmojiDrawing?[] drawings = [.. recipe.Sheet.Objects.Select(label => artwork.Drawings.FirstOrDefault(d => d.Style == designer && d.Object.Label == label))];
            first = first.Length == 0 ? drawings : first;
            styles.Add(new EmojiStyle(designer, "designers", !recipe.HeldOutDesigners.Contains(designer), [.. drawings.Select(d => d is null ? null : EmojiSamples.Averaged(samples.Render(d)))]));
        }

        var finer = first.Select(d => d is null ? null : samples.Render(d)).ToArray();
        styles.AddRange(Treatments.All.Select(t => new EmojiStyle(
            t.Name, t.Family, recipe.TrainedTreatments.Contains(t.Name), [.. finer.Select((image, i) => image is null ? null : samples.Treat(t, image, first[i]!.Key))])));
        return styles;
    }
}
