namespace Whence.Calibration;

/// <summary>
/// The mass for "no training image here": a logistic function of a query's best similarity, <c>1 / (1 + exp(-(intercept + slope s_(0))))</c>. Beyond the
/// paper, whose influences sum to one however far the best image is.
/// </summary>
/// <param name="Intercept">Its logit at similarity 0.</param>
/// <param name="Slope">How much the logit changes per unit of similarity; at most 0, so that a more similar image never means more for none.</param>
public sealed record NoneOfThese(double Intercept, double Slope)
{
    // Of the slope per standard deviation of the similarities: as if it came from a normal distribution with standard deviation 10.
    private const double Ridge = 0.01;
    private const int MostSteps = 100;
    private const double Enough = 1e-12;

    /// <summary>The mass for none, in [0, 1].</summary>
    /// <param name="best">s_(0), the best similarity; minus infinity, where there is no image at all, gives 1.</param>
    public double Of(float best) => float.IsNegativeInfinity(best) ? 1 : Sigmoid(Intercept + (Slope * best));

    /// <summary>
    /// Fits by maximum likelihood (Newton's method, from a slope of 0, the same in every run). A ridge of 0.01 / 2 times the square of the slope, per
    /// standard deviation of the similarities, keeps it finite where one similarity separates the two kinds of queries; where it does not, the ridge
    /// changes nothing that matters.
    /// </summary>
    /// <param name="present">Best similarities of queries whose exemplars are in the index.</param>
    /// <param name="absent">Best similarities of queries whose exemplars are not. Equally many make both kinds equally likely beforehand.</param>
    /// <exception cref="ArgumentException">One of them is empty, or a similarity is not finite.</exception>
    public static NoneOfThese Fit(ReadOnlySpan<float> present, ReadOnlySpan<float> absent)
    {
        float[] all = [.. present, .. absent];
        if (present.IsEmpty || absent.IsEmpty || !Array.TrueForAll(all, float.IsFinite))
        {
            throw new ArgumentException($"{present.Length} and {absent.Length} similarities; both kinds are needed, and finite.", nameof(present));
        }

        var mean = all.Average(s => (double)s);
        var deviation = Math.Sqrt(all.Average(s => (s - mean) * (s - mean)));
        var even = Math.Log((double)absent.Length / present.Length);
        if (!(deviation > 0))
        {
            return new NoneOfThese(even, 0);
        }

        var scaled = Array.ConvertAll(all, s => (s - mean) / deviation);
        var (a, b) = (even, 0.0);
        var penalty = Penalty(scaled, present.Length, a, b);
        for (var step = 0; step < MostSteps; step++)
        {
            var (da, db) = Newton(scaled, present.Length, a, b);
            var (share, next) = (1.0, Penalty(scaled, present.Length, a + da, b + db));
            while (next > penalty && share > Enough)
            {
                share /= 2;
                next = Penalty(scaled, present.Length, a + (share * da), b + (share * db));
            }

            if (!(next < penalty))
            {
                break;
            }

            (a, b) = (a + (share * da), b + (share * db));
            var gain = penalty - next;
            penalty = next;
            if (gain < Enough * penalty)
            {
                break;
            }
        }

        return b < 0 ? new NoneOfThese(a - (b * mean / deviation), b / deviation) : new NoneOfThese(even, 0);
    }

    private static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));

    /// <summary>Minus the logarithm of the likelihood, and the ridge.</summary>
    private static double Penalty(double[] scaled, int present, double a, double b)
    {
        var sum = Ridge / 2 * b * b;
        for (var i = 0; i < scaled.Length; i++)
        {
            // -log(sigmoid(y)) = log(1 + exp(-y)), of which nothing overflows
            var y = (a + (b * scaled[i])) * (i < present ? -1 : 1);
            sum += Math.Max(-y, 0) + Math.Log(1 + Math.Exp(-Math.Abs(y)));
        }

        return sum;
    }

    private static (double A, double B) Newton(double[] scaled, int present, double a, double b)
    {
        var (ga, gb, haa, hab, hbb) = (0.0, -Ridge * b, 0.0, 0.0, Ridge);
        for (var i = 0; i < scaled.Length; i++)
        {
            var x = scaled[i];
            var p = Sigmoid(a + (b * x));
            var (difference, weight) = ((i < present ? 0 : 1) - p, p * (1 - p));
            ga += difference;
            gb += difference * x;
            haa += weight;
            hab += weight * x;
            hbb += weight * x * x;
        }

        var determinant = (haa * hbb) - (hab * hab);
        return determinant > 0 ? (((hbb * ga) - (hab * gb)) / determinant, ((haa * gb) - (hab * ga)) / determinant) : (0, 0);
    }
}
