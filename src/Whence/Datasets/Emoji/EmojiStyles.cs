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
    /// <summary>Largest side of the pictures in pixels, whatever the recipe's size: a sheet holds hundreds.</summary>
    public const int MaxSize = 128;

    /// <summary>The styles of a recipe, on the objects of its sheet, at the recipe's size or at <see cref="MaxSize"/>. A drawing that cannot be rendered counts as one that is not there.</summary>
    /// <param name="artwork">The drawings.</param>
    /// <param name="recipe">Which designers and objects.</param>
    public static IReadOnlyList<EmojiStyle> Of(EmojiArtwork artwork, EmojiRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(artwork);
        ArgumentNullException.ThrowIfNull(recipe);
        var samples = new EmojiSamples(recipe with { Size = Math.Min(recipe.Size, MaxSize) });
        var styles = new List<EmojiStyle>();
        EmojiDrawing?[] first = [];
        foreach (var designer in recipe.Sheet.Designers)
        {
            EmojiDrawing?[] drawings = [.. recipe.Sheet.Objects.Select(label => artwork.Drawings.FirstOrDefault(d => d.Style == designer && d.Object.Label == label))];
            first = first.Length == 0 ? drawings : first;
            styles.Add(new EmojiStyle(designer, "designers", !recipe.HeldOutDesigners.Contains(designer), [.. drawings.Select(d => Render(d) is { } finer ? EmojiSamples.Averaged(finer) : null)]));
        }

        var treated = first.Select(Render).ToArray();
        styles.AddRange(Treatments.All.Select(t => new EmojiStyle(
            t.Name, t.Family, recipe.TrainedTreatments.Contains(t.Name), [.. treated.Select((image, i) => image is null ? null : samples.Treat(t, image, first[i]!.Key))])));
        return styles;

        RgbImage? Render(EmojiDrawing? drawing)
        {
            try
            {
                return drawing is null ? null : samples.Render(drawing);
            }
            catch (WhenceException)
            {
                return null; // the report of the data set has it among what was dropped
            }
        }
    }
}
