using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// DDPM (Ho et al. 2020), also with fewer steps than those of training. With a = abar_t / abar_prev and b = 1 - a (Eq. 6 and 7):
/// <code>
/// x_prev = sqrt(abar_prev) b / (1 - abar_t) x_0 + sqrt(a) (1 - abar_prev) / (1 - abar_t) x_t + sqrt(variance) noise
/// variance = (1 - abar_prev) / (1 - abar_t) b, or b
/// </code>
/// </summary>
internal sealed class DdpmScheduler(SchedulerSpec spec, int steps) : Scheduler(spec, Spaced(spec, TimestepSpacing.Leading, steps))
{
    /// <inheritdoc/>
    public override bool TakesNoise(int step) => Timesteps[step] > 0;

    /// <inheritdoc/>
    protected override Tensor Next(int step, Tensor prediction, Tensor latents, Tensor? noise)
    {
        var t = (int)Timesteps[step];
        var (abar, abarPrevious) = (Abar(t, 1), Abar(step + 1 < steps ? (int)Timesteps[step + 1] : -1, 1));
        var (a, b) = (abar / abarPrevious, 1 - (abar / abarPrevious));
        var image = Split(prediction, latents, abar).Image;
        if (Spec.ClipSample)
        {
            image = image.clamp(-Spec.ClipSampleRange, Spec.ClipSampleRange);
        }

        var mean = (Math.Sqrt(abarPrevious) * b / (1 - abar) * image) + (Math.Sqrt(a) * (1 - abarPrevious) / (1 - abar) * latents);
        if (noise is null)
        {
            return mean;
        }

        var variance = Spec.Variance == DdpmVariance.FixedLarge ? b : Math.Max((1 - abarPrevious) / (1 - abar) * b, 1e-20);
        return mean + (Math.Sqrt(variance) * noise);
    }
}
