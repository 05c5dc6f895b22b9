namespace Whence.Encoders;

/// <summary>
/// Makes a style descriptor of a network: the mean and the standard deviation of every channel of some of its layers (the statistics of AdaIN,
/// Huang and Belongie 2017, Eq. 5 and 6, which ALADIN describes style by). Two specs of the same values are equal.
/// </summary>
public sealed record StyleSpec
{
    private const int MostLayers = 1000;

    /// <summary>
    /// The layers, each [n, channels, ...positions]. Of an ONNX model names of tensors, outputs of the graph or not; of a residual network
    /// <c>relu</c> (the stem), <c>layer1</c> to <c>layer4</c> (the stages) or a block of one, as <c>layer2.0</c>.
    /// </summary>
    public required IReadOnlyList<string> Layers { get; init; }

    /// <summary>What the random projection follows from, where the layers have more statistics than <see cref="EncoderSpec.Dimension"/>. Default 0.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public bool Equals(StyleSpec? other) => other is not null && Seed == other.Seed && Layers.SequenceEqual(other.Layers);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Seed, Layers.Count, Layers[0]);

    internal void Validate()
    {
        if (Layers is not { Count: >= 1 and <= MostLayers } || Layers.Any(string.IsNullOrEmpty) || Layers.Distinct(StringComparer.Ordinal).Count() < Layers.Count)
        {
            throw new WhenceException($"style: layers are [{string.Join(", ", Layers ?? [])}]; give 1 to {MostLayers} names, each once");
        }
    }
}
