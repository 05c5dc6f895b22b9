namespace Whence.Encoders;

/// <summary>Runs a <see cref="PixelsSpec"/>: an image's feature is the image as it was prepared.</summary>
public sealed class PixelEncoder : IImageEncoder
{
    /// <summary>An encoder without a model.</summary>
    /// <param name="spec">Whose network is <see cref="PixelsSpec"/>.</param>
    /// <exception cref="WhenceException">The spec holds impossible values.</exception>
    public PixelEncoder(EncoderSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        spec.Validate();
        Spec = spec.Network is PixelsSpec
            ? spec
            : throw new ArgumentException($"Encoder '{spec.Name}' has a model to run; it is not made of pixels.", nameof(spec));
    }

    /// <inheritdoc/>
    public EncoderSpec Spec { get; }

    /// <inheritdoc/>
    public int MaxBatch => int.MaxValue;

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<float> images, Span<float> features)
    {
        if (images.Length != features.Length || images.Length % Spec.Dimension != 0)
        {
            throw new ArgumentException($"{images.Length} input and {features.Length} output values do not make whole images and features of {Spec.Dimension}.");
        }

        images.CopyTo(features);
    }

    /// <summary>There is nothing to free.</summary>
    public void Dispose()
    {
    }
}
