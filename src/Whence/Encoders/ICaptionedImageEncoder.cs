namespace Whence.Encoders;

/// <summary>
/// An image encoder that looks at each image's caption too (appendix B.5). Without captions, <see cref="IImageEncoder.Encode"/>, they are empty texts.
/// </summary>
public interface ICaptionedImageEncoder : IImageEncoder
{
    /// <summary>Encodes n images with their captions.</summary>
    /// <param name="images">As for <see cref="IImageEncoder.Encode"/>.</param>
    /// <param name="captions">n texts; empty where an image has none.</param>
    /// <param name="features">Receives n x d raw (not normalised) features.</param>
    /// <exception cref="ArgumentException">As for <see cref="IImageEncoder.Encode"/>, or there are not n captions.</exception>
    /// <exception cref="WhenceException">The model failed.</exception>
    void Encode(ReadOnlySpan<float> images, IReadOnlyList<string> captions, Span<float> features);
}

/// <summary>Encoding by any encoder where captions are at hand.</summary>
internal static class CaptionedEncoding
{
    /// <summary>Gives the captions to an encoder that looks at them, and encodes without them otherwise; an image without a caption has an empty one.</summary>
    public static void EncodeWith(this IImageEncoder encoder, ReadOnlySpan<float> images, IEnumerable<string?> captions, Span<float> features)
    {
        if (encoder is ICaptionedImageEncoder captioned)
        {
            captioned.Encode(images, [.. captions.Select(caption => caption ?? "")], features);
        }
        else
        {
            encoder.Encode(images, features);
        }
    }
}
