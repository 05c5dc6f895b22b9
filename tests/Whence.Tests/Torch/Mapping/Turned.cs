using Whence.Datasets;
using Whence.Mapping;
using Whence.Search;
using Whence.Tests.Evaluation;
using Whence.Torch.Mapping;
using Whence.Vectors;

namespace Whence.Tests.Torch.Mapping;

/// <summary>
/// Features whose truth is known: what a model synthesizes is its exemplar's feature with each pair of numbers (i, i + d/2) turned by 60 degrees,
/// plus noise.
/// </summary>
internal sealed class Turned(int dimension, int seed, double noise = 1.5)
{
    private const double Angle = Math.PI / 3;
    private readonly Random _random = new(seed);

    /// <summary>Models of one to three exemplars, with two synthesized images of each of two types of prompts.</summary>
    public TestCaseFeatures Models(string name, int models, int exemplars = 1, string? encoder = null)
    {
        var chunks = Enumerable.Range(0, models).Select(m => new ExemplarChunk(m * exemplars, (m + 1) * exemplars)).ToArray();
        var real = Normal(models * exemplars);
        return new TestCaseFeatures(name, real, chunks, [.. new[] { "gpt", "media" }.Select(type =>
        {
            var queries = Normal(models * 2);
            for (var q = 0; q < queries.Rows; q++)
            {
                var row = queries.Span.Slice(q * dimension, dimension);
                var turned = Turn(real.Row(chunks[q / 2].Start + _random.Next(exemplars)), Angle);
                for (var i = 0; i < dimension; i++)
                {
                    row[i] = (float)(row[i] * noise) + turned[i];
                }
            }

            return new PromptFeatures(type, queries, [.. Enumerable.Range(0, queries.Rows).Select(q => q / 2)], null);
        })], encoder: encoder);
    }

    public FeatureIndex Distractors(string folder, int count, string? encoder = null)
    {
        var rows = Normal(count);
        return SlowEvaluation.Index(folder, [.. Enumerable.Range(0, count).Select(i => rows.Row(i).ToArray())], dimension, encoder);
    }

    /// <summary>The mappers that undo the turn.</summary>
    public MapperPair Truth()
    {
        var (identity, inverse) = (new float[dimension * dimension], new float[dimension * dimension]);
        for (var i = 0; i < dimension; i++)
        {
            identity[(i * dimension) + i] = 1;
            var unit = new float[dimension];
            unit[i] = 1;
            Turn(unit, Angle).CopyTo(inverse, i * dimension); // row i of the inverse is column i of the rotation
        }

        return new MapperPair(new LinearMapper(dimension, dimension, identity, new float[dimension]), new LinearMapper(dimension, dimension, inverse, new float[dimension]), "truth");
    }

    public static TrainingFeatures Training(TestCaseFeatures features) => new(features, "checksum of " + features.Name);

    private float[] Turn(ReadOnlySpan<float> row, double angle)
    {
        var (turned, half) = (new float[dimension], dimension / 2);
        for (var i = 0; i < half; i++)
        {
            turned[i] = (float)((Math.Cos(angle) * row[i]) - (Math.Sin(angle) * row[i + half]));
            turned[i + half] = (float)((Math.Sin(angle) * row[i]) + (Math.Cos(angle) * row[i + half]));
        }

        return turned;
    }

    private FeatureMatrix Normal(int rows)
    {
        var values = new float[rows * dimension];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble()));
        }

        return new FeatureMatrix(rows, dimension, values);
    }
}
