using Whence.Calibration;
using Whence.Search;

namespace Whence;

/// <summary>The share each value of a metadata column earned, for example each creator.</summary>
/// <param name="Column">The metadata column.</param>
/// <param name="Shares">One entry a value, influence descending, then value; they sum to 1.</param>
public sealed record InfluenceGroups(string Column, IReadOnlyList<InfluenceShare> Shares)
{
    /// <summary>Sums influence per value of a column over every image of the index that has any.</summary>
    /// <exception cref="WhenceException">No image that has influence has the column.</exception>
    internal static InfluenceGroups Sum(string column, float[] similarities, Influence influence, FeatureIndex index)
    {
        var shares = new Dictionary<(bool HasValue, string Value), InfluenceShare>();
        var columns = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var part in index.Manifest.Parts)
        {
            var ids = Enumerable.Range(0, part.Rows).Where(i => influence.Of(similarities[part.FirstId + i]) > 0).ToArray();
            if (ids.Length == 0)
            {
                continue;
            }

            var images = index.ReadMetadata(part);
            foreach (var i in ids)
            {
                var metadata = images[i].ToMetadata();
                columns.UnionWith(metadata.Keys);
                var value = column == "source" ? images[i].Source : metadata.GetValueOrDefault(column);
                var key = (value is not null, value ?? "");
                var share = shares.GetValueOrDefault(key) ?? new InfluenceShare(value, 0, 0);
                shares[key] = share with
                {
                    Influence = share.Influence + influence.Of(similarities[part.FirstId + i]),
                    Images = share.Images + 1,
                };
            }
        }

        if (shares.Count > 0 && shares.Keys.All(k => !k.HasValue))
        {
            throw new WhenceException($"No image that influenced the query has a metadata column '{column}'; there are: {string.Join(", ", columns)}.");
        }

        return new(column, [.. shares.Values.OrderByDescending(s => s.Influence).ThenBy(s => s.Value, StringComparer.Ordinal)]);
    }
}

/// <summary>One group's share.</summary>
/// <param name="Value">The column's value; null where the image has none.</param>
/// <param name="Influence">Sum of the influences, in [0, 1].</param>
/// <param name="Images">Number of images with an influence above zero.</param>
public sealed record InfluenceShare(string? Value, double Influence, long Images);
