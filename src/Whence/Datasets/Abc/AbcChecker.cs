using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Datasets.Abc;

/// <summary>A picture that was drawn for a sample.</summary>
internal sealed record AbcPicture(AbcSample Sample, RgbImage Image);

/// <summary>What was measured of a sample, to six digits: a file says what is compared with a threshold.</summary>
/// <param name="Similarity">To the exemplar that it is most like.</param>
/// <param name="Pixels">Mean difference of colours from that exemplar, 0 to 1, as the encoder sees both.</param>
internal readonly record struct AbcMeasure(double Similarity, double Pixels);

/// <summary>Compares what a model drew with its exemplars, and with what it drew before it was customized.</summary>
/// <remarks>Each image is encoded by itself, so that what stands beside it changes nothing.</remarks>
/// <param name="encoder">Its features say what an image shows.</param>
/// <param name="styles">Of style-centric models its features say too how like the exemplars an image is, which shows another thing than they do.</param>
internal sealed class AbcChecker(IImageEncoder encoder, IImageEncoder styles)
{
    private readonly Eye _eye = new(encoder), _styles = new(styles);

    /// <summary>What measures.</summary>
    public IReadOnlyList<EncoderSpec> Specs { get; } = [encoder.Spec, styles.Spec];

    /// <summary>Measures a model.</summary>
    /// <param name="kind">Whether it is of an object or of a style.</param>
    /// <param name="exemplars">Its exemplars, at least one.</param>
    /// <param name="samples">What it drew.</param>
    /// <param name="before">What it drew of the same words before (<see cref="AbcCheck.Before"/>); none of a model that is not customized.</param>
    /// <returns>A measure of each sample; of the model where it was customized.</returns>
    /// <exception cref="WhenceException">The encoder fails.</exception>
    public (IReadOnlyList<AbcMeasure> Samples, AbcCheckRecord? Model) Measure(AbcKind kind, IReadOnlyList<RgbImage> exemplars, IReadOnlyList<AbcPicture> samples, IReadOnlyList<AbcPicture> before)
    {
        View[] shown = Each(exemplars, Look);
        var (drawn, earlier) = (Each(samples, picture => Compare(picture, shown)), Each(before, picture => Compare(picture, shown)));
        return ([.. drawn.Select(d => d.Measure)], earlier.Length == 0 ? null : Check(drawn, earlier));

        View Look(RgbImage image)
        {
            var (input, feature) = _eye.Look(image);
            return new View(input, feature, kind == AbcKind.StyleCentric ? _styles.Look(image).Feature : null);
        }

        Compared Compare(AbcPicture picture, View[] exemplars)
        {
            var own = Look(picture.Image);
            double[] similarities = [.. exemplars.Select(exemplar => DotProduct.Of(own.Feature, exemplar.Feature))];
            var nearest = Array.IndexOf(similarities, similarities.Max());
            var measure = new AbcMeasure(Math.Round(similarities[nearest], 6), Math.Round(_eye.Difference(own.Input, exemplars[nearest].Input), 6));
            return new Compared(picture.Sample, own.Feature, similarities.Average(), own.Style is { } style ? exemplars.Average(exemplar => DotProduct.Of(style, exemplar.Style)) : null, measure);
        }
    }

    private static AbcCheckRecord Check(Compared[] drawn, Compared[] before)
    {
        var words = before.Select(b => (b.Sample.Prompt, b.Sample.Seed)).ToHashSet();
        var obeyed = drawn.Select(sample => Obeyed(sample, before)).OfType<double>().ToArray();
        Compared[] again = [.. drawn.Where(d => words.Contains((d.Sample.Prompt, d.Sample.Seed)))];
        return new AbcCheckRecord(again.Average(d => d.Mean), before.Average(b => b.Mean), again.Average(d => d.StyleMean), before.Average(b => b.StyleMean), obeyed.Length > 0 ? obeyed.Average() : null);
    }

    // Pictures of one noise are alike whatever the words: of its own prompt, only those of other noise count. None of another prompt has the same.
    private static double? Obeyed(Compared sample, Compared[] before)
    {
        double[] own = [.. before.Where(b => b.Sample.Plain == sample.Sample.Plain && b.Sample.Seed != sample.Sample.Seed).Select(Similarity)];
        double[] others = [.. before.Where(b => b.Sample.Plain != sample.Sample.Plain).Select(Similarity)];
        if (own.Length == 0 || others.Length == 0)
        {
            return null;
        }

        var mean = own.Average();
        return others.Average(other => other < mean ? 1 : other == mean ? 0.5 : 0);

        double Similarity(Compared other) => DotProduct.Of(sample.Feature, other.Feature);
    }

    private static TResult[] Each<T, TResult>(IReadOnlyList<T> items, Func<T, TResult> make)
    {
        var made = new TResult[items.Count];
        Unwrap.Aggregate(() => Parallel.For(0, made.Length, i => made[i] = make(items[i])));
        return made;
    }

    /// <summary>An encoder with its preparation.</summary>
    private sealed class Eye(IImageEncoder encoder)
    {
        private readonly Preprocessor _preprocessor = new(encoder.Spec.Preprocessing);

        /// <summary>What the encoder is given, and its feature of length 1.</summary>
        public (float[] Input, float[] Feature) Look(RgbImage image)
        {
            var (input, feature) = (new float[_preprocessor.Length], new float[encoder.Spec.Dimension]);
            _preprocessor.Preprocess(image, input);
            encoder.Encode(input, feature);
            Normalization.NormalizeRow(feature);
            return (input, feature);
        }

        /// <summary>Mean difference of the colours of two inputs, which are colours less a mean, in deviations.</summary>
        public double Difference(float[] a, float[] b)
        {
            var (spec, plane, sum) = (_preprocessor.Spec, a.Length / 3, 0.0);
            for (var i = 0; i < a.Length; i++)
            {
                sum += Math.Abs(a[i] - b[i]) * spec.Std[i / plane];
            }

            return sum / a.Length / spec.Range;
        }
    }

    /// <summary>What the first encoder is given, its feature, and of a style the other's.</summary>
    private sealed record View(float[] Input, float[] Feature, float[]? Style);

    /// <summary>A picture beside the exemplars; means are of its similarities to all of them.</summary>
    private sealed record Compared(AbcSample Sample, float[] Feature, double Mean, double? StyleMean, AbcMeasure Measure);
}
