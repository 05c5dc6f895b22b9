using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// DPM-Solver++ (Lu et al. 2022b) and DPM-Solver (Lu et al. 2022a), multistep. With alpha = sqrt(abar), sigma = sqrt(1 - abar), lambda = log(alpha / sigma) and h = lambda_t - lambda_s, the step from
/// s to t of DPM-Solver++ is
/// <code>
/// x_t = sigma_t / sigma_s x_s + alpha_t (a_0 D0 + a_1 D1 + a_2 D2)
/// a_0 = 1 - exp(-h), a_1 = 1 - a_0 / h, a_2 = 1/2 - a_1 / h
/// </code>
/// D0 is the predicted image, D1 and D2 its first and second divided differences over the last two or three steps, in units of h. The midpoint rule has a_0 / 2 for a_1. DPM-Solver is the same
/// of the predicted noise, with alpha and sigma exchanged and h negative.
/// </summary>
internal sealed class DpmSolverScheduler : Scheduler
{
    private const int FewSteps = 15;

    /// <param name="spec">With order, algorithm and type.</param>
    /// <param name="steps">Steps n.</param>
    public DpmSolverScheduler(SchedulerSpec spec, int steps)
        : base(spec, TimestepsOf(spec, steps))
    {
        if (spec is { FinalSigma: FinalSigma.Zero, Algorithm: DpmAlgorithm.DpmSolver })
        {
            throw new WhenceException("The scheduler's final_sigmas_type zero goes with algorithm_type dpmsolver++ only: there is no noise left to predict; correct scheduler_config.json or choose another --scheduler.");
        }
    }

    /// <inheritdoc/>
    protected override Tensor Next(int step, Tensor prediction, Tensor latents, Tensor? noise)
    {
        var (plusPlus, s, t) = (Spec.Algorithm == DpmAlgorithm.DpmSolverPlusPlus, PointAt(step), PointAt(step + 1));
        var (image, eps) = Split(prediction, latents, s.Alpha * s.Alpha);
        Remember(plusPlus ? image : eps, Spec.SolverOrder);
        var h = t.Lambda - s.Lambda;
        var (kept, scale, signed) = plusPlus ? (t.Sigma / s.Sigma, t.Alpha, h) : (t.Alpha / s.Alpha, t.Sigma, -h);
        var order = OrderOf(step);
        var a0 = 1 - Math.Exp(-signed);
        var next = (kept * latents) + (scale * a0 * Predictions[0]);
        if (order == 1)
        {
            return next;
        }

        var a1 = 1 - (a0 / signed);
        var r0 = (s.Lambda - PointAt(step - 1).Lambda) / h;
        var newer = (Predictions[0] - Predictions[1]) / r0;
        if (order == 2)
        {
            return next + (scale * (Spec.SolverType == DpmSolverType.Midpoint ? a0 / 2 : a1) * newer);
        }

        var r1 = (PointAt(step - 1).Lambda - PointAt(step - 2).Lambda) / h;
        var older = (Predictions[1] - Predictions[2]) / r1;
        var second = (newer - older) / (r0 + r1);
        return next + (scale * a1 * (newer + (r0 * second))) + (scale * (0.5 - (a1 / signed)) * second);
    }

    private int OrderOf(int step)
    {
        var left = Timesteps.Count - step;
        var ending = Spec.LowerOrderFinal && Timesteps.Count < FewSteps;
        var most = left == 1 && (ending || Spec.FinalSigma == FinalSigma.Zero) ? 1 : left == 2 && ending ? 2 : 3;
        return Math.Min(most, Predictions.Count);
    }

    // The noise before a step; before the one after the last: that of the end.
    private (double Alpha, double Sigma, double Lambda) PointAt(int step)
    {
        var end = step == Timesteps.Count;
        double abar = end && Spec.FinalSigma == FinalSigma.Zero ? 1 : Noise.AlphasCumprod[end ? 0 : (int)Timesteps[step]];
        var (alpha, sigma) = (Math.Sqrt(abar), Math.Sqrt(1 - abar));
        return (alpha, sigma, Math.Log(alpha / sigma));
    }

    private static double[] TimestepsOf(SchedulerSpec spec, int steps)
    {
        var all = spec.TrainSteps;
        var timesteps = Checked(spec, [.. Enumerable.Range(0, steps).Select(i => (spec.Spacing ?? TimestepSpacing.Linspace) switch
        {
            TimestepSpacing.Leading => ((steps - i) * (all / (steps + 1))) + spec.StepsOffset,
            TimestepSpacing.Linspace => Math.Round(Linspace(all - 1, i, steps + 1)), // the last one is where it ends
            _ => Math.Round(all - (i * (double)all / steps)) - 1,
        })]);
        return timesteps.Zip(timesteps.Skip(1)).All(pair => pair.First > pair.Second) && (timesteps[^1] > 0 || spec.FinalSigma == FinalSigma.Zero)
            ? timesteps
            : throw new WhenceException($"{steps} steps are too many for DPM-Solver: two would be at the same noise of the {all} steps of the training; choose fewer --steps.");
    }
}
