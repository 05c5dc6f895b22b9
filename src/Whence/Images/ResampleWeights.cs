namespace Whence.Images;

/// <summary>
/// The weights of one pass along one axis, for a window of the output: output i is the sum over t below Count(i) of
/// Weight(i, t) * source[Start(i) + t], in fixed point with <see cref="FractionBits"/> bits.
/// </summary>
internal sealed class ResampleWeights
{
    /// <summary>32 bits, less 8 of the sample, less one each for the sign and for filters that overshoot.</summary>
    public const int FractionBits = 22;

    /// <summary>One half, so that the shift rounds.</summary>
    public const int Half = 1 << (FractionBits - 1);

    private ResampleWeights(int[] starts, int[] counts, int[] weights, int taps)
    {
        Starts = starts;
        Counts = counts;
        Weights = weights;
        Taps = taps;
    }

    /// <summary>First source position of each output.</summary>
    public int[] Starts { get; }

    /// <summary>Number of source positions of each output, at least 1.</summary>
    public int[] Counts { get; }

    /// <summary>Outputs x <see cref="Taps"/>; zero from an output's count on.</summary>
    public int[] Weights { get; }

    /// <summary>Row length of <see cref="Weights"/>: the largest count, rounded up to 4.</summary>
    public int Taps { get; }

    /// <summary>First source position that any output needs.</summary>
    public int First => Starts[0];

    /// <summary>Number of source positions from <see cref="First"/> to the last one needed. Neither start nor end ever decreases.</summary>
    public int Needed => Starts[^1] + Counts[^1] - First;

    /// <summary>Weights for the outputs <paramref name="first"/> .. first + count - 1 of a resize from inSize to outSize.</summary>
    public static ResampleWeights Create(Interpolation interpolation, int inSize, int outSize, int first, int count)
    {
        var scale = (double)inSize / outSize;
        var stretch = Math.Max(scale, 1);
        var support = interpolation.Radius() * stretch;
        var (starts, counts) = (new int[count], new int[count]);
        for (var i = 0; i < count; i++)
        {
            var center = (first + i + 0.5) * scale;
            starts[i] = Math.Max(0, (int)(center - support + 0.5));
            counts[i] = Math.Min(inSize, (int)(center + support + 0.5)) - starts[i];
        }

        var taps = (counts.Max() + 3) & ~3;
        var weights = new int[checked(count * taps)];
        var exact = new double[taps];
        for (var i = 0; i < count; i++)
        {
            var center = (first + i + 0.5) * scale;
            double sum = 0;
            for (var t = 0; t < counts[i]; t++)
            {
                sum += exact[t] = interpolation.Weight((starts[i] + t - center + 0.5) * (1 / stretch));
            }

            for (var t = 0; t < counts[i]; t++)
            {
                weights[(i * taps) + t] = Fixed(sum == 0 ? exact[t] : exact[t] / sum);
            }
        }

        return new(starts, counts, weights, taps);
    }

    /// <summary>Rounded half away from zero.</summary>
    private static int Fixed(double weight) => (int)((weight * (1 << FractionBits)) + (weight < 0 ? -0.5 : 0.5));
}
