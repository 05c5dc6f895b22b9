using System.Text.Json;
using Whence.Vectors;

namespace Whence.Calibration;

/// <summary>
/// Turns similarities into soft influence: Eq. 6 of the paper,
/// <c>P_i = relu(exp((s_i - s_max) / tau) - lambda) / sum_j relu(exp((s_j - s_max) / tau) - lambda)</c>.
/// </summary>
public sealed record Calibrator
{
    /// <summary>The authors' published values for CLIP tuned on objects and styles, used until a fit for the encoder exists.</summary>
    public static Calibrator Unfitted { get; } = new()
    {
        Tau = 0.0619,
        Lambda = 0.0385,
        Origin = "published by the paper's authors for CLIP",
    };

    /// <summary>Temperature tau, above 0.</summary>
    public required double Tau { get; init; }

    /// <summary>Threshold lambda, below 1. An image further than <c>tau * ln(1 / lambda)</c> below the best has no influence.</summary>
    public required double Lambda { get; init; }

    /// <summary>Name of the encoder they were fitted for; null where nobody says.</summary>
    public string? Encoder { get; init; }

    /// <summary>
    /// True when tau and lambda were fitted for a named encoder, which <see cref="Attributor"/> checks to be the one in use; false
    /// marks every output "uncalibrated".
    /// </summary>
    public bool Fitted => Encoder is not null;

    /// <summary>Where tau and lambda come from, in words that follow "tau and lambda were".</summary>
    public string Origin { get; init; } = "given by the caller";

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
    public static Calibrator Load(string path)
    {
        try
        {
            var calibrator = path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
                ? LoadJson(path)
                : LoadCheckpoint(path);
            calibrator.Validate();
            return calibrator;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new WhenceException($"{path}: not a usable calibration ({e.Message.ReplaceLineEndings(" ")}); docs/formats.md shows the format.", e);
        }
    }

    internal void Validate()
    {
        if (!(Tau > 0) || !double.IsFinite(Tau) || !(Lambda < 1) || !double.IsFinite(Lambda))
        {
            throw new ArgumentException($"tau is {Tau} and lambda {Lambda}, but tau must be above 0 and lambda below 1");
        }
    }

    private static Calibrator LoadJson(string path)
    {
        using var stream = File.OpenRead(path);
        var file = JsonSerializer.Deserialize<CalibrationFile>(stream, JsonSerializerOptions.Web)
            ?? throw new JsonException("the file holds null");
        if (file.Format != CalibrationFile.FormatName || file.Version != 1)
        {
            throw new JsonException($"format '{file.Format}' version {file.Version}, expected '{CalibrationFile.FormatName}' version 1");
        }

        return new() { Tau = file.Tau, Lambda = file.Lambda, Encoder = file.Encoder, Origin = $"read from {Path.GetFileName(path)}" };
    }

    private static Calibrator LoadCheckpoint(string path)
    {
        const double biasGain = 0.001;
        using var file = TorchFile.Open(path);
        var state = file.Root.AsDictionary();
        return new()
        {
            Tau = 1 / Scalar("inv_tau"),
            Lambda = -biasGain * Scalar("bias"),
            Origin = $"read from {Path.GetFileName(path)}",
        };

        double Scalar(string key) =>
            state.TryGetValue(key, out var value) && value.AsTensor().ReadSingle() is [var scalar]
                ? scalar
                : throw new WhenceException($"{path}: no scalar '{key}'; a calibration checkpoint holds 'inv_tau' and 'bias'.");
    }

    private sealed record CalibrationFile
    {
        public const string FormatName = "whence-calibration";

        public required string Format { get; init; }

        public required int Version { get; init; }

        public required double Tau { get; init; }

        public required double Lambda { get; init; }

        public string? Encoder { get; init; }
    }
}

/// <summary>Eq. 6 for one query: its best similarity s_(0) and its denominator.</summary>
public readonly record struct Influence
{
    private readonly Calibrator _calibrator;
    private readonly float _maximum;
    private readonly double _denominator;

    internal Influence(Calibrator calibrator, float maximum, InfluenceSum sum)
    {
        _calibrator = calibrator;
        _maximum = maximum;
        _denominator = sum.Value;
        Nonzero = sum.Nonzero;
    }

    /// <summary>Number of images with an influence above zero.</summary>
    public long Nonzero { get; }

    /// <summary>Where influence begins: s_(0) + tau ln(lambda); minus infinity where lambda is not positive.</summary>
    public double SmallestSimilarity =>
        _calibrator.SmallestSimilarity(_maximum);

    /// <summary>The influence of an image with similarity <paramref name="similarity"/>, in [0, 1]; 0 for NaN.</summary>
    public double Of(float similarity) =>
        _calibrator.Weight(similarity, _maximum) is > 0 and var weight ? weight / _denominator : 0;
}
