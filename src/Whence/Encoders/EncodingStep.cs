namespace Whence.Encoders;

/// <summary>The steps from an image file to its feature, in order.</summary>
public enum EncodingStep
{
    /// <summary>The file becomes pixels.</summary>
    Decode,

    /// <summary>The pixels are resized.</summary>
    Resize,

    /// <summary>The centre is cut out.</summary>
    Crop,

    /// <summary>Bytes become numbers, channel by channel.</summary>
    Normalize,

    /// <summary>The network makes the feature.</summary>
    Network,
}

/// <summary>How far a step may be from a reference (<c>docs/encoders.md</c>). Resize and crop must be equal to the last bit.</summary>
public sealed record ReferenceTolerance
{
    /// <summary>Largest difference of a byte where a JPEG or WebP was decoded. Default 8: decoders differ in how they enlarge chroma. Other files: none.</summary>
    public double DecodedLargest { get; init; } = 8;

    /// <summary>Mean difference of bytes where a JPEG or WebP was decoded. Default 1.</summary>
    public double DecodedMean { get; init; } = 1;

    /// <summary>Largest difference of a normalised number, absolute for numbers up to 1 and relative above. Default 1e-6.</summary>
    public double Normalized { get; init; } = 1e-6;

    /// <summary>Largest difference of a feature's value, relative to the reference's largest value. Default 1e-4.</summary>
    public double Feature { get; init; } = 1e-4;

    /// <summary>Smallest cosine of two features. Default 0.99999.</summary>
    public double Cosine { get; init; } = 0.99999;

    /// <summary>Smallest cosine of two features where a JPEG or WebP was decoded on the way. Default 0.999.</summary>
    public double DecodedCosine { get; init; } = 0.999;

    /// <summary>The tolerance for networks that compute in a precision.</summary>
    public static ReferenceTolerance For(EncoderPrecision precision) => precision == EncoderPrecision.BF16
        ? new() { Feature = 0.05, Cosine = 0.999, DecodedCosine = 0.998 }
        : new();
}

/// <summary>How the output of a step, or of several in a row, compares with a reference's.</summary>
/// <param name="Image">Name of the image in the reference.</param>
/// <param name="First">The first step that was taken: its input is the reference's.</param>
/// <param name="Last">The last step that was taken: its output is compared.</param>
/// <param name="Largest">Largest difference of two numbers, in levels for pictures; NaN where sizes differ.</param>
/// <param name="Mean">Mean difference.</param>
/// <param name="Cosine">Cosine of the two features; null for other steps.</param>
/// <param name="Problem">What is wrong; null where the difference is within the tolerance.</param>
public sealed record StepComparison(string Image, EncodingStep First, EncodingStep Last, double Largest, double Mean, double? Cosine, string? Problem);
