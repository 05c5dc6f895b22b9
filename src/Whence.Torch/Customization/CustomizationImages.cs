using System.Security.Cryptography;
using Whence.Images;
using Whence.Torch.Diffusion;
using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Torch.Customization;

/// <summary>
/// Makes the batches of a training: pictures are decoded and varied, turned to latents by the frozen autoencoder, and noise is drawn. Varied pictures are another each time,
/// so that their latents are not kept.
/// </summary>
internal sealed class CustomizationImages
{
    private const long MostDecodedPixels = 1 << 25; // 128 MB

    private readonly DiffusionModel _model;
    private readonly Whence.Encoders.Text.ClipTokenizer _tokenizer;
    private readonly CustomDiffusionOptions _options;
    private readonly (string File, string Prompt)[] _exemplars;
    private readonly RegularizationImages? _prior;
    private readonly ExemplarAugmenter _augmenter, _plain;
    private readonly ShuffledOrder _order, _priorOrder;
    private readonly int _steps;
    private readonly Dictionary<string, RgbImage> _decoded = new(StringComparer.Ordinal);
    private long _decodedPixels;

    /// <param name="model">Its autoencoder.</param>
    /// <param name="tokenizer">Its own, with the new tokens.</param>
    /// <param name="options">Batch, size, augmentation, seed.</param>
    /// <param name="concepts">Whose exemplars are trained with; of several concepts all together, in one order.</param>
    /// <param name="prior">Regularisation images; null for none.</param>
    /// <param name="noiseSteps">Steps of the noise schedule.</param>
    public CustomizationImages(
        DiffusionModel model,
        Whence.Encoders.Text.ClipTokenizer tokenizer,
        CustomDiffusionOptions options,
        IReadOnlyList<CustomizationConcept> concepts,
        RegularizationImages? prior,
        int noiseSteps)
    {
        (_model, _tokenizer, _options, _prior, _steps) = (model, tokenizer, options, prior, noiseSteps);
        Side = options.ImageSize ?? model.ImageSize;
        var cells = Side / model.Factor;
        if (Side % model.Factor != 0 || cells % model.UNet.Spec.Factor != 0)
        {
            throw new WhenceException($"Images of {Side} pixels do not fit this model: the side must be a multiple of {model.Factor * model.UNet.Spec.Factor}.");
        }

        _exemplars = [.. concepts.SelectMany(concept => concept.Exemplars.Select((file, i) => (file, concept.PromptOf(i))))];
        (_augmenter, _plain) = (new(options.Augmentation, Side, model.Factor), new(ExemplarAugmentation.None with { CenterCrop = options.Augmentation.CenterCrop, Interpolation = options.Augmentation.Interpolation }, Side, model.Factor));
        (_order, _priorOrder) = (new(_exemplars.Length, options.Seed, Streams.Exemplars), new(prior?.Images.Count ?? 1, options.Seed, Streams.Prior));
        MicroBatch = options.MicroBatch ?? Math.Max(1, 4096 / (cells * cells));
        Sha256 = [.. _exemplars.Select(e => e.File).Concat(prior?.Images ?? []).Select(Check)];
    }

    /// <summary>Side of what is trained with, in pixels.</summary>
    public int Side { get; }

    /// <summary>Images that go through a network at once.</summary>
    public int MicroBatch { get; }

    /// <summary>Checksums of the exemplars, then of the regularisation images.</summary>
    public IReadOnlyList<string> Sha256 { get; }

    /// <summary>The batch of a step; the caller disposes it.</summary>
    /// <param name="step">From 0.</param>
    /// <exception cref="WhenceException">A picture cannot be read any more.</exception>
    public CustomizationBatch Draw(long step)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var (exemplars, count) = (_options.Batch, _options.Batch * (_prior is null ? 1 : 2));
        var cells = Side / _model.Factor;
        var (pixels, mask) = (empty(count, 3, Side, Side, dtype: ScalarType.Float32), ones(count, 1, cells, cells, dtype: ScalarType.Float32));
        var (picture, counted) = (3 * Side * Side, cells * cells);
        var prompts = new string[count];
        for (var i = 0; i < count; i++)
        {
            var place = (step * exemplars) + (i % exemplars);
            AugmentedExemplar varied;
            if (i < exemplars)
            {
                var (file, prompt) = _exemplars[_order.At(place)];
                varied = _augmenter.Vary(Read(file), _options.Seed, step, i);
                prompts[i] = varied.Prefix + prompt;
                varied.MaskTo(TensorValues.Of(mask).Slice(i * counted, counted), cells);
            }
            else
            {
                var image = _priorOrder.At(place);
                varied = _plain.Vary(Read(_prior!.Images[image]), _options.Seed, step, i);
                prompts[i] = _prior.CaptionOf(image);
            }

            varied.CopyTo(TensorValues.Of(pixels).Slice(i * picture, picture));
        }

        var random = Streams.Of(_options.Seed, Streams.Draws, step);
        using var generator = new Generator(((ulong)random.Next(int.MaxValue) << 31) | (uint)random.Next(int.MaxValue), CPU);
        long[] shape = [count, _model.Autoencoder.Spec.LatentChannels, cells, cells];
        var timesteps = randint(_steps, [count], dtype: ScalarType.Int64, generator: generator);
        var noise = randn(shape, dtype: ScalarType.Float32, generator: generator);
        var latents = Encode(pixels, randn(shape, dtype: ScalarType.Float32, generator: generator));
        var ids = tensor(_tokenizer.Encode(prompts).Ids.ToArray(), [count, _tokenizer.ContextLength], dtype: ScalarType.Int64);
        return new CustomizationBatch(
            latents.MoveToOuterDisposeScope(),
            noise.MoveToOuterDisposeScope(),
            timesteps.MoveToOuterDisposeScope(),
            ids.MoveToOuterDisposeScope(),
            _options.MaskedLoss ? mask.MoveToOuterDisposeScope() : null,
            exemplars);
    }

    /// <summary>Latents, scaled, drawn from what the autoencoder says of each picture.</summary>
    private Tensor Encode(Tensor pixels, Tensor noise)
    {
        using var scope = NewDisposeScope();
        var latents = empty_like(noise);
        for (long start = 0; start < pixels.shape[0]; start += MicroBatch)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(MicroBatch, pixels.shape[0] - start);
            var moments = _model.Autoencoder.Moments(pixels.narrow(0, start, count).to(_model.Device)).cpu();
            latents.narrow(0, start, count).copy_(Autoencoder.Sample(moments, noise.narrow(0, start, count)) * _model.Autoencoder.Spec.ScalingFactor);
        }

        return latents.MoveToOuterDisposeScope();
    }

    // An exemplar is needed hundreds of times, and a photo takes a good part of a second to decode.
    private RgbImage Read(string file)
    {
        if (_decoded.TryGetValue(file, out var image))
        {
            return image;
        }

        image = Named(file, () => ImageDecoder.Decode(File.ReadAllBytes(file), _options.Limits, _options.AutoOrient));
        var pixels = (long)image.Width * image.Height;
        if (_decodedPixels + pixels <= MostDecodedPixels)
        {
            _decoded.Add(file, image);
            _decodedPixels += pixels;
        }

        return image;
    }

    // Before any work: all of them can be read.
    private string Check(string file) => Named(file, () =>
    {
        var bytes = File.ReadAllBytes(file);
        ImageDecoder.Decode(bytes, _options.Limits, _options.AutoOrient);
        return Convert.ToHexStringLower(SHA256.HashData(bytes));
    });

    private static T Named<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (WhenceException e)
        {
            throw new WhenceException($"'{file}': {e.Message}.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"'{file}' cannot be read: {e.Message} Check the path.", e);
        }
    }
}
