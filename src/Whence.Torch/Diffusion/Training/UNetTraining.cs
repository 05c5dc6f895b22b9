using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion.Training;

/// <summary>How the U-Net and the text encoder learn, together: to tell the noise in latents of captioned images (Ho et al. 2020; Rombach et al. 2022).</summary>
internal sealed class UNetTraining : IDisposable
{
    private const int Stage = 2;

    private readonly GeneratorRecipe _recipe;
    private readonly LatentCache _latents;
    private readonly NoiseSchedule _noise;
    private readonly EpochOrder _order;
    private readonly int[] _ids, _empty;
    private readonly ScalarType _type;
    private readonly BatchParts _parts;
    private readonly UNet[] _unets;
    private readonly ClipTextTransformer[] _texts;

    /// <param name="recipe">What is learned with.</param>
    /// <param name="latents">Of the images.</param>
    /// <param name="captions">Of the images.</param>
    /// <param name="model">Its U-Net and text encoder learn.</param>
    /// <param name="threads">Threads of libtorch, at least 1.</param>
    public UNetTraining(GeneratorRecipe recipe, LatentCache latents, IReadOnlyList<string> captions, DiffusionModel model, int threads)
    {
        (_recipe, _latents) = (recipe, latents);
        _noise = new NoiseSchedule(recipe.Scheduler());
        _order = new EpochOrder(recipe.Seed, Stage, latents.Count, recipe.UNet.Training.Batch);
        _ids = [.. model.Tokenizer.Encode(captions).Ids.Span];
        _empty = [.. model.Tokenizer.Encode("").Ids];
        _type = recipe.UNet.Training.Type;
        _parts = new BatchParts(recipe.UNet.Training.Batch, threads);
        _unets = [model.UNet, .. _parts.Twins(_type, () => new UNet(model.UNet.Spec, CPU))];
        _texts = [model.TextEncoder, .. _parts.Twins(_type, () => new ClipTextTransformer(model.TextEncoder.Spec, CPU))];
        Array.ForEach(_unets, unet => unet.Checkpointing = recipe.UNet.Checkpointing);
    }

    /// <summary>The networks that compute a part of the images each: the model's first, then those that must have the same weights.</summary>
    public IReadOnlyList<IReadOnlyList<nn.Module>> Networks => [.. _unets.Zip(_texts, (unet, text) => (nn.Module[])[unet, text])];

    /// <inheritdoc/>
    public void Dispose()
    {
        Array.ForEach(_unets[1..], unet => unet.Dispose());
        Array.ForEach(_texts[1..], text => text.Dispose());
    }

    /// <summary>The loss of a step, and the gradients of the weights.</summary>
    public StepLoss Backward(long step)
    {
        using var random = new StepRandom(_recipe.Seed, Stage, step);
        var batch = _order.Images(step);
        var (n, tokens) = (batch.Length, _empty.Length);
        var (ids, times) = (new long[n * tokens], new long[n]);
        for (var i = 0; i < n; i++)
        {
            var caption = random.Next() < _recipe.UNet.CaptionDropout ? _empty : _ids.AsSpan(batch[i] * tokens, tokens);
            for (var t = 0; t < tokens; t++)
            {
                ids[(i * tokens) + t] = caption[t];
            }

            // One of each n-th part of the times, so that a batch sees them all; which image sees which is random.
            times[i] = Math.Min((long)((i + random.Next()) / n * _noise.Count), _noise.Count - 1);
        }

        var (latents, timesteps) = (_latents.Draw(batch, random), tensor(times));
        var noise = random.Normal(latents.shape);
        var (noisy, target) = (_noise.AddNoise(latents, noise, timesteps).to(_type), _noise.Target(latents, noise, timesteps));
        var (tokenIds, gamma) = (tensor(ids, [n, tokens]), _recipe.UNet.SnrGamma);
        var weights = tensor(Array.ConvertAll(times, t => gamma > 0 ? (float)_noise.LossWeight(t, gamma) : 1));
        return new StepLoss(_parts.Sum(part =>
        {
            var (first, count) = _parts[part];
            Tensor Own(Tensor all) => all.narrow(0, first, count);
            var context = _texts[part].forward(Own(tokenIds));
            var predicted = _unets[part].forward(Own(noisy), Own(timesteps), context).to(ScalarType.Float32);
            var loss = ((predicted - Own(target)).square().mean([1, 2, 3]) * Own(weights)).sum() / n;
            loss.backward();
            return [loss.item<float>()];
        })[0]);
    }
}

/// <summary>The latents of all images as distributions, and what they are multiplied by so that their deviation is 1.</summary>
/// <param name="moments">n x 2 c x h x w numbers: mean and logarithm of the variance.</param>
/// <param name="shape">n, 2 c, h, w.</param>
internal sealed class LatentCache(float[] moments, IReadOnlyList<long> shape)
{
    private readonly int _length = (int)(shape[1] * shape[2] * shape[3]);

    /// <summary>Images.</summary>
    public int Count => (int)shape[0];

    /// <summary>What latents are multiplied by.</summary>
    public double ScalingFactor { get; } = 1 / Deviation(moments, (int)shape[0]);

    /// <summary>Latents of some images, drawn and scaled. [m, c, h, w].</summary>
    public Tensor Draw(int[] images, StepRandom random)
    {
        using var scope = NewDisposeScope();
        var rows = empty([images.Length, .. shape.Skip(1)]);
        foreach (var (i, image) in images.Index())
        {
            moments.AsSpan(image * _length, _length).CopyTo(TensorValues.Of(rows).Slice(i * _length, _length));
        }

        var noise = random.Normal(images.Length, shape[1] / 2, shape[2], shape[3]);
        return (Autoencoder.Sample(rows, noise) * ScalingFactor).MoveToOuterDisposeScope();
    }

    // Of all values of all latents as they are drawn, about their common mean.
    private static double Deviation(float[] moments, int count)
    {
        var half = moments.Length / count / 2;
        var (sum, squares, variances) = (0.0, 0.0, 0.0);
        for (var image = 0; image < count; image++)
        {
            var (first, second) = (image * 2 * half, ((image * 2) + 1) * half);
            for (var i = 0; i < half; i++)
            {
                double mean = moments[first + i];
                sum += mean;
                squares += mean * mean;
                variances += Math.Exp(Math.Clamp(moments[second + i], -30, 20));
            }
        }

        var n = (double)count * half;
        return Math.Sqrt(Math.Max((squares / n) - (sum / n * (sum / n)) + (variances / n), 1e-12));
    }
}
