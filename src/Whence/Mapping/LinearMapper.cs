using Whence.Vectors;

namespace Whence.Mapping;

/// <summary>
/// y = W x + b, the paper's mapper. Each output is summed in float64, from b on and then over the inputs in their order, and
/// rounded once to float32: the same bits on every machine, alone or in a batch.
/// </summary>
public sealed class LinearMapper : Mapper
{
    private readonly float[] _weight;
    private readonly float[] _bias;
    private readonly MatrixProduct _product;

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
        _product = new MatrixProduct(inputDimension, outputDimension, _weight, _bias);
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

    private protected override void Map(ReadOnlySpan<float> features, Span<float> mapped, int rows) => _product.Compute(features, mapped);
}
