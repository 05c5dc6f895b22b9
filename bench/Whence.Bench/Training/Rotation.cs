using Whence.Datasets;
using Whence.Mapping;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Bench.Training;

/// <summary>
/// Features whose truth is known: exemplars and distractors are normal, and what a model synthesizes is its exemplar's feature turned by one
/// rotation that all models share, plus noise.
/// </summary>
internal sealed class Rotation
{
    private readonly Random _random;
    private readonly float[] _rotation;
    private readonly int _d;

    /// <param name="dimension">d, even.</param>
    /// <param name="degrees">How far every vector is turned, in d / 2 planes that lie at random.</param>
    /// <param name="seed">Of all that is drawn.</param>
    public Rotation(int dimension, double degrees, int seed)
    {
        (_d, _random) = (dimension, new Random(seed));
        using var scope = NewDisposeScope();
        var (planes, _) = linalg.qr(TensorValues.ToTensor(Normal(_d * _d), _d, _d).to(ScalarType.Float64));
        var turn = zeros(_d, _d, ScalarType.Float64);
        var (cos, sin) = (Math.Cos(degrees * Math.PI / 180), Math.Sin(degrees * Math.PI / 180));
        for (var i = 0; i < _d; i += 2)
        {
            turn[i, i] = cos;
            turn[i, i + 1] = -sin;
            turn[i + 1, i] = sin;
            turn[i + 1, i + 1] = cos;
        }

        _rotation = planes.matmul(turn).matmul(planes.t()).to(ScalarType.Float32).contiguous().data<float>().ToArray();
    }

    /// <summary>The mappers that undo it: the most that training can find.</summary>
    public MapperPair Truth()
    {
        var (identity, inverse) = (new float[_d * _d], new float[_d * _d]);
        for (var i = 0; i < _d; i++)
        {
            identity[(i * _d) + i] = 1;
            for (var j = 0; j < _d; j++)
            {
                inverse[(i * _d) + j] = _rotation[(j * _d) + i];
            }
        }

        return new MapperPair(new LinearMapper(_d, _d, identity, new float[_d]), new LinearMapper(_d, _d, inverse, new float[_d]), "truth");
    }

    /// <summary>Models of one exemplar each.</summary>
    /// <param name="name">What to call them.</param>
    /// <param name="models">How many.</param>
    /// <param name="queries">Synthesized images of each model, of two types of prompts in turns.</param>
    /// <param name="noise">Standard deviation of what is added to each, where a feature's numbers have 1.</param>
    public TestCaseFeatures Models(string name, int models, int queries, double noise)
    {
        var exemplars = new FeatureMatrix(models, _d, Normal(models * _d));
        var turned = new LinearMapper(_d, _d, _rotation, new float[_d]).Apply(exemplars);
        return new TestCaseFeatures(
            name, exemplars, [.. Enumerable.Range(0, models).Select(m => new ExemplarChunk(m, m + 1))],
            [.. new[] { "gpt", "media" }.Select((type, t) => Prompt(type, (queries + 1 - t) / 2))]);

        PromptFeatures Prompt(string type, int each)
        {
            var values = Normal(models * each * _d);
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = (float)((values[i] * noise) + turned.Row(i / _d / each)[i % _d]);
            }

            return new PromptFeatures(type, new FeatureMatrix(models * each, _d, values), [.. Enumerable.Range(0, models * each).Select(q => q / each)], null);
        }
    }

    public float[] Normal(int count)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble()));
        }

        return values;
    }
}
