using static TorchSharp.torch;

namespace Whence.Torch.Customization;

/// <summary>What one step is trained with: exemplars, then regularisation images, n together.</summary>
/// <param name="Latents">[n, channels, h, w], scaled.</param>
/// <param name="Noise">The same, standard normal.</param>
/// <param name="Timesteps">n steps of the noise schedule, int64.</param>
/// <param name="Ids">[n, context] ids of the prompts, int64.</param>
/// <param name="Mask">[n, 1, h, w], 1 for cells that count; null: every image counts whole, by its plain mean.</param>
/// <param name="Exemplars">How many of the n are exemplars.</param>
internal sealed record CustomizationBatch(Tensor Latents, Tensor Noise, Tensor Timesteps, Tensor Ids, Tensor? Mask, int Exemplars) : IDisposable
{
    /// <summary>Images in all.</summary>
    public int Count => (int)Latents.shape[0];

    /// <summary>
    /// What the squares of each cell, all channels together, are multiplied by, so that their sum is the loss: for an exemplar the mask over its sum, over the number of exemplars (or
    /// the plain mean); for a regularisation image the plain mean, times the prior's weight.
    /// </summary>
    /// <returns>[n, 1, h, w].</returns>
    public Tensor CellWeights(double priorWeight)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var (channels, h, w) = (Latents.shape[1], Latents.shape[2], Latents.shape[3]);
        var mean = 1.0 / (channels * h * w);
        var weights = full([Count, 1, h, w], mean, dtype: ScalarType.Float32);
        var exemplars = weights.narrow(0, 0, Exemplars);
        if (Mask is { } mask)
        {
            var counted = mask.narrow(0, 0, Exemplars);
            exemplars.copy_(counted / counted.sum([1, 2, 3], keepdim: true));
        }

        exemplars.mul_(1.0 / Exemplars);
        if (Count > Exemplars)
        {
            weights.narrow(0, Exemplars, Count - Exemplars).mul_(priorWeight / (Count - Exemplars));
        }

        return weights.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        Latents.Dispose();
        Noise.Dispose();
        Timesteps.Dispose();
        Ids.Dispose();
        Mask?.Dispose();
    }
}
