using Whence.Calibration;
using Whence.Search;

namespace Whence;

/// <summary>The share each value of a metadata column earned, for example each creator.</summary>
/// <param name="Column">The metadata column.</param>
/// <param name="Shares">One entry a value, influence descending, then value; they sum to 1.</param>
public sealed record InfluenceGroups(string Column, IReadOnlyList<InfluenceShare> Shares)
{
    /// <summary>Sums influence per value of a column over every image that has any, for several queries at once.</summary>
    /// <exception cref="WhenceException">No image of the index has the column.</exception>
    internal static InfluenceGroups[] Sum(string column, float[][] similarities, Influence[] influences, FeatureIndex index)
    {
        var shares = similarities.Select(_ => new Dictionary<(bool HasValue, string Value), InfluenceShare>()).ToArray();
        foreach (var part in index.Manifest.Parts)
        {
            var rows = Enumerable.Range(0, part.Rows)
                .Where(row => influences.Where((influence, q) => influence.Of(similarities[q][part.FirstId + row]) > 0).Any()).ToArray();
            var images = rows.Length > 0 ? index.ReadMetadata(part) : [];
            foreach (var row in rows)
            {
                var value = column == "source" ? images[row].Source : images[row].ToMetadata().GetValueOrDefault(column);
                var key = (value is not null, value ?? "");
                foreach (var (q, influence) in influences.Index())
                {
                    if (influence.Of(similarities[q][part.FirstId + row]) is > 0 and var weight)
                    {
                        var share = shares[q].GetValueOrDefault(key) ?? new InfluenceShare(value, 0, 0);
                        shares[q][key] = share with { Influence = share.Influence + weight, Images = share.Images + 1 };
                    }
                }
            }
        }

        if (shares.All(s => s.Keys.All(k => !k.HasValue)) && index.FindColumns() is var columns && !columns.Contains(column))
        {
            throw new WhenceException($"{index.Folder}: no metadata column '{column}'; there are: {string.Join(", ", columns)}.");
        }

        return [.. shares.Select(s => new InfluenceGroups(
            column, [.. s.Values.OrderByDescending(share => share.Influence).ThenBy(share => share.Value, StringComparer.Ordinal)]))];
    }
}

/// <summary>One group's share.</summary>
/// <param name="Value">The column's value; null where the image has none.</param>
/// <param name="Influence">Sum of the influences, in [0, 1].</param>
/// <param name="Images">Number of images with an influence above zero.</param>
public sealed record InfluenceShare(string? Value, double Influence, long Images);
