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

    /// <summary>The best images before it, at most <see cref="MostBefore"/>, in rank order.</summary>
    public required IReadOnlyList<AttributedImage> Before { get; init; }

    /// <summary>How many of the images before it are listed.</summary>
    public const int MostBefore = 10;

    internal static Explanation Of(long id, float[] similarities, Influence influence, FeatureIndex index, long searched, string? where)
    {
        var similarity = similarities[id];
        var passedOver = float.IsNaN(similarity);
        var (rank, before) = (1L, 0.0);
        for (var i = 0L; i < similarities.LongLength; i++)
        {
            if (similarities[i] > similarity || (similarities[i] == similarity && i < id))
            {
                rank++;
                before += influence.Of(similarities[i]);
            }
        }

        var best = passedOver ? [] : TopK.Select(similarities, (int)Math.Min(rank - 1, MostBefore));
        var images = index.FindImages(best.Select(b => b.Id).Append(id));
        return new Explanation
        {
            Image = AttributedImage.Of(images[id], passedOver ? 0 : rank, similarity, influence),
            Removed = index.Removed.Contains(id),
            Where = where,
            Searched = searched,
            InfluenceBefore = before,
            SimilarityNeeded = influence.SmallestSimilarity,
            Before = [.. best.Select((b, i) => AttributedImage.Of(images[b.Id], i + 1, b.Similarity, influence))],
        };
    }
}
