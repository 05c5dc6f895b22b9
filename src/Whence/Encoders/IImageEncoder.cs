namespace Whence.Encoders;

/// <summary>
/// An image encoder F_base (section 4.1): preprocessed images in, raw features out. Implementations are thread-safe:
/// several threads may encode at once.
/// </summary>
public interface IImageEncoder : IDisposable
{
    /// <summary>What the encoder is and how images are prepared for it.</summary>
    EncoderSpec Spec { get; }

    /// <summary>The largest number of images one call accepts; 1 where the model's batch is fixed at one.</summary>
    int MaxBatch { get; }

    /// <summary>Encodes n images.</summary>
    /// <param name="images">n x 3 x crop x crop floats, as <see cref="Images.Preprocessor"/> makes them.</param>
    /// <param name="features">Receives n x d raw (not normalised) features.</param>
    /// <exception cref="ArgumentException">The lengths do not fit n images, or n exceeds <see cref="MaxBatch"/>.</exception>
    /// <exception cref="WhenceException">The model failed, or its output has another size than the spec says.</exception>
    void Encode(ReadOnlySpan<float> images, Span<float> features);
}
