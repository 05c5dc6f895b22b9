using Whence.Vectors;

namespace Whence.Mapping;

/// <summary>
/// A fixed function of a feature (section 4.2 of the paper): raw feature in, mapped feature out, normalised only afterwards.
/// One of <see cref="LinearMapper"/>, <see cref="ChannelMapper"/> and <see cref="MlpMapper"/>. Immutable, safe from several threads.
/// </summary>
public abstract class Mapper
{
    private protected Mapper(int inputDimension, int outputDimension)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputDimension);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputDimension);
        InputDimension = inputDimension;
        OutputDimension = outputDimension;
    }

    /// <summary>d, the dimension of the encoder's features.</summary>
    public int InputDimension { get; }

    /// <summary>Dimension of the mapped features; d itself except for an MLP.</summary>
    public int OutputDimension { get; }

    /// <summary>Maps n features.</summary>
    /// <param name="features">n x <see cref="InputDimension"/>, row after row, not normalised.</param>
    /// <param name="mapped">n x <see cref="OutputDimension"/>, row after row; not normalised either. Must not overlap the input.</param>
    /// <exception cref="ArgumentException">The lengths are not those of the same number of rows.</exception>
    public void Apply(ReadOnlySpan<float> features, Span<float> mapped)
    {
        if (features.Length % InputDimension != 0)
        {
            throw new ArgumentException($"{features.Length} numbers are not features of {InputDimension}.", nameof(features));
        }

        var rows = features.Length / InputDimension;
        if (mapped.Length != (long)rows * OutputDimension)
        {
            throw new ArgumentException($"{mapped.Length} numbers are not {rows} x {OutputDimension}.", nameof(mapped));
        }

        Map(features, mapped, rows);
    }

    /// <summary>Maps a matrix of n features into a new one.</summary>
    /// <param name="features">n x <see cref="InputDimension"/>.</param>
    /// <returns>n x <see cref="OutputDimension"/>.</returns>
    public FeatureMatrix Apply(FeatureMatrix features)
    {
        ArgumentNullException.ThrowIfNull(features);
        if (features.Columns != InputDimension)
        {
            throw new ArgumentException($"Features of {features.Columns} where {InputDimension} are mapped.", nameof(features));
        }

        var mapped = new float[checked(features.Rows * OutputDimension)];
        Apply(features.Span, mapped);
        return new FeatureMatrix(features.Rows, OutputDimension, mapped);
    }

    /// <summary>The checkpoint's tensors under the names torch gives them, after the prefix.</summary>
    internal abstract IEnumerable<TensorData> State(string prefix);

    private protected abstract void Map(ReadOnlySpan<float> features, Span<float> mapped, int rows);

    private protected static float[] Owned(ReadOnlySpan<float> values, long expected, string name) => values.Length == expected
        ? values.ToArray()
        : throw new ArgumentException($"{values.Length} numbers where {expected} are needed.", name);
}
