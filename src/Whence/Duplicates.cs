using Whence.Search;
using Whence.Vectors;

namespace Whence;

/// <summary>Folds results that show (nearly) the same picture into the best of them, and sums their influence.</summary>
internal static class Duplicates
{
    /// <param name="results">In rank order; each joins the first group whose best image it equals or resembles.</param>
    /// <param name="index">Where the features are.</param>
    /// <param name="threshold">Cosine similarity of raw features from which two images count as one picture.</param>
    public static IReadOnlyList<AttributedImage> Group(IReadOnlyList<AttributedImage> results, FeatureIndex index, float threshold)
    {
        var features = index.ReadFeatures([.. results.Select(r => r.Id)]);
        var groups = new List<(AttributedImage Best, float[] Feature, List<AttributedImage> Others)>();
        foreach (var (i, result) in results.Index())
        {
            var feature = features.Row(i).ToArray();
            Normalization.NormalizeRow(feature);
            var group = groups.FindIndex(g => HasSameContent(g.Best, result) || DotProduct.Of(g.Feature, feature) >= threshold);
            if (group < 0)
            {
                groups.Add((result, feature, []));
            }
            else
            {
                groups[group].Others.Add(result);
            }
        }

        return [.. groups.Select(g => g.Best with
        {
            Influence = g.Best.Influence + g.Others.Sum(o => o.Influence),
            Duplicates = g.Others,
        })];
    }

    private static bool HasSameContent(AttributedImage a, AttributedImage b) =>
        a.Metadata.TryGetValue("sha256", out var hash) && b.Metadata.GetValueOrDefault("sha256") == hash;
}
