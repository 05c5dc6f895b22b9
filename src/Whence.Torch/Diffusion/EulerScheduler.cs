using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// Euler's steps (Karras et al. 2022, algorithm 2 without churn). The latents are y = x_0 + sigma noise with sigma = sqrt((1 - abar) / abar), not scaled down as the network knows them:
/// <code>
/// x = y / sqrt(sigma^2 + 1)    (what the network is shown)
/// y_next = y + (sigma_next - sigma) (y - x_0) / sigma
/// </code>
/// Steps of training in between have sigmas in between; the last step ends at sigma 0.
/// </summary>
internal sealed class EulerScheduler : Scheduler
{
    private readonly TimestepSpacing _spacing;

    /// <param name="spec">Its noise.</param>
    /// <param name="steps">Steps n.</param>
    public EulerScheduler(SchedulerSpec spec, int steps)
        : base(spec, TimestepsOf(spec, steps))
    {
        _spacing = spec.Spacing ?? TimestepSpacing.Linspace;
        Sigmas = [.. Timesteps.Select(SigmaAt), 0];
    }

    /// <summary>n + 1 standard deviations of the noise, descending.</summary>
    public IReadOnlyList<double> Sigmas { get; }

    /// <inheritdoc/>
    public override double InitNoiseSigma => _spacing == TimestepSpacing.Leading ? Math.Sqrt((Sigmas[0] * Sigmas[0]) + 1) : Sigmas[0];

    /// <inheritdoc/>
    public override Tensor ScaleModelInput(int step, Tensor latents) => latents / Math.Sqrt((Sigmas[step] * Sigmas[step]) + 1);

    /// <inheritdoc/>
    protected override Tensor Next(int step, Tensor prediction, Tensor latents, Tensor? noise)
    {
        var sigma = Sigmas[step];
        var abar = 1 / ((sigma * sigma) + 1);
        var eps = Split(prediction, ScaleModelInput(step, latents), abar).Noise; // (y - x_0) / sigma
        return latents + ((Sigmas[step + 1] - sigma) * eps);
    }

    private double SigmaAt(double timestep)
    {
        var (below, above) = ((int)Math.Floor(timestep), (int)Math.Ceiling(timestep));
        var (from, to) = (Of(below), Of(above));
        return from + ((timestep - below) * (to - from));

        double Of(int t) => Math.Sqrt((1 - (double)Noise.AlphasCumprod[t]) / Noise.AlphasCumprod[t]);
    }

    private static double[] TimestepsOf(SchedulerSpec spec, int steps) => (spec.Spacing ?? TimestepSpacing.Linspace) == TimestepSpacing.Linspace
        ? [.. Enumerable.Range(0, steps).Select(i => Linspace(spec.TrainSteps - 1, i, steps))]
        : Spaced(spec, TimestepSpacing.Leading, steps);
}
