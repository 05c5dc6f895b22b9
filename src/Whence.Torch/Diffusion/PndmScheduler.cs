using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// PNDM's linear multistep (PLMS; Liu et al. 2022, Eq. 11 and 12): DDIM's transfer with e', a mix of the last four predictions
/// (Adams-Bashforth; fewer at first), where
/// <code>
/// x_prev = sqrt(abar_prev / abar_t) x_t - (abar_prev - abar_t) e' / (abar_t sqrt(1 - abar_prev) + sqrt(abar_t (1 - abar_t) abar_prev))
/// </code>
/// The second step is taken twice: the first time e' is the first prediction, the second time, again from the beginning, the mean of both
/// (Heun's start). So n steps call the network n + 1 times. Velocities are turned into noise first, each at its own latents.
/// </summary>
internal sealed class PndmScheduler(SchedulerSpec spec, int steps) : Scheduler(spec, WithSecondTwice(Spaced(spec, TimestepSpacing.Leading, steps)))
{
    private static readonly double[][] Mixtures = [[1], [3.0 / 2, -1.0 / 2], [23.0 / 12, -16.0 / 12, 5.0 / 12], [55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24]];

    private Tensor? _begin;

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _begin?.Dispose();
    }

    /// <inheritdoc/>
    protected override Tensor Next(int step, Tensor prediction, Tensor latents, Tensor? noise)
    {
        var (apart, t) = (Spec.TrainSteps / steps, (int)Timesteps[step]);
        var eps = Split(prediction, latents, Abar(t, 1)).Noise;
        if (step == 1)
        {
            using var begin = _begin!;
            return Transfer(begin, (eps + Predictions[0]) / 2, t + apart, t);
        }

        if (step == 0)
        {
            _begin = latents.clone().DetachFromDisposeScope();
        }

        Remember(eps, Mixtures.Length);
        var mixed = Mixtures[Predictions.Count - 1].Zip(Predictions, (weight, e) => weight * e).Aggregate((sum, e) => sum + e);
        return Transfer(latents, mixed, t, t - apart);
    }

    private Tensor Transfer(Tensor latents, Tensor eps, int from, int to)
    {
        var (abar, abarPrevious) = (Abar(from, 1), Abar(to, Spec.SetAlphaToOne ? 1 : Noise.AlphasCumprod[0]));
        var divisor = (abar * Math.Sqrt(1 - abarPrevious)) + Math.Sqrt(abar * (1 - abar) * abarPrevious);
        return (Math.Sqrt(abarPrevious / abar) * latents) - ((abarPrevious - abar) / divisor * eps);
    }

    private static double[] WithSecondTwice(double[] timesteps) => timesteps is [var first, var second, .. var rest] ? [first, second, second, .. rest] : timesteps;
}
