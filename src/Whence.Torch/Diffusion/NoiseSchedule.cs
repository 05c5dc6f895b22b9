using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// The noise of training: x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise, where abar_t is the product of 1 - beta_s over the steps s up to t (Ho et al. 2020, Eq. 4).
/// </summary>
internal sealed class NoiseSchedule
{
    private readonly PredictionType _prediction;

    /// <param name="spec">The betas and what the network predicts.</param>
    /// <exception cref="WhenceException">A value of the spec is out of its range.</exception>
    public NoiseSchedule(SchedulerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        spec.Validate();
        _prediction = spec.Prediction;
        Betas = [.. BetasOf(spec).Select(beta => (float)beta)]; // float32, as the published models were trained
        var abar = 1.0;
        AlphasCumprod = [.. Betas.Select(beta => (float)(abar *= 1 - beta))];
        if (!(AlphasCumprod[0] < 1 && AlphasCumprod[^1] > 0))
        {
            throw new WhenceException(
                $"The betas of the model's scheduler_config.json leave {(AlphasCumprod[0] < 1 ? "nothing of the image at the last step" : "the image without noise at the first step")} in float32, which cannot be sampled; take the model's original file.");
        }
    }

    /// <summary>beta_t, T values.</summary>
    public IReadOnlyList<float> Betas { get; }

    /// <summary>abar_t, T values.</summary>
    public IReadOnlyList<float> AlphasCumprod { get; }

    /// <summary>Steps T.</summary>
    public int Count => Betas.Count;

    /// <summary>Images with noise. [n, c, h, w] twice and [n] int64 steps in 0..T-1 -> [n, c, h, w].</summary>
    public Tensor AddNoise(Tensor images, Tensor noise, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var (signal, spread) = Weights(timesteps, images);
        return ((images * signal) + (noise * spread)).MoveToOuterDisposeScope();
    }

    /// <summary>v = sqrt(abar_t) noise - sqrt(1 - abar_t) x_0. Shapes as for <see cref="AddNoise"/>.</summary>
    public Tensor Velocity(Tensor images, Tensor noise, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var (signal, spread) = Weights(timesteps, images);
        return ((noise * signal) - (images * spread)).MoveToOuterDisposeScope();
    }

    /// <summary>What the network is to predict: the noise itself (the same tensor, not a copy) or the velocity.</summary>
    public Tensor Target(Tensor images, Tensor noise, Tensor timesteps) => _prediction == PredictionType.Epsilon ? noise : Velocity(images, noise, timesteps);

    /// <summary>
    /// What the squared error at a time counts by min-SNR-gamma (Hang et al. 2023, section 3.4): with snr = abar_t / (1 - abar_t), min(snr, gamma) / snr where the noise is predicted and
    /// min(snr, gamma) / (snr + 1) where the velocity is; both are min(snr, gamma) times the error of x_0.
    /// </summary>
    /// <param name="timestep">0..T-1.</param>
    /// <param name="gamma">Above 0; the authors take 5.</param>
    /// <returns>In (0, 1].</returns>
    public double LossWeight(long timestep, double gamma)
    {
        double abar = AlphasCumprod[(int)timestep];
        var snr = abar / (1 - abar);
        return Math.Min(snr, gamma) / (_prediction == PredictionType.Epsilon ? snr : snr + 1);
    }

    // [n, 1, 1, 1] each.
    private (Tensor Signal, Tensor Spread) Weights(Tensor timesteps, Tensor like)
    {
        var steps = timesteps.to(ScalarType.Int64, CPU).contiguous().data<long>().ToArray();
        long[] shape = [steps.Length, .. Enumerable.Repeat(1L, (int)like.dim() - 1)];
        return (Values(abar => MathF.Sqrt(abar)), Values(abar => MathF.Sqrt(1 - abar)));

        Tensor Values(Func<float, float> of) => tensor(Array.ConvertAll(steps, t => of(AlphasCumprod[(int)t])), shape).to(like.dtype, like.device);
    }

    private static IEnumerable<double> BetasOf(SchedulerSpec spec)
    {
        if (spec.TrainedBetas is { } trained)
        {
            return trained;
        }

        var (first, last, n) = (spec.BetaStart, spec.BetaEnd, spec.TrainSteps);
        return Enumerable.Range(0, n).Select(t => spec.BetaSchedule switch
        {
            BetaSchedule.Linear => Between(first, last, t),
            BetaSchedule.ScaledLinear => Math.Pow(Between(Math.Sqrt(first), Math.Sqrt(last), t), 2),
            _ => Math.Min(1 - (Cosine((t + 1.0) / n) / Cosine((double)t / n)), 0.999),
        });

        double Between(double from, double to, int t) => from + ((to - from) * t / (n - 1));

        // abar along a squared cosine (Nichol and Dhariwal 2021, Eq. 17).
        static double Cosine(double at) => Math.Pow(Math.Cos((at + 0.008) / 1.008 * Math.PI / 2), 2);
    }
}
