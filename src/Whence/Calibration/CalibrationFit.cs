namespace Whence.Calibration;

/// <summary>Options of a <see cref="CalibrationFit"/>; the defaults are those of appendix C.3 of the paper.</summary>
public sealed record CalibrationFitOptions
{
    /// <summary>Updates, at least 1. Default 200.</summary>
    public int Steps { get; init; } = 200;

    /// <summary>Adam's learning rate for 1/tau and the raw bias, above 0; lambda moves a thousandth of it. Default 0.5.</summary>
    public double LearningRate { get; init; } = 0.5;

    /// <summary>
    /// Queries of a step, at least 1: step t takes the t-th run of so many queries, and begins again after the last one, which may be shorter.
    /// Default 4096, the paper's, which is the whole pool each time.
    /// </summary>
    public int BatchSize { get; init; } = 4096;

    /// <summary>Threads, at least 1; results do not depend on it. Default: the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Steps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        if (!(LearningRate > 0) || !double.IsFinite(LearningRate))
        {
            throw new ArgumentOutOfRangeException(nameof(LearningRate), LearningRate, "A learning rate is above 0.");
        }
    }
}

/// <summary>
/// Fits tau and lambda of Eq. 6 by the Kullback-Leibler divergence of Eq. 5. What is learned, as in the authors' code, is 1/tau, from 1, and a
/// bias b with lambda = -0.001 b, from 0; by Adam (0.9, 0.999, 1e-8) with one learning rate for both, in float64, with gradients in closed form.
/// </summary>
public sealed record CalibrationFit
{
    private const double FirstMoment = 0.9;
    private const double SecondMoment = 0.999;
    private const double Epsilon = 1e-8;

    private CalibrationFit(double inverseTau, double bias, IReadOnlyList<CalibrationStep> steps) => (InverseTau, Bias, Steps) = (inverseTau, bias, steps);

    /// <summary>1 / tau.</summary>
    public double InverseTau { get; }

    /// <summary>The authors' raw bias; lambda = -0.001 times it.</summary>
    public double Bias { get; }

    /// <summary>
    /// Every step, parameters and loss before its update, and one more for the parameters after the last update on the first batch.
    /// </summary>
    public IReadOnlyList<CalibrationStep> Steps { get; }

    /// <summary>Fits.</summary>
    /// <param name="loss">The queries to fit to.</param>
    /// <param name="options">Steps, learning rate, batches; null for the paper's.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <exception cref="WhenceException">No tau above 0 and lambda below 1 is best: similarities say nothing about who the exemplars are.</exception>
    public static CalibrationFit Run(CalibrationLoss loss, CalibrationFitOptions? options = null, IProgress<CalibrationStep>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        options ??= new();
        options.Validate();
        var (inverseTau, bias) = (new Parameter(1), new Parameter(0));
        var batches = 1 + ((loss.Queries - 1) / options.BatchSize);
        var steps = new List<CalibrationStep>(options.Steps + 1);
        for (var t = 0; t <= options.Steps; t++)
        {
            var first = (t < options.Steps ? t % batches : 0) * options.BatchSize;
            var gradient = loss.Of(first, Math.Min(options.BatchSize, loss.Queries - first), inverseTau.Value, bias.Value);
            var step = new CalibrationStep(t, gradient.Loss, inverseTau.Value, bias.Value);
            steps.Add(step);
            progress?.Report(step);
            if (t < options.Steps)
            {
                inverseTau.Update(gradient.ByInverseTau, options.LearningRate, t + 1);
                bias.Update(gradient.ByBias, options.LearningRate, t + 1);
            }
        }

        return inverseTau.Value >= 1 / Calibrator.Largest && Calibrator.BiasGain * bias.Value > -1 && double.IsFinite(steps[^1].Loss)
            ? new CalibrationFit(inverseTau.Value, bias.Value, steps)
            : throw new WhenceException(
                $"the fit ended at 1/tau = {inverseTau.Value:G4}, lambda = {-Calibrator.BiasGain * bias.Value:G4}, loss {steps[^1].Loss:G4}, where tau must be above 0 and lambda below 1: the exemplars are no more similar to their queries than other images are; check encoder, mapper and features.");
    }

    /// <summary>The calibration, without what it was fitted for.</summary>
    public Calibrator ToCalibrator() => new() { Tau = 1 / InverseTau, Lambda = -Calibrator.BiasGain * Bias, Origin = "fitted" };

    private sealed class Parameter(double value)
    {
        private double _mean;
        private double _square;

        public double Value { get; private set; } = value;

        public void Update(double gradient, double rate, int step)
        {
            _mean = (FirstMoment * _mean) + ((1 - FirstMoment) * gradient);
            _square = (SecondMoment * _square) + ((1 - SecondMoment) * gradient * gradient);
            var mean = _mean / (1 - Math.Pow(FirstMoment, step));
            var square = _square / (1 - Math.Pow(SecondMoment, step));
            Value -= rate * mean / (Math.Sqrt(square) + Epsilon);
        }
    }
}
