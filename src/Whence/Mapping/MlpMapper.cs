using System.Numerics.Tensors;
using Whence.Vectors;

namespace Whence.Mapping;

/// <summary>One step of an <see cref="MlpMapper"/>: a linear layer without bias, then batch normalisation with fixed statistics.</summary>
public sealed record MlpLayer
{
    /// <summary>Place of the linear layer in the Sequential it was trained as; its normalisation comes right after it.</summary>
    public required int Index { get; init; }

    /// <summary>Input dimension d of this layer.</summary>
    public required int InputDimension { get; init; }

    /// <summary>Output dimension m of this layer.</summary>
    public required int OutputDimension { get; init; }

    /// <summary>W, m x d, row after row.</summary>
    public required ReadOnlyMemory<float> Weight { get; init; }

    /// <summary>Mean of each of the m channels over the training data.</summary>
    public required ReadOnlyMemory<float> RunningMean { get; init; }

    /// <summary>Variance of each of the m channels over the training data.</summary>
    public required ReadOnlyMemory<float> RunningVariance { get; init; }

    /// <summary>Factor of each channel after normalisation; empty in the last layer, which has none.</summary>
    public ReadOnlyMemory<float> Scale { get; init; }

    /// <summary>Summand of each channel after normalisation; empty in the last layer, which has none.</summary>
    public ReadOnlyMemory<float> Shift { get; init; }

    /// <summary>Number of training batches that torch counted; kept for whoever trains on.</summary>
    public long BatchesTracked { get; init; }
}

/// <summary>
/// Linear, batch normalisation, ReLU, and so on; after the last linear layer a normalisation without scale and shift and no
/// ReLU. Evaluation mode: the running statistics are constants. Each output of a linear layer is summed in float64 over its
/// inputs in their order and rounded once to float32; normalisation is one float32 multiplication and one addition: the same
/// bits on every machine, alone or in a batch.
/// </summary>
public sealed class MlpMapper : Mapper
{
    private const double Epsilon = 1e-5;
    private const int Block = 2 * MatrixProduct.BlockRows;

    private readonly MlpLayer[] _layers;
    private readonly MatrixProduct[] _products;

    /// <summary>Batch normalisation folded into y = factor * x + summand, in float64 and then rounded once.</summary>
    private readonly (float[] Factor, float[] Summand)[] _normalizations;

    /// <summary>Takes the layers in order.</summary>
    /// <param name="layers">At least one; each fits the next; all but the last with scale and shift.</param>
    public MlpMapper(IReadOnlyList<MlpLayer> layers) : base(
        (layers ?? throw new ArgumentNullException(nameof(layers))) is [var first, ..] ? first.InputDimension : 0,
        layers is [.., var last] ? last.OutputDimension : 0)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            Check(layers[i], i == layers.Count - 1, i == 0 ? InputDimension : layers[i - 1].OutputDimension);
        }

        _layers = [.. layers];
        _products = [.. _layers.Select(layer => new MatrixProduct(layer.InputDimension, layer.OutputDimension, layer.Weight.Span, []))];
        _normalizations = [.. _layers.Select(Fold)];
    }

    /// <summary>The layers in order.</summary>
    public IReadOnlyList<MlpLayer> Layers => _layers;

    internal override IEnumerable<TensorData> State(string prefix)
    {
        foreach (var layer in _layers)
        {
            var normalization = $"{prefix}{layer.Index + 1}.";
            yield return TensorData.FromSingle($"{prefix}{layer.Index}.weight", layer.Weight.Span, layer.OutputDimension, layer.InputDimension);
            if (!layer.Scale.IsEmpty)
            {
                yield return TensorData.FromSingle(normalization + "weight", layer.Scale.Span, layer.OutputDimension);
                yield return TensorData.FromSingle(normalization + "bias", layer.Shift.Span, layer.OutputDimension);
            }

            yield return TensorData.FromSingle(normalization + "running_mean", layer.RunningMean.Span, layer.OutputDimension);
            yield return TensorData.FromSingle(normalization + "running_var", layer.RunningVariance.Span, layer.OutputDimension);
            yield return TensorData.FromInt64(normalization + "num_batches_tracked", [layer.BatchesTracked]);
        }
    }

    private protected override void Map(ReadOnlySpan<float> features, Span<float> mapped, int rows)
    {
        for (var start = 0; start < rows; start += Block)
        {
            var count = Math.Min(Block, rows - start);
            MapBlock(
                features.Slice(start * InputDimension, count * InputDimension),
                mapped.Slice(start * OutputDimension, count * OutputDimension),
                count);
        }
    }

    private void MapBlock(ReadOnlySpan<float> features, Span<float> mapped, int rows)
    {
        var input = features;
        for (var i = 0; i < _layers.Length; i++)
        {
            var (layer, last) = (_layers[i], i == _layers.Length - 1);
            var output = last ? mapped : new float[rows * layer.OutputDimension];
            _products[i].Compute(input, output);
            for (var row = 0; row < rows; row++)
            {
                var y = output.Slice(row * layer.OutputDimension, layer.OutputDimension);
                TensorPrimitives.Multiply(y, _normalizations[i].Factor, y);
                TensorPrimitives.Add(y, _normalizations[i].Summand, y);
                if (!last)
                {
                    TensorPrimitives.Max(y, 0f, y);
                }
            }

            input = output;
        }
    }

    private static (float[] Factor, float[] Summand) Fold(MlpLayer layer)
    {
        var (factor, summand) = (new float[layer.OutputDimension], new float[layer.OutputDimension]);
        for (var i = 0; i < factor.Length; i++)
        {
            var (scale, shift) = layer.Scale.IsEmpty ? (1, 0) : (layer.Scale.Span[i], layer.Shift.Span[i]);
            var f = scale / Math.Sqrt(layer.RunningVariance.Span[i] + Epsilon);
            factor[i] = (float)f;
            summand[i] = (float)(shift - (layer.RunningMean.Span[i] * f));
        }

        return (factor, summand);
    }

    private static void Check(MlpLayer layer, bool last, int inputDimension)
    {
        var m = layer.OutputDimension;
        if (layer.InputDimension != inputDimension || layer.Weight.Length != (long)m * inputDimension
            || layer.RunningMean.Length != m || layer.RunningVariance.Length != m)
        {
            throw new ArgumentException($"The lengths of layer {layer.Index} do not fit {inputDimension} x {m}.", nameof(layer));
        }

        if (layer.Scale.Length != (last ? 0 : m) || layer.Shift.Length != layer.Scale.Length)
        {
            throw new ArgumentException("Every layer but the last, and only those, has a scale and a shift for each channel.", nameof(layer));
        }
    }
}
