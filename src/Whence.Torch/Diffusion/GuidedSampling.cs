using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// From noise to latents under classifier-free guidance (Ho and Salimans 2022): the network is asked with the prompt and with the negative prompt, and
/// <code>
/// prediction = unconditional + guidance (conditional - unconditional)
/// </code>
/// </summary>
/// <param name="unet">The network.</param>
/// <param name="scheduler">One sampling's; disposed by who made it.</param>
/// <param name="guidance">1 asks with the prompt alone, 0 with the negative prompt alone.</param>
/// <param name="exact">
/// Whether the network is asked about each image by itself: libtorch chooses how it computes by the size of a call, and sums come out otherwise in their last bits.
/// </param>
internal sealed class GuidedSampling(UNet unet, Scheduler scheduler, double guidance, bool exact = false)
{
    /// <summary>Takes all steps.</summary>
    /// <param name="noise">[n, c, h, w] from a normal distribution, float32.</param>
    /// <param name="conditional">[n, tokens, width] of the prompts, in the type that the network computes with.</param>
    /// <param name="unconditional">The same of the negative prompts.</param>
    /// <param name="fresh">[n, c, h, w] of further noise, called once for each step that takes any.</param>
    /// <param name="stepped">Told how many calls of the network are done, and the latents after them; null: nobody is.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>[n, c, h, w] latents, float32; the caller disposes them.</returns>
    public Tensor Run(
        Tensor noise, Tensor conditional, Tensor unconditional, Func<Tensor> fresh, Action<int, Tensor>? stepped = null, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var x = noise * scheduler.InitNoiseSigma;
        for (var i = 0; i < scheduler.Timesteps.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            using var before = x;
            var prediction = Predict(scheduler.ScaleModelInput(i, x), scheduler.Timesteps[i], conditional, unconditional);
            x = scheduler.Step(i, prediction, x, scheduler.TakesNoise(i) ? fresh() : null).MoveToOuterDisposeScope();
            stepped?.Invoke(i + 1, x);
        }

        return x.MoveToOuterDisposeScope();
    }

    /// <summary>The guided prediction. [n, c, h, w] -> the same, float32.</summary>
    public Tensor Predict(Tensor latents, double timestep, Tensor conditional, Tensor unconditional)
    {
        using var scope = NewDisposeScope();
        var n = (int)latents.shape[0];
        if (exact && n > 1)
        {
            return cat([.. Enumerable.Range(0, n).Select(i => Predict(latents.narrow(0, i, 1), timestep, conditional.narrow(0, i, 1), unconditional.narrow(0, i, 1)))]).MoveToOuterDisposeScope();
        }

        Tensor[] contexts = [.. guidance != 1 ? (Tensor[])[unconditional] : [], .. guidance != 0 ? (Tensor[])[conditional] : []];
        var x = latents.to(conditional.dtype);
        var times = full([n * contexts.Length], (float)timestep, dtype: ScalarType.Float32, device: x.device);
        var all = unet.forward(contexts.Length == 1 ? x : cat([x, x]), times, contexts.Length == 1 ? contexts[0] : cat(contexts)).to(ScalarType.Float32);
        if (contexts.Length == 1)
        {
            return all.MoveToOuterDisposeScope();
        }

        var parts = all.chunk(2);
        return (parts[0] + (guidance * (parts[1] - parts[0]))).MoveToOuterDisposeScope();
    }
}
