using Whence.Images;
using Whence.Vectors;

namespace Whence.Encoders;

/// <summary>
/// A quick test that an encoder works as its spec says: two crops of one picture must be more alike than two pictures, the
/// same input must give the same feature, alone or in a batch.
/// </summary>
public sealed record EncoderCheck
{
    // Batched matrix products may be split up differently; beyond this the batch changes the answer.
    private const double LargestBatchDifference = 1e-4;
    private const int BatchSize = 3;

    /// <summary>Cosine similarity of two crops of the first picture (its upper left and lower right nine tenths).</summary>
    public required double SamePicture { get; init; }

    /// <summary>Cosine similarity of the two pictures.</summary>
    public required double OtherPicture { get; init; }

    /// <summary>True when the same input gave the same bits twice.</summary>
    public required bool Deterministic { get; init; }

    /// <summary>Largest difference between an image encoded alone and in a batch, relative to the feature's length; null where the batch is fixed at 1.</summary>
    public required double? BatchDifference { get; init; }

    /// <summary>What is wrong; empty when all is well.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>True when nothing is wrong.</summary>
    public bool Passed => Problems.Count == 0;

    /// <summary>Runs the test on two pictures of different things.</summary>
    public static EncoderCheck Run(IImageEncoder encoder, RgbImage first, RgbImage second)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var preprocessor = new Preprocessor(encoder.Spec.Preprocessing);
        var (width, height) = (first.Width * 9 / 10, first.Height * 9 / 10);
        var inputs = new[]
        {
            Cut(first, 0, 0, width, height),
            Cut(first, first.Width - width, first.Height - height, width, height),
            second,
        }.Select(image =>
        {
            var pixels = new float[preprocessor.Length];
            preprocessor.Preprocess(image, pixels);
            return pixels;
        }).ToArray();

        var features = inputs.Select(i => Encode(encoder, i)).ToArray();
        var deterministic = features[0].AsSpan().SequenceEqual(Encode(encoder, inputs[0]));
        var same = Cosine(features[0], features[1]);
        var other = Cosine(features[0], features[2]);
        var batch = encoder.MaxBatch >= BatchSize ? CompareBatch(encoder, inputs, features) : (double?)null;
        return new EncoderCheck
        {
            SamePicture = same,
            OtherPicture = other,
            Deterministic = deterministic,
            BatchDifference = batch,
            Problems =
            [
                .. features.Any(f => f.Any(x => !float.IsFinite(x))) ? ["a feature is not finite"] : Array.Empty<string>(),
                .. !(same > other) ? ["two crops of one picture are not more alike than two pictures; check channel order, range, mean and std"] : Array.Empty<string>(),
                .. !deterministic ? ["the same input gives different features"] : Array.Empty<string>(),
                .. batch > LargestBatchDifference ? ["an image's feature depends on the others in its batch"] : Array.Empty<string>(),
            ],
        };
    }

    // Resizing to the same size skips both passes: what remains is the window.
    private static RgbImage Cut(RgbImage image, int x, int y, int width, int height) =>
        Resampler.Resize(image, image.Width, image.Height, Interpolation.Bilinear, new PixelWindow(x, y, width, height));

    private static float[] Encode(IImageEncoder encoder, float[] input)
    {
        var feature = new float[encoder.Spec.Dimension];
        encoder.Encode(input, feature);
        return feature;
    }

    private static double CompareBatch(IImageEncoder encoder, float[][] inputs, float[][] features)
    {
        var together = new float[features.Length * encoder.Spec.Dimension];
        encoder.Encode(inputs.SelectMany(i => i).ToArray(), together);
        var alone = features.SelectMany(f => f).ToArray();
        var length = Math.Sqrt(DotProduct.Of(features[0], features[0]));
        return together.Zip(alone).Max(p => Math.Abs((double)p.First - p.Second)) / length;
    }

    private static double Cosine(float[] a, float[] b)
    {
        var (x, y) = ((float[])a.Clone(), (float[])b.Clone());
        Normalization.NormalizeRow(x);
        Normalization.NormalizeRow(y);
        return DotProduct.Of(x, y);
    }
}
