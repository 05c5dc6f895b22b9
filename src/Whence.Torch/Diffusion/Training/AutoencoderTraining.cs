using System.Runtime.InteropServices;
using Whence.Datasets;
using Whence.Images;
using Whence.Torch.Mapping;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion.Training;

/// <summary>
/// How the autoencoder learns: to give back what it was shown, with its edges, from latents that stay near to a normal distribution (Kingma and Welling 2014).
/// </summary>
internal sealed class AutoencoderTraining(GeneratorRecipe recipe, CaptionedImages images, Autoencoder network, int threads) : IDisposable
{
    private const int Stage = 1, MostPixels = 1 << 18; // of images that are encoded together: 64 of 64 x 64

    private readonly RecipeAutoencoder _recipe = recipe.Autoencoder;
    private readonly EpochOrder _order = new(recipe.Seed, Stage, images.Count, recipe.Autoencoder.Training.Batch);
    private readonly ScalarType _type = recipe.Autoencoder.Training.Type;
    private readonly BatchParts _parts = new(recipe.Autoencoder.Training.Batch, threads);
    private Autoencoder[]? _networks;

    // Never more than a step takes, which needs far more memory for each.
    private int AtATime => Math.Min(_recipe.Training.Batch, Math.Max(1, MostPixels / (images.Size * images.Size)));

    /// <summary>The networks that compute a part of the images each: the one that was given first, then those that must have the same weights.</summary>
    public IReadOnlyList<Autoencoder> Networks => _networks ??= [network, .. _parts.Twins(_type, () => new Autoencoder(network.Spec, CPU))];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var twin in _networks?.Skip(1) ?? [])
        {
            twin.Dispose();
        }
    }

    /// <summary>The loss of a step, and the gradients of the weights.</summary>
    public StepLoss Backward(long step)
    {
        using var random = new StepRandom(recipe.Seed, Stage, step);
        var x = PixelTensors.Of(images, _order.Images(step));
        var side = images.Size / network.Spec.Factor;
        var noise = random.Normal(x.shape[0], _recipe.LatentChannels, side, side);
        var networks = Networks;
        var sums = _parts.Sum(part =>
        {
            var (first, count) = _parts[part];
            var (shown, autoencoder) = (x.narrow(0, first, count), networks[part]);
            var moments = autoencoder.Moments(shown.to(_type)).to(ScalarType.Float32);
            var (mean, logVariance) = Autoencoder.Split(moments);
            var latents = mean + ((logVariance * 0.5f).exp() * noise.narrow(0, first, count));
            var difference = autoencoder.Decode(latents.to(_type)).to(ScalarType.Float32) - shown;
            var error = difference.abs().mean();
            var divergence = 0.5f * (mean.square() + logVariance.exp() - 1 - logVariance).mean();
            var loss = error + (_recipe.SquaredWeight * difference.square().mean()) + (_recipe.EdgeWeight * Edges(difference)) + (_recipe.KlWeight * divergence);
            var share = (double)count / _parts.Images;
            (loss * share).backward();
            return [loss.item<float>() * share, error.item<float>() * share, divergence.item<float>() * share];
        });
        return new StepLoss(sums[0], sums[1], sums[2]);
    }

    /// <summary>Mean and logarithm of the variance of all images' latents.</summary>
    /// <returns>n x 2 c x h x w numbers, and the shape.</returns>
    /// <exception cref="WhenceException">Memory does not suffice.</exception>
    public (float[] Values, long[] Shape) Moments(CancellationToken cancellation) => Guarded(() =>
    {
        using var none = no_grad();
        float[] all = [];
        long[] shape = [];
        for (var first = 0; first < images.Count; first += AtATime)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            int[] batch = [.. Enumerable.Range(first, Math.Min(AtATime, images.Count - first))];
            var moments = network.Moments(PixelTensors.Of(images, batch).to(_type)).to(ScalarType.Float32).contiguous();
            shape = [images.Count, .. moments.shape[1..]];
            var length = (int)(moments.numel() / batch.Length);
            if (first == 0)
            {
                all = new float[checked(images.Count * length)];
            }

            TensorValues.Of(moments).CopyTo(all.AsSpan(first * length));
        }

        return (all, shape);
    });

    /// <summary>Some images and what the network makes of them.</summary>
    /// <param name="which">The images.</param>
    /// <exception cref="WhenceException">Memory does not suffice.</exception>
    public (IReadOnlyList<RgbImage> Shown, IReadOnlyList<RgbImage> GivenBack) Reconstruct(IReadOnlyList<int> which) => Guarded(() =>
    {
        using var none = no_grad();
        var givenBack = new List<RgbImage>();
        foreach (var batch in which.Chunk(AtATime))
        {
            using var scope = NewDisposeScope();
            var (mean, _) = Autoencoder.Split(network.Moments(PixelTensors.Of(images, batch).to(_type)));
            givenBack.AddRange(PixelTensors.ToImages(network.Decode(mean)));
        }

        return ((IReadOnlyList<RgbImage>)[.. which.Select(i => RgbImage.FromRgb(images.Pixels(i), images.Size, images.Size))], (IReadOnlyList<RgbImage>)givenBack);
    });

    // To do the same in smaller parts would help, too, but the last bits depend on their size, and so would what is learned from them.
    private static T Guarded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ExternalException e)
        {
            throw TrainingLoop.Failed(
                e, "when the trained autoencoder encoded the images", "that takes less memory than its training did: free what other programs take, and the same command goes on from there");
        }
    }

    // Differences of neighbours are linear: those of the images' difference are the differences of theirs.
    private static Tensor Edges(Tensor difference)
    {
        var (rows, columns) = (difference.shape[2] - 1, difference.shape[3] - 1);
        return (difference.narrow(2, 1, rows) - difference.narrow(2, 0, rows)).abs().mean() + (difference.narrow(3, 1, columns) - difference.narrow(3, 0, columns)).abs().mean();
    }
}
