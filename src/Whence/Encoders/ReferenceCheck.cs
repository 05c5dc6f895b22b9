using Whence.Images;
using Whence.Vectors;

namespace Whence.Encoders;

/// <summary>
/// Compares an encoder with a reference step by step. Each step gets the reference's own input, so that a difference shows where it arises and
/// nowhere after; where the reference leaves steps out, several are taken together.
/// </summary>
public sealed record ReferenceCheck
{
    private const int Steps = 5;

    /// <summary>Each comparison that could be made, image by image, in the order of the steps.</summary>
    public required IReadOnlyList<StepComparison> Comparisons { get; init; }

    /// <summary>The whole way from the first thing known of an image to its feature; an image of which there is no feature is left out.</summary>
    public required IReadOnlyList<StepComparison> Whole { get; init; }

    /// <summary>The comparison at which the encoder differs first: of the earliest step, the worst image. Null where nothing differs.</summary>
    public StepComparison? FirstDifference => Comparisons
        .Where(comparison => comparison.Problem is not null)
        .OrderBy(comparison => comparison.Last).ThenBy(comparison => comparison.First)
        .ThenByDescending(comparison => double.IsNaN(comparison.Largest) ? double.PositiveInfinity : comparison.Largest)
        .FirstOrDefault();

    /// <summary>Runs the comparison.</summary>
    /// <param name="encoder">The encoder.</param>
    /// <param name="reference">What it should give.</param>
    /// <param name="tolerance">How far it may be from it; null: the defaults.</param>
    /// <param name="cancellationToken">Stops between two images.</param>
    /// <exception cref="WhenceException">The reference is damaged, an image of it cannot be decoded, or nothing can be compared.</exception>
    public static ReferenceCheck Run(IImageEncoder encoder, EncoderReference reference, ReferenceTolerance? tolerance = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(reference);
        var preprocessor = new Preprocessor(encoder.Spec.Preprocessing);
        var (comparisons, whole) = (new List<StepComparison>(), new List<StepComparison>());
        foreach (var image in reference.Images)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var run = new ImageRun(encoder, preprocessor, reference, image, tolerance ?? new());
            comparisons.AddRange(run.Compare());
            whole.AddRange(run.CompareWhole());
        }

        return comparisons.Count > 0
            ? new ReferenceCheck { Comparisons = comparisons, Whole = whole }
            : throw new WhenceException("The reference has of each image only one thing; to compare, it takes what went into a step and what came out of it.");
    }

    /// <summary>What is known of an image: at 0 its file, at i + 1 the output of step i.</summary>
    private sealed class ImageRun
    {
        private readonly IImageEncoder _encoder;
        private readonly Preprocessor _preprocessor;
        private readonly string _image;
        private readonly ReferenceTolerance _tolerance;
        private readonly bool _lossy;
        private readonly object?[] _known = new object?[Steps + 1];

        public ImageRun(IImageEncoder encoder, Preprocessor preprocessor, EncoderReference reference, string image, ReferenceTolerance tolerance)
        {
            (_encoder, _preprocessor, _image, _tolerance) = (encoder, preprocessor, image, tolerance);
            var file = reference.ReadFile(image);
            _lossy = file is [0xFF, 0xD8, ..] || (file is { Length: > 12 } && file.AsSpan(8, 4).SequenceEqual("WEBP"u8));
            _known[0] = file;
            for (var step = EncodingStep.Decode; step <= EncodingStep.Network; step++)
            {
                _known[(int)step + 1] = step <= EncodingStep.Crop ? reference.ReadPicture(image, step) : reference.ReadNumbers(image, step);
            }

            CheckSize(EncodingStep.Normalize, preprocessor.Length, "3 x crop x crop numbers");
            CheckSize(EncodingStep.Network, encoder.Spec.Dimension, "values");
        }

        public IEnumerable<StepComparison> Compare()
        {
            var from = -1;
            for (var i = 0; i <= Steps; i++)
            {
                if (_known[i] is null)
                {
                    continue;
                }

                if (from >= 0)
                {
                    yield return Compare(from, i);
                }

                from = i;
            }
        }

        public IEnumerable<StepComparison> CompareWhole()
        {
            var from = Array.FindIndex(_known, known => known is not null);
            return from < Steps && _known[Steps] is not null ? [Compare(from, Steps)] : [];
        }

        private void CheckSize(EncodingStep step, int length, string what)
        {
            if (_known[(int)step + 1] is float[] numbers && numbers.Length != length)
            {
                throw new WhenceException($"The reference's image '{_image}' has {numbers.Length} {what}, the encoder's spec says {length}: it was made with another encoder or another crop.");
            }
        }

        private StepComparison Compare(int from, int to)
        {
            var (first, last) = ((EncodingStep)from, (EncodingStep)(to - 1));
            object? ours;
            try
            {
                ours = Take(from, to);
            }
            catch (WhenceException e)
            {
                return new StepComparison(_image, first, last, double.NaN, double.NaN, null, e.Message);
            }

            var lossy = _lossy && from == 0;
            return ours is RgbImage picture
                ? Compare(first, last, picture, (RgbImage)_known[to]!, lossy)
                : last == EncodingStep.Normalize
                    ? CompareNormalized(first, (float[])ours, (float[])_known[to]!, lossy)
                    : CompareFeatures(first, (float[])ours, (float[])_known[to]!, lossy);
        }

        private object Take(int from, int to)
        {
            var current = _known[from]!;
            for (var step = (EncodingStep)from; (int)step < to; step++)
            {
                current = step switch
                {
                    EncodingStep.Decode => ImageDecoder.Decode((byte[])current),
                    EncodingStep.Resize => _preprocessor.Resize((RgbImage)current),
                    EncodingStep.Crop => _preprocessor.CropResized((RgbImage)current),
                    EncodingStep.Normalize => Normalize((RgbImage)current),
                    _ => Encode((float[])current),
                };
            }

            return current;
        }

        private float[] Normalize(RgbImage crop)
        {
            var side = _preprocessor.Spec.Crop;
            if (crop.Width != side || crop.Height != side)
            {
                throw new WhenceException($"the reference's crop is {crop.Width} x {crop.Height}, the spec's {side} x {side}");
            }

            var numbers = new float[_preprocessor.Length];
            _preprocessor.NormalizeCrop(crop, numbers);
            return numbers;
        }

        private float[] Encode(float[] numbers)
        {
            var feature = new float[_encoder.Spec.Dimension];
            _encoder.Encode(numbers, feature);
            return feature;
        }

        private StepComparison Compare(EncodingStep first, EncodingStep last, RgbImage ours, RgbImage theirs, bool lossy)
        {
            if (ours.Width != theirs.Width || ours.Height != theirs.Height)
            {
                return new StepComparison(
                    _image, first, last, double.NaN, double.NaN, null, $"{ours.Width} x {ours.Height} pixels, the reference has {theirs.Width} x {theirs.Height}");
            }

            var (a, b) = (Bytes(ours), Bytes(theirs));
            var (largest, sum) = (0, 0L);
            for (var i = 0; i < a.Length; i++)
            {
                var difference = Math.Abs(a[i] - b[i]);
                (largest, sum) = (Math.Max(largest, difference), sum + difference);
            }

            var mean = (double)sum / a.Length;
            var holds = lossy ? largest <= _tolerance.DecodedLargest && mean <= _tolerance.DecodedMean : largest == 0;
            return new StepComparison(_image, first, last, largest, mean, null, holds ? null : lossy ? "more than decoders differ" : "not equal");
        }

        private StepComparison CompareNormalized(EncodingStep first, float[] ours, float[] theirs, bool lossy)
        {
            // A level of a byte in the normalised numbers, where it is largest.
            var level = _preprocessor.Spec.Range / 255.0 / _preprocessor.Spec.Std.Min();
            var (largest, mean, beyond) = Differences(ours, theirs, _tolerance.Normalized);
            var holds = lossy ? largest <= _tolerance.DecodedLargest * level && mean <= _tolerance.DecodedMean * level : !beyond;
            return new StepComparison(_image, first, EncodingStep.Normalize, largest, mean, null, holds ? null : "not within the tolerance");
        }

        private StepComparison CompareFeatures(EncodingStep first, float[] ours, float[] theirs, bool lossy)
        {
            var (largest, mean, _) = Differences(ours, theirs, 0);
            var scale = theirs.Max(Math.Abs);
            var cosine = Cosine(ours, theirs);
            var holds = lossy ? cosine >= _tolerance.DecodedCosine : cosine >= _tolerance.Cosine && largest <= _tolerance.Feature * scale;
            return new StepComparison(_image, first, EncodingStep.Network, largest, mean, cosine, holds ? null : "not within the tolerance");
        }

        private static (double Largest, double Mean, bool Beyond) Differences(float[] ours, float[] theirs, double tolerance)
        {
            var (largest, sum, beyond) = (0.0, 0.0, false);
            for (var i = 0; i < ours.Length; i++)
            {
                var difference = Math.Abs((double)ours[i] - theirs[i]);
                largest = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(largest, difference);
                sum += difference;
                beyond |= !(difference <= tolerance * Math.Max(1, Math.Abs(theirs[i])));
            }

            return (largest, sum / ours.Length, beyond);
        }

        private static double Cosine(float[] a, float[] b)
        {
            var (x, y) = ((float[])a.Clone(), (float[])b.Clone());
            Normalization.NormalizeRow(x);
            Normalization.NormalizeRow(y);
            return DotProduct.Of(x, y);
        }

        private static byte[] Bytes(RgbImage image)
        {
            var bytes = new byte[image.Width * image.Height * 3];
            image.CopyRgbTo(bytes);
            return bytes;
        }
    }
}
