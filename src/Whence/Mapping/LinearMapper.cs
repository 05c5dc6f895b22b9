using System.Numerics.Tensors;
using Whence.Vectors;

namespace Whence.Mapping;

/// <summary>y = W x + b, the paper's mapper.</summary>
public sealed class LinearMapper : Mapper
{
    private readonly float[] _weight;
    private readonly float[] _bias;

    /// <summary>Copies the parameters.</summary>
    /// <param name="inputDimension">d.</param>
    /// <param name="outputDimension">m; the paper has m = d.</param>
    /// <param name="weight">W, m x d, row after row.</param>
    /// <param name="bias">b, m numbers.</param>
    public LinearMapper(int inputDimension, int outputDimension, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
        : base(inputDimension, outputDimension)
    {
        _weight = Owned(weight, (long)inputDimension * outputDimension, nameof(weight));
        _bias = Owned(bias, outputDimension, nameof(bias));
    }

    /// <summary>W, m x d, row after row.</summary>
    public ReadOnlySpan<float> Weight => _weight;

    /// <summary>b, m numbers.</summary>
    public ReadOnlySpan<float> Bias => _bias;

    internal override IEnumerable<TensorData> State(string prefix) =>
    [
        TensorData.FromSingle(prefix + "weight", _weight, OutputDimension, InputDimension),
        TensorData.FromSingle(prefix + "bias", _bias, OutputDimension),
    ];

    private protected override void Map(ReadOnlySpan<float> features, Span<float> mapped, int rows)
    {
        MatrixProduct.Compute(features, _weight, mapped, InputDimension);
        for (var i = 0; i < rows; i++)
        {
            var row = mapped.Slice(i * OutputDimension, OutputDimension);
            TensorPrimitives.Add(row, _bias, row);
        }
    }
}
