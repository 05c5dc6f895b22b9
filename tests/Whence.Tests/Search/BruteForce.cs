using Whence.Calibration;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Search;

/// <summary>The slow twin of <see cref="ExactSearch"/>: every canonical similarity, sorted.</summary>
internal sealed class BruteForce
{
    private readonly float[][] _similarities;
    private readonly Match[][] _ranked;

    /// <param name="rows">Mapped rows, not normalised; null for a row that is not searched.</param>
    /// <param name="queries">q x d, normalised.</param>
    public BruteForce(float[]?[] rows, FeatureMatrix queries)
    {
        var normalized = rows.Select(Normalized).ToArray();
        _similarities = [.. Enumerable.Range(0, queries.Rows).Select(q =>
            normalized.Select(row => row is null ? float.NaN : (float)DotProduct.Of(row, queries.Row(q))).ToArray())];
        _ranked = [.. _similarities.Select(own => own.Index().Where(s => !float.IsNaN(s.Item))
            .OrderByDescending(s => s.Item).ThenBy(s => s.Index).Select(s => new Match(s.Index, s.Item)).ToArray())];
    }

    public Match[][] Nearest(int k) => [.. _ranked.Select(r => r.Take(k).ToArray())];

    public Match[][] Above(float[] thresholds) => [.. _ranked.Select((r, q) => r.Where(m => m.Similarity >= thresholds[q]).ToArray())];

    public Match[][] Within(float distance) =>
        [.. _ranked.Select(r => r.Where(m => m.Similarity >= (double)r[0].Similarity - distance).ToArray())];

    public long[][] Ranks(float[][] similarities) =>
        [.. _ranked.Select((r, q) => similarities[q].Select(s => r.LongCount(m => m.Similarity >= s)).ToArray())];

    public Influence[] Influences(Calibrator calibrator) => [.. _similarities.Select(s => calibrator.Normalize(s))];

    public float[][] Similarities(long[][] ids) => [.. ids.Select((own, q) => own.Select(id => _similarities[q][id]).ToArray())];

    public static float[]? Normalized(float[]? row)
    {
        var copy = row?.ToArray();
        if (copy is not null)
        {
            Normalization.NormalizeRow(copy);
        }

        return copy;
    }
}
