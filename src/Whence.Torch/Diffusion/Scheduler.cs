using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// One sampling in n steps, from noise to latents: tells which step of training the network is asked about, and turns its prediction into the next latents. Keeps earlier predictions where
/// the method needs them, so one is made for each sampling, and its steps are taken in order.
/// </summary>
internal abstract class Scheduler : IDisposable
{
    private readonly List<Tensor> _predictions = [];

    /// <param name="spec">Its noise, and what the network predicts.</param>
    /// <param name="timesteps">The steps of training, one for each call of the network.</param>
    protected Scheduler(SchedulerSpec spec, double[] timesteps)
    {
        (Spec, Noise, Timesteps) = (spec, new NoiseSchedule(spec), timesteps);
    }

    /// <summary>Steps of training that the network is asked about, one for each of its calls, in order. Euler's need not be whole.</summary>
    public IReadOnlyList<double> Timesteps { get; }

    /// <summary>What pure noise is multiplied by to begin with.</summary>
    public virtual double InitNoiseSigma => 1;

    /// <summary>What it was made of.</summary>
    protected SchedulerSpec Spec { get; }

    /// <summary>The noise of training.</summary>
    protected NoiseSchedule Noise { get; }

    /// <summary>A sampling.</summary>
    /// <param name="spec">The noise and the kind.</param>
    /// <param name="steps">Steps n, from 1 to T.</param>
    /// <param name="eta">DDIM's share of fresh noise, at least 0; the others have none to choose.</param>
    /// <exception cref="WhenceException">The spec cannot be sampled with, or not in so many steps, or its kind has no eta.</exception>
    public static Scheduler Create(SchedulerSpec spec, int steps, double eta = 0)
    {
        ArgumentNullException.ThrowIfNull(spec);
        spec.Validate();
        spec.ValidateSampling();
        if (steps < 1 || steps > spec.TrainSteps)
        {
            throw new WhenceException($"--steps is {steps}, but the model was trained with {spec.TrainSteps} steps of noise; choose from 1 to {spec.TrainSteps}.");
        }

        if (!(eta is >= 0 and <= double.MaxValue))
        {
            throw new WhenceException(FormattableString.Invariant($"--eta is {eta}, but must be at least 0."));
        }

        if (eta != 0 && spec.Kind != SchedulerKind.Ddim)
        {
            throw new WhenceException(FormattableString.Invariant($"--eta {eta} is DDIM's share of fresh noise, and the scheduler is {spec.Kind}; say --scheduler ddim, or leave out --eta."));
        }

        return spec.Kind switch
        {
            SchedulerKind.Ddpm => new DdpmScheduler(spec, steps),
            SchedulerKind.Ddim => new DdimScheduler(spec, steps, eta),
            SchedulerKind.Pndm => new PndmScheduler(spec, steps),
            SchedulerKind.DpmSolver => new DpmSolverScheduler(spec, steps),
            SchedulerKind.Euler => new EulerScheduler(spec, steps),
            _ => throw new ArgumentOutOfRangeException(nameof(spec), spec.Kind, null),
        };
    }

    /// <summary>What the network is shown of the latents at a step: the same tensor where they are not scaled.</summary>
    public virtual Tensor ScaleModelInput(int step, Tensor latents) => latents;

    /// <summary>Whether a step takes fresh noise.</summary>
    public virtual bool TakesNoise(int step) => false;

    /// <summary>The latents after a step.</summary>
    /// <param name="step">From 0, in order.</param>
    /// <param name="prediction">[n, c, h, w], the network's at <see cref="Timesteps"/>[step].</param>
    /// <param name="latents">[n, c, h, w].</param>
    /// <param name="noise">[n, c, h, w] from a normal distribution where <see cref="TakesNoise"/>; else null.</param>
    /// <returns>[n, c, h, w], new.</returns>
    public Tensor Step(int step, Tensor prediction, Tensor latents, Tensor? noise = null)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(noise is not null, TakesNoise(step), nameof(noise));
        using var scope = NewDisposeScope();
        return Next(step, prediction, latents, noise).MoveToOuterDisposeScope();
    }

    /// <summary>Frees earlier predictions.</summary>
    public virtual void Dispose()
    {
        _predictions.ForEach(prediction => prediction.Dispose());
        _predictions.Clear();
    }

    /// <summary>As <see cref="Step"/>, within a scope.</summary>
    protected abstract Tensor Next(int step, Tensor prediction, Tensor latents, Tensor? noise);

    /// <summary>What <see cref="Remember"/> keeps, the last first.</summary>
    protected IReadOnlyList<Tensor> Predictions => _predictions;

    /// <summary>Keeps a prediction for later steps, and forgets the oldest.</summary>
    protected void Remember(Tensor prediction, int most)
    {
        _predictions.Insert(0, prediction.clone().DetachFromDisposeScope());
        if (_predictions.Count > most)
        {
            _predictions[most].Dispose();
            _predictions.RemoveAt(most);
        }
    }

    /// <summary>abar of a step of training; below the first one what is given.</summary>
    protected double Abar(int timestep, double below) => timestep >= 0 ? Noise.AlphasCumprod[timestep] : below;

    /// <summary>x_0 and the noise that a prediction tells of latents x = sqrt(abar) x_0 + sqrt(1 - abar) noise.</summary>
    protected (Tensor Image, Tensor Noise) Split(Tensor prediction, Tensor latents, double abar)
    {
        var (signal, spread) = (Math.Sqrt(abar), Math.Sqrt(1 - abar));
        return Spec.Prediction == PredictionType.Epsilon
            ? ((latents - (spread * prediction)) / signal, prediction)
            : ((signal * latents) - (spread * prediction), (signal * prediction) + (spread * latents));
    }

    /// <summary>Steps of training for n steps of sampling, descending, whole.</summary>
    protected static double[] Spaced(SchedulerSpec spec, TimestepSpacing byDefault, int steps)
    {
        var all = spec.TrainSteps;
        return Checked(spec, [.. Enumerable.Range(0, steps).Select(i => (spec.Spacing ?? byDefault) switch
        {
            TimestepSpacing.Leading => ((steps - 1 - i) * (all / steps)) + spec.StepsOffset,
            TimestepSpacing.Linspace => Math.Round(Linspace(all - 1, i, steps)),
            _ => Math.Round(all - (i * (double)all / steps)) - 1,
        })]);
    }

    /// <summary>The i-th of n numbers, evenly from a first one down to 0; a single one is the first.</summary>
    protected static double Linspace(int first, int i, int n) => n == 1 ? first : first * (double)(n - 1 - i) / (n - 1);

    /// <summary>Refuses steps of training that there are none of.</summary>
    protected static double[] Checked(SchedulerSpec spec, double[] timesteps) => timesteps[0] <= spec.TrainSteps - 1 && timesteps[^1] >= 0
        ? timesteps
        : throw new WhenceException(
            $"{timesteps.Length} steps with steps_offset {spec.StepsOffset} begin at step {timesteps[0]} of the {spec.TrainSteps} of the training; choose fewer --steps.");
}
