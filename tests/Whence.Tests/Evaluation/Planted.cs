using Whence.Datasets;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Evaluation;

/// <summary>Models whose exemplars and synthesized images lie around a centre of their own, among distractors around nothing.</summary>
internal static class Planted
{
    public const int Dimension = 12;

    public static TestCaseFeatures TestCase(string name, int seed, int models = 30, float noise = 0.35f, string? encoder = "test")
    {
        var random = new Random(seed);
        var (exemplars, chunks, queries, ids) = (new List<float>(), new List<ExemplarChunk>(), new List<float>(), new List<int>());
        for (var m = 0; m < models; m++)
        {
            var centre = Around(random, new float[Dimension], 1);
            var count = 1 + random.Next(4);
            chunks.Add(new ExemplarChunk(exemplars.Count / Dimension, (exemplars.Count / Dimension) + count));
            for (var i = 0; i < count; i++)
            {
                exemplars.AddRange(Around(random, centre, noise));
            }

            for (var i = 0; i < 6; i++)
            {
                queries.AddRange(Around(random, centre, noise));
                ids.Add(m);
            }
        }

        var half = ids.Count / 2;
        return new TestCaseFeatures(
            name,
            Matrix(exemplars),
            chunks,
            [Prompt("gpt", 0, half), Prompt("object", half, ids.Count)],
            encoder: encoder);

        PromptFeatures Prompt(string type, int from, int to) => new(type, Matrix(queries[(from * Dimension)..(to * Dimension)]), ids[from..to], null);
    }

    public static float[][] Distractors(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Around(random, new float[Dimension], 1))];
    }

    public static FeatureIndex Index(string folder, int count = 900) => SlowEvaluation.Index(folder, Distractors(99, count), Dimension);

    private static float[] Around(Random random, float[] centre, float deviation) =>
        [.. centre.Select(c => c + (deviation * (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble()))))];

    private static FeatureMatrix Matrix(List<float> values) => new(values.Count / Dimension, Dimension, [.. values]);
}
