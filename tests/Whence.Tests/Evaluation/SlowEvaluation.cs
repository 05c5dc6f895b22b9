using Whence.Datasets;
using Whence.Mapping;
using Whence.Search;
using Whence.Tests.Search;
using Whence.Vectors;

namespace Whence.Tests.Evaluation;

/// <summary>
/// The slow twin of the evaluation: per query the list of its candidates, sorted. Distractors come before exemplars and exemplars in their order,
/// so that a stable sort leaves an exemplar behind every distractor of equal similarity and behind earlier exemplars.
/// </summary>
internal static class SlowEvaluation
{
    public static long[][][] Ranks(IReadOnlyList<float[]> distractors, TestCaseFeatures testCase, MapperPair? mapper = null)
    {
        var pool = distractors.Select(row => Prepared(mapper?.Real, row)).ToArray();
        return [.. testCase.Prompts.Select(prompt => prompt.Models.Select((model, q) =>
        {
            var query = Prepared(mapper?.Synth, prompt.Features.Row(q));
            var chunk = testCase.Chunks[model];
            var own = Enumerable.Range(chunk.Start, chunk.Count).Select(i => Prepared(mapper?.Real, testCase.Exemplars.Row(i)));
            var sorted = pool.Select(row => (row, Exemplar: -1)).Concat(own.Select((row, i) => (row, Exemplar: i)))
                .OrderByDescending(candidate => (float)DotProduct.Of(candidate.row, query)).ToArray();
            return Enumerable.Range(0, chunk.Count).Select(i => Array.FindIndex(sorted, candidate => candidate.Exemplar == i) + 1L).ToArray();
        }).ToArray())];
    }

    /// <summary>An index of these rows, float32.</summary>
    public static FeatureIndex Index(string folder, IReadOnlyList<float[]> rows, int dimension, string? encoder = null, bool normalized = false)
    {
        var blank = new IndexManifest
        {
            Encoder = encoder ?? "test",
            Dimension = dimension,
            Type = ElementType.F32,
            Normalized = normalized,
            Parts = [],
        };
        using (var writer = new IndexWriter(folder, blank, partSize: 700))
        {
            foreach (var (i, row) in rows.Index())
            {
                writer.Add(TestIndex.Row(i), row);
            }

            writer.Commit();
        }

        return FeatureIndex.Open(folder);
    }

    /// <summary>The canonical similarity of two raw features.</summary>
    public static float Similarity(float[] a, float[] b) => (float)DotProduct.Of(Prepared(null, a), Prepared(null, b));

    private static float[] Prepared(Mapper? mapper, ReadOnlySpan<float> row)
    {
        var raw = new FeatureMatrix(1, row.Length, row.ToArray());
        return BruteForce.Normalized((mapper?.Apply(raw) ?? raw).Row(0).ToArray())!;
    }
}
