using Whence.Mapping;

namespace Whence.Calibration;

/// <summary>
/// Turns similarities into soft influence: Eq. 6 of the paper,
/// <c>P_i = relu(exp((s_i - s_max) / tau) - lambda) / sum_j relu(exp((s_j - s_max) / tau) - lambda)</c>. With <see cref="None"/>, each of them is
/// multiplied by 1 - none, so that influences and none together sum to 1.
/// </summary>
public sealed record Calibrator
{
    /// <summary>What the authors multiply their bias by: lambda = -0.001 bias.</summary>
    internal const double BiasGain = 0.001;

    /// <summary>The authors' published values for CLIP tuned on objects and styles, used until a fit for the encoder exists.</summary>
    public static Calibrator Unfitted { get; } = new()
    {
        Tau = 0.0619,
        Lambda = 0.0385,
        Origin = "published by the paper's authors for CLIP",
    };

    // Far beyond anything useful; sums over hundreds of millions of images stay within their fixed point.
    internal const double Largest = 1e6;

    /// <summary>Temperature tau, above 0, at most a million.</summary>
    public required double Tau { get; init; }

    /// <summary>Threshold lambda, below 1 and at least minus a million. An image further than <c>tau * ln(1 / lambda)</c> below the best has no influence.</summary>
    public required double Lambda { get; init; }

    /// <summary>The mass for "no training image here"; null, the default, gives none: influences sum to 1 however far the best image is.</summary>
    public NoneOfThese? None { get; init; }

    /// <summary>Name of the encoder they were fitted for; null where nobody says.</summary>
    public string? Encoder { get; init; }

    /// <summary>
    /// <see cref="ChecksumOf"/> of the mappers they were fitted for: empty for raw features, null where nobody says. <see cref="Attributor"/> refuses
    /// other mappers.
    /// </summary>
    public string? Mapper { get; init; }

    /// <summary>The images that they were fitted on, in words; percentages of others are provisional. Null where nobody says.</summary>
    public string? Domain { get; init; }

    /// <summary>How they were fitted; null where nobody says.</summary>
    public CalibrationProvenance? Fit { get; init; }

    /// <summary>
    /// True when tau and lambda were fitted for a named encoder, which <see cref="Attributor"/> checks to be the one in use; false
    /// marks every output "uncalibrated".
    /// </summary>
    public bool Fitted => Encoder is not null;

    /// <summary>Where tau and lambda come from, in words that follow "tau and lambda were".</summary>
    public string Origin { get; init; } = "given by the caller";

    /// <summary>SHA-256 of a pair of mappers' tensors, lower-case hexadecimal, the same for .pth and .safetensors; empty for none.</summary>
    public static string ChecksumOf(MapperPair? mapper) => mapper is null ? "" : new MapperPair(mapper.Real, mapper.Synth, mapper.Name).Sha256;

    /// <summary>Refuses mappers other than those that it was fitted for, where it says which.</summary>
    /// <param name="mapper">The mappers in use; null for raw features.</param>
    /// <exception cref="WhenceException">Others.</exception>
    public void CheckMapper(MapperPair? mapper)
    {
        if (Mapper is { } own && own != ChecksumOf(mapper))
        {
            throw new WhenceException(
                $"The calibration was fitted for {(own.Length == 0 ? "raw features" : "another mapper")}, here {(mapper is null ? "none" : $"mapper '{mapper.Name}'")} is used; give the mapper that it was fitted with, or calibrate again.");
        }
    }

    /// <summary>Normalises Eq. 6 over the similarities of one query to the whole index.</summary>
    /// <param name="similarities">n similarities; NaN stands for an image that was removed and has no share.</param>
    /// <returns>The query's maximum and denominator, from which each image's influence follows.</returns>
    public Influence Normalize(ReadOnlySpan<float> similarities)
    {
        Validate();
        var maximum = float.NegativeInfinity;
        foreach (var s in similarities)
        {
            maximum = s > maximum ? s : maximum;
        }

        var sum = default(InfluenceSum);
        foreach (var s in similarities)
        {
            sum.Add(Weight(s, maximum));
        }

        return new Influence(this, maximum, sum);
    }

    /// <summary>Where weights begin: s_max + tau ln(lambda); minus infinity where lambda is not positive.</summary>
    internal double SmallestSimilarity(float maximum) => Lambda > 0 ? maximum + (Tau * Math.Log(Lambda)) : double.NegativeInfinity;

    /// <summary>Numerator of Eq. 6: <c>relu(exp((s - s_max) / tau) - lambda)</c>; 0 for NaN.</summary>
    internal double Weight(float similarity, float maximum) =>
        Math.Exp(((double)similarity - maximum) / Tau) - Lambda is > 0 and var weight ? weight : 0;

    /// <summary>
    /// Loads a calibration: a JSON file (<c>docs/formats.md</c>), or the authors' checkpoint <c>{inv_tau, bias}</c>
    /// (tau = 1 / inv_tau, lambda = -0.001 bias).
    /// </summary>
    /// <exception cref="WhenceException">The file is missing, is no calibration, or holds impossible values.</exception>
    public static Calibrator Load(string path) => CalibrationFile.Load(path);

    /// <summary>
    /// Writes a file beside its place and renames it: the authors' checkpoint, which holds tau and lambda only, as float32, where the name ends in
    /// <c>.pth</c> or <c>.pt</c>, otherwise JSON. The same calibration gives the same bytes.
    /// </summary>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public void Save(string path)
    {
        Validate();
        CalibrationFile.Save(path, this);
    }

    internal void Validate()
    {
        if (Domain is not null && string.IsNullOrWhiteSpace(Domain))
        {
            throw new WhenceException("The calibration's 'domain' is empty; say what images it was fitted on, or leave it out.");
        }

        if (!(Tau > 0 && Tau <= Largest && Lambda < 1 && Lambda >= -Largest))
        {
            throw new ArgumentException($"tau is {Tau} and lambda {Lambda}, but tau must be above 0 and at most {Largest}, lambda below 1 and at least {-Largest}");
        }

        if (None is { } none && (!double.IsFinite(none.Intercept) || !double.IsFinite(none.Slope) || none.Slope > 0))
        {
            throw new ArgumentException($"none has intercept {none.Intercept} and slope {none.Slope}, but they must be finite and the slope at most 0");
        }
    }
}
