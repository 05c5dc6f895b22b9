using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// DDIM (Song et al. 2021, Eq. 12 and 16):
/// <code>
/// x_prev = sqrt(abar_prev) x_0 + sqrt(1 - abar_prev - sigma^2) eps + sigma noise
/// sigma  = eta sqrt((1 - abar_prev) / (1 - abar_t)) sqrt(1 - abar_t / abar_prev)
/// </code>
/// </summary>
internal sealed class DdimScheduler(SchedulerSpec spec, int steps, double eta) : Scheduler(spec, Spaced(spec, TimestepSpacing.Leading, steps))
{
    /// <inheritdoc/>
    public override bool TakesNoise(int step) => eta > 0;

    /// <inheritdoc/>
    protected override Tensor Next(int step, Tensor prediction, Tensor latents, Tensor? noise)
    {
        var t = (int)Timesteps[step];
        var (abar, abarPrevious) = (Abar(t, 1), Abar(t - (Spec.TrainSteps / steps), Spec.SetAlphaToOne ? 1 : Noise.AlphasCumprod[0]));
        var (image, eps) = Split(prediction, latents, abar);
        if (Spec.ClipSample)
        {
            image = image.clamp(-Spec.ClipSampleRange, Spec.ClipSampleRange);
        }

        // Where eta is above 1, the fresh noise may be more than all that is left.
        var variance = eta * eta * (1 - abarPrevious) / (1 - abar) * (1 - (abar / abarPrevious));
        var next = (Math.Sqrt(abarPrevious) * image) + (Math.Sqrt(Math.Max(1 - abarPrevious - variance, 0)) * eps);
        return noise is null ? next : next + (Math.Sqrt(variance) * noise);
    }
}
