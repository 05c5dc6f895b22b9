using Whence.Calibration;
using Whence.Search;

namespace Whence;

/// <summary>One image's standing in a query's attribution: the answer to a rights holder.</summary>
public sealed record Explanation
{
    /// <summary>The image asked about, with its rank, similarity and influence.</summary>
    public required AttributedImage Image { get; init; }

    /// <summary>True where the image was taken out of the index; it then has no rank (0) and no influence.</summary>
    public required bool Removed { get; init; }

    /// <summary>True where the filter leaves the image out; it then has no rank (0) and no influence.</summary>
    public bool Excluded => Image.Rank == 0 && !Removed;

    /// <summary>The filter whose images alone were searched (<see cref="AttributorOptions.Where"/>); null where there was none.</summary>
    public string? Where { get; init; }

    /// <summary>Number of images searched.</summary>
    public required long Searched { get; init; }

    /// <summary>Sum of the influences of all images that stand before it, in [0, 1].</summary>
    public required double InfluenceBefore { get; init; }

    /// <summary>The similarity an image needs to have any influence on this query (Eq. 6), in [-1, 1].</summary>
    public required double SimilarityNeeded { get; init; }

    /// <summary>The mass for "no training image here" of the query, in [0, 1]; null where the calibration has none.</summary>
    public double? None { get; init; }

    /// <summary>The best images before it, at most <see cref="MostBefore"/>, in rank order.</summary>
    public required IReadOnlyList<AttributedImage> Before { get; init; }

    /// <summary>How many of the images before it are listed.</summary>
    public const int MostBefore = 10;

    /// <param name="id">The image.</param>
    /// <param name="similarity">Its similarity.</param>
    /// <param name="ranked">All images at or above it in rank order.</param>
    /// <param name="influence">Eq. 6 for the query.</param>
    /// <param name="index">The index.</param>
    /// <param name="searched">Number of images searched.</param>
    /// <param name="where">The filter; null for none.</param>
    internal static Explanation Of(long id, float similarity, Match[] ranked, Influence influence, FeatureIndex index, long searched, string? where)
    {
        // Not there where it was removed or the filter leaves it out: then nothing stands before it.
        var place = Array.IndexOf(ranked, new Match(id, similarity));
        var before = ranked.AsSpan(0, Math.Max(place, 0));
        var influenceBefore = 0.0;
        foreach (var match in before)
        {
            influenceBefore += influence.Of(match.Similarity);
        }

        var best = before[..Math.Min(before.Length, MostBefore)].ToArray();
        var images = index.FindImages(best.Select(b => b.Id).Append(id));
        return new Explanation
        {
            Image = AttributedImage.Of(images[id], place + 1, place < 0 ? float.NaN : similarity, influence),
            Removed = index.Removed.Contains(id),
            Where = where,
            Searched = searched,
            InfluenceBefore = influenceBefore,
            SimilarityNeeded = influence.SmallestSimilarity,
            Before = [.. best.Select((b, i) => AttributedImage.Of(images[b.Id], i + 1, b.Similarity, influence))],
        };
    }
}
