namespace Whence.Calibration;

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
        None = calibrator.None?.Of(maximum) ?? 0;
    }

    /// <summary>The mass for "no training image here", in [0, 1]; 0 where the calibration has none. All influences sum to 1 minus it.</summary>
    public double None { get; }

    /// <summary>Number of images with an influence above zero.</summary>
    public long Nonzero { get; }

    /// <summary>Where influence begins: s_(0) + tau ln(lambda); minus infinity where lambda is not positive.</summary>
    public double SmallestSimilarity =>
        _calibrator.SmallestSimilarity(_maximum);

    /// <summary>The influence of an image with similarity <paramref name="similarity"/>, in [0, 1]; 0 for NaN.</summary>
    public double Of(float similarity) =>
        _calibrator.Weight(similarity, _maximum) is > 0 and var weight ? weight / _denominator * (1 - None) : 0;
}
