using System.Numerics.Tensors;
using Whence.Files;

namespace Whence.Calibration;

/// <summary>A loss and its gradient.</summary>
/// <param name="Loss">Cross entropy in nats.</param>
/// <param name="ByInverseTau">Its derivative with respect to 1 / tau.</param>
/// <param name="ByBias">Its derivative with respect to the raw bias; lambda = -0.001 times it.</param>
public readonly record struct CalibrationGradient(double Loss, double ByInverseTau, double ByBias);

/// <summary>
/// The loss of a calibration (Eq. 5 of the paper) with softplus in place of ReLU, as the authors train it, and its gradient in closed form:
/// <c>log(sum over all candidates of t_i) - mean over exemplars of log t_i</c>, <c>t_i = softplus(exp((s_i - s_max) / tau) + b)</c>,
/// <c>b = 0.001 bias = -lambda</c>. That is the cross entropy between the truth, 1/c for each of c exemplars, and the influences; without log c,
/// which no parameter changes, it is their Kullback-Leibler divergence.
/// </summary>
public sealed class CalibrationLoss
{
    private readonly ISimilarities _similarities;
    private readonly float[] _maxima;
    private readonly ParallelOptions _parallel;

    /// <summary>Prepares the loss: looks at every similarity once.</summary>
    /// <param name="similarities">The queries.</param>
    /// <param name="threads">At least 1; results do not depend on it.</param>
    /// <param name="cancellation">Stops this and every later computation between queries.</param>
    /// <exception cref="WhenceException">A similarity is not finite.</exception>
    public CalibrationLoss(ISimilarities similarities, int threads, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(similarities);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(similarities.Queries, 1, nameof(similarities));
        (_similarities, _maxima) = (similarities, new float[similarities.Queries]);
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        ForEach(0, _maxima.Length, q =>
        {
            // Both pass NaN on.
            var (low, high) = (TensorPrimitives.Min(similarities.Row(q)), TensorPrimitives.Max(similarities.Row(q)));
            _maxima[q] = float.IsFinite(low) && float.IsFinite(high)
                ? high
                : throw new WhenceException($"query {q} has a similarity of {(float.IsFinite(low) ? high : low)}, expected finite numbers; gather the similarities again.");
        });
    }

    /// <summary>Number of queries.</summary>
    public int Queries => _maxima.Length;

    /// <summary>Loss and gradient, means over consecutive queries.</summary>
    /// <param name="first">The first query.</param>
    /// <param name="count">How many, at least 1.</param>
    /// <param name="inverseTau">1 / tau.</param>
    /// <param name="bias">The raw bias.</param>
    public CalibrationGradient Of(int first, int count, double inverseTau, double bias)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var each = OfEach(first, count, inverseTau, bias);
        var (loss, byInverseTau, byBias) = (0.0, 0.0, 0.0);
        foreach (var query in each)
        {
            loss += query.Loss;
            byInverseTau += query.ByInverseTau;
            byBias += query.ByBias;
        }

        return new CalibrationGradient(loss / count, byInverseTau / count, byBias / count);
    }

    /// <summary>Loss and gradient of consecutive queries, each by itself.</summary>
    /// <param name="first">The first query.</param>
    /// <param name="count">How many.</param>
    /// <param name="inverseTau">1 / tau.</param>
    /// <param name="bias">The raw bias.</param>
    public CalibrationGradient[] OfEach(int first, int count, double inverseTau, double bias)
    {
        var each = new CalibrationGradient[count];
        ForEach(first, first + count, q => each[q - first] = OfQuery(_similarities.Row(q), _similarities.Exemplars(q), _maxima[q], inverseTau, bias));
        return each;
    }

    /// <summary>Loss and gradient of one query.</summary>
    internal static CalibrationGradient OfQuery(ReadOnlySpan<float> similarities, int exemplars, float maximum, double inverseTau, double bias)
    {
        var offset = Calibrator.BiasGain * bias;
        var sums = SmoothRelu.Sum(similarities, maximum, (float)inverseTau, (float)offset);
        var (logs, byInverseTau, byOffset) = (0.0, 0.0, 0.0);
        foreach (var similarity in similarities[..exemplars])
        {
            var below = (double)similarity - maximum;
            var e = Math.Exp(inverseTau * below);
            var (log, slope) = LogSoftplus(e + offset);
            logs += log;
            byInverseTau += slope * e * below;
            byOffset += slope;
        }

        return new CalibrationGradient(
            Math.Log(sums.Value) - (logs / exemplars),
            (sums.ByInverseTau / sums.Value) - (byInverseTau / exemplars),
            Calibrator.BiasGain * ((sums.ByOffset / sums.Value) - (byOffset / exemplars)));
    }

    /// <summary>log t and t' / t of <c>t = softplus(y) = log(1 + exp(100 y)) / 100</c>, or y itself where 100 y is above 20, as torch computes it.</summary>
    internal static (double Log, double Slope) LogSoftplus(double y)
    {
        const double threshold = 20;
        const double tiny = -30; // log(1 + z) is z to the last bit
        var x = SmoothRelu.Beta * y;
        if (x > threshold)
        {
            return (Math.Log(y), 1 / y);
        }

        if (x < tiny)
        {
            return (x - Math.Log(SmoothRelu.Beta), SmoothRelu.Beta);
        }

        var z = Math.Exp(x);
        var t = LogOnePlus(z) / SmoothRelu.Beta;
        return (Math.Log(t), z / (1 + z) / t);
    }

    // What 1 + z rounds off comes back, so that a small z keeps its digits.
    private static double LogOnePlus(double z)
    {
        var w = 1 + z;
        return Math.Log(w) + ((z - (w - 1)) / w);
    }

    private void ForEach(int from, int to, Action<int> action) => Unwrap.Aggregate(() => Parallel.For(from, to, _parallel, action));
}
