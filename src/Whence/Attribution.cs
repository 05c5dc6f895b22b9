using Whence.Calibration;
using Whence.Search;

namespace Whence;

/// <summary>The answer to "which training images made this picture?" for one query.</summary>
public sealed record Attribution
{
    /// <summary>The generated image that was asked about.</summary>
    public required QueryImage Query { get; init; }

    /// <summary>The index that was searched: its folder.</summary>
    public required string Index { get; init; }

    /// <summary>Name of the encoder, for example <c>resnet18</c>.</summary>
    public required string Encoder { get; init; }

    /// <summary>Name of the mapper's file, or null where the raw features were compared.</summary>
    public string? Mapper { get; init; }

    /// <summary>The parameters of Eq. 6 and whether they were fitted for this encoder.</summary>
    public required Calibrator Calibration { get; init; }

    /// <summary>The filter whose images alone were searched (<see cref="AttributorOptions.Where"/>); null where there was none.</summary>
    public string? Where { get; init; }

    /// <summary>
    /// Where the search was approximate, what it found; null where it was exact. <see cref="Nonzero"/> then counts, and
    /// <see cref="Remaining"/>, <see cref="Groups"/> and every influence share out, only what was found.
    /// </summary>
    public Candidates? Approximate { get; init; }

    /// <summary>Number of images searched (removed ones and those outside the filter do not count).</summary>
    public required long Searched { get; init; }

    /// <summary>Number of training images with an influence above zero, among all that were searched.</summary>
    public required long Nonzero { get; init; }

    /// <summary>
    /// The mass for "no training image here", in [0, 1]: how much speaks for the query coming from elsewhere; null where the calibration has none. All
    /// influences sum to 1 minus it.
    /// </summary>
    public double? None { get; init; }

    /// <summary>Influence of all images that are not in <see cref="Results"/>, in [0, 1]; without <see cref="None"/>.</summary>
    public required double Remaining { get; init; }

    /// <summary>The k most similar training images: similarity descending, the smaller id first among equals.</summary>
    public required IReadOnlyList<AttributedImage> Results { get; init; }

    /// <summary>Influence summed per value of a metadata column over all images searched, descending; null unless asked for.</summary>
    public InfluenceGroups? Groups { get; init; }
}

/// <summary>The images that an approximate search found for a query and compared exactly; others have no influence in its answer.</summary>
/// <param name="Count">How many.</param>
/// <param name="Truncated">
/// True where even the last of them has an influence: there are certainly more such images, and every influence is too large by their
/// shares. False where the candidates end among images without influence; then only what the search missed is missing.
/// </param>
public sealed record Candidates(int Count, bool Truncated)
{
    internal static Candidates Of(Match[] found, Influence influence) => new(found.Length, found.Length > 0 && influence.Of(found[^1].Similarity) > 0);
}

/// <summary>A query: where it came from and what it is.</summary>
/// <param name="Source">File name or locator as given.</param>
/// <param name="Sha256">SHA-256 of the file's bytes, lower-case hexadecimal.</param>
public sealed record QueryImage(string Source, string Sha256);

/// <summary>A training image and its share in a query.</summary>
public sealed record AttributedImage
{
    /// <summary>Place in the ranking, from 1.</summary>
    public required long Rank { get; init; }

    /// <summary>The image's id in the index.</summary>
    public required long Id { get; init; }

    /// <summary>Locator of the image: a path, or <c>container::entry</c>.</summary>
    public required string Source { get; init; }

    /// <summary>Cosine similarity to the query, in [-1, 1].</summary>
    public required float Similarity { get; init; }

    /// <summary>Soft influence (Eq. 6) in [0, 1]; all images searched sum to 1, or to 1 minus <see cref="Attribution.None"/>. With duplicates grouped, the group's sum.</summary>
    public required double Influence { get; init; }

    /// <summary>Caption, key, creator, licence and whatever else came along; values as text.</summary>
    public required IReadOnlyDictionary<string, string> Metadata { get; init; }

    /// <summary>Further results folded into this one because they show (nearly) the same picture; empty unless asked for.</summary>
    public IReadOnlyList<AttributedImage> Duplicates { get; init; } = [];

    internal static AttributedImage Of(IndexedImage image, long rank, float similarity, Influence influence) => new()
    {
        Rank = rank,
        Id = image.Id,
        Source = image.Source,
        Similarity = float.IsNaN(similarity) ? 0 : similarity, // an image that was not searched has none
        Influence = influence.Of(similarity),
        Metadata = image.ToMetadata(),
    };
}
