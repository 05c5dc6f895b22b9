using System.Globalization;
using Whence.Calibration;
using Whence.Search;

namespace Whence;

/// <summary>The share each value of a metadata column earned, for example each creator.</summary>
/// <param name="Column">The metadata column.</param>
/// <param name="Shares">One entry a value, influence descending, then value; they sum to 1, or to 1 minus <see cref="Attribution.None"/>.</param>
public sealed record InfluenceGroups(string Column, IReadOnlyList<InfluenceShare> Shares)
{
    /// <summary>Sums influence per value of a column over every image that has any, for several queries at once.</summary>
    /// <param name="column">The column.</param>
    /// <param name="matches">Per query at least every image with an influence above zero.</param>
    /// <param name="influences">Eq. 6 for each query.</param>
    /// <param name="index">The index.</param>
    /// <exception cref="WhenceException">No image of the index has the column.</exception>
    internal static InfluenceGroups[] Sum(string column, Match[][] matches, Influence[] influences, FeatureIndex index)
    {
        var shares = matches.Select(_ => new Dictionary<(bool HasValue, string Value), InfluenceShare>()).ToArray();

        // In id order, so that a part's metadata is in memory once, and sums are the same in every run.
        var weights = matches.SelectMany((own, q) => own.Select(m => (m.Id, Query: q, Weight: influences[q].Of(m.Similarity))))
            .Where(w => w.Weight > 0).OrderBy(w => w.Id).ToArray();
        var (part, images) = (default(IndexPart), (IReadOnlyList<IndexedImage>)[]);
        foreach (var (id, q, weight) in weights)
        {
            if (part is null || id >= part.FirstId + part.Rows)
            {
                part = index.PartOf(id);
                images = index.ReadMetadata(part);
            }

            var image = images[(int)(id - part.FirstId)];
            var value = column switch
            {
                "source" => image.Source,
                "id" => id.ToString(CultureInfo.InvariantCulture),
                _ => image.ToMetadata().GetValueOrDefault(column),
            };
            var key = (value is not null, value ?? "");
            var share = shares[q].GetValueOrDefault(key) ?? new InfluenceShare(value, 0, 0);
            shares[q][key] = share with { Influence = share.Influence + weight, Images = share.Images + 1 };
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
