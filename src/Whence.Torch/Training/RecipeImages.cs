using Whence.Datasets;
using Whence.Files;
using Whence.Search;

namespace Whence.Torch.Training;

/// <summary>The keys of a recipe that say what is trained with: <c>images</c>, <c>metadata</c>, <c>where</c>.</summary>
internal static class RecipeImages
{
    /// <exception cref="WhenceException">A value that cannot be; the message names its key.</exception>
    public static void Validate(IReadOnlyList<string> images, string? metadata, string? where)
    {
        RecipeChecks.Require(images.Count > 0 && images.All(i => !string.IsNullOrWhiteSpace(i)), "'images' is empty or has an empty entry, at least one source is needed");
        RecipeChecks.Require(metadata is null || !string.IsNullOrWhiteSpace(metadata), "'metadata' is empty, name a table or leave it out");
        if (where is not null)
        {
            RecipeChecks.Checked("where", () => MetadataPredicate.Parse(where));
        }
    }

    /// <summary>A path that a recipe names, which is relative to the recipe's folder.</summary>
    public static string Rooted(string recipe, string path) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(recipe))!, path);

    /// <summary>Reads the images.</summary>
    /// <param name="images">Folders, tar files, ...</param>
    /// <param name="metadata">A table of captions; null for none.</param>
    /// <param name="where">Which images; null for all.</param>
    /// <param name="size">Side in pixels.</param>
    /// <param name="threads">Images that are decoded at a time; null for one a core.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="WhenceException">There are none to train with.</exception>
    public static Task<CaptionedImages> LoadAsync(IReadOnlyList<string> images, string? metadata, string? where, int size, int? threads, CancellationToken cancellation) =>
        CaptionedImages.LoadAsync(images, metadata, size, where is null ? null : MetadataPredicate.Parse(where), threads ?? Environment.ProcessorCount, cancellation);
}
