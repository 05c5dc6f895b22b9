using System.Numerics.Tensors;
using Whence.Vectors;

namespace Whence.Mapping;

/// <summary>
/// y = w * x, one factor a channel: the smallest of the mappers in the paper's ablation. One float32 multiplication each: the
/// same bits on every machine.
/// </summary>
public sealed class ChannelMapper : Mapper
{
    private readonly float[] _weights;

    /// <summary>Copies the parameters.</summary>
    /// <param name="weights">w, d numbers.</param>
    public ChannelMapper(ReadOnlySpan<float> weights) : base(weights.Length, weights.Length) => _weights = weights.ToArray();

    /// <summary>w, d numbers.</summary>
    public ReadOnlySpan<float> Weights => _weights;

    internal override IEnumerable<TensorData> State(string prefix) =>
        [TensorData.FromSingle(prefix + "weights", _weights, 1, InputDimension)];

    private protected override void Map(ReadOnlySpan<float> features, Span<float> mapped, int rows)
    {
        for (var i = 0; i < rows; i++)
        {
            var start = i * InputDimension;
            TensorPrimitives.Multiply(features.Slice(start, InputDimension), _weights, mapped.Slice(start, InputDimension));
        }
    }
}
