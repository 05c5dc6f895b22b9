using System.Runtime.InteropServices;
using TorchSharp;
using Whence.Images;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// Draws images of prompts. An image follows from the model, the options, its prompts and its seed alone: on the processor neither the images beside it nor their number change a bit of it. Its noise is what
/// PyTorch draws on the processor from its seed, first that of the beginning, then that of each step that takes some; so diffusers begins with the same noise.
/// </summary>
public sealed class ImageGenerator
{
    private readonly DiffusionModel _model;
    private readonly GenerationOptions _options;
    private readonly SchedulerSpec _scheduler;
    private readonly int _width, _height;
    private string? _weights;

    /// <summary>A generator.</summary>
    /// <param name="model">Must live as long; one thread at a time may use it.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <exception cref="WhenceException">An option is out of its range or does not fit the model.</exception>
    public ImageGenerator(DiffusionModel model, GenerationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        (_model, _options) = (model, options ?? new());
        _scheduler = _options.Scheduler ?? model.Scheduler;
        (_width, _height) = (Side(_options.Width, "width"), Side(_options.Height, "height"));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Batch, 1, nameof(options));
        if (!(_options.Guidance is >= 0 and <= 1e6))
        {
            throw new WhenceException(FormattableString.Invariant($"--guidance is {_options.Guidance}, but must be from 0 to 1000000."));
        }

        using var tried = Scheduler.Create(_scheduler, _options.Steps, _options.Eta); // says what is wrong before any work
        Steps = tried.Timesteps.Count;
    }

    /// <summary>Calls of the network that an image takes: the steps, with PNDM one more.</summary>
    public int Steps { get; }

    /// <summary>Draws images, in their order.</summary>
    /// <param name="requests">The images.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <param name="cancellation">Stops between steps; images that were given are whole.</param>
    /// <returns>Images as they are ready.</returns>
    /// <exception cref="WhenceException">Memory does not suffice, or the model gives what is no image.</exception>
    public IEnumerable<GeneratedImage> Generate(
        IReadOnlyList<GenerationRequest> requests, IProgress<GenerationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        return Batches();

        IEnumerable<GeneratedImage> Batches()
        {
            var done = 0;
            foreach (var batch in requests.Chunk(_options.Batch))
            {
                var images = Draw(batch, (step, _) => progress?.Report(new(done, requests.Count, step, Steps, batch.Length)), cancellation);
                done += batch.Length;
                progress?.Report(new(done, requests.Count, 0, Steps, Math.Min(_options.Batch, requests.Count - done)));
                foreach (var (request, image) in batch.Zip(images))
                {
                    yield return new(request, image);
                }
            }
        }
    }

    /// <summary>What an image followed from, to be kept with it.</summary>
    public GenerationParameters Describe(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new(request, _options, _scheduler, _width, _height, _model.Name, _weights ??= _model.WeightsSha256());
    }

    private RgbImage[] Draw(GenerationRequest[] batch, Action<int, Tensor> stepped, CancellationToken cancellation)
    {
        TorchRuntime.Use(_options.Threads);
        var generators = Array.ConvertAll(batch, request => new Generator((ulong)request.Seed));
        try
        {
            using var scope = NewDisposeScope();
            using var none = no_grad();
            var exact = _options.Exact && _model.Device.type == DeviceType.CPU;
            using var scheduler = Scheduler.Create(_scheduler, _options.Steps, _options.Eta);
            var (conditional, unconditional) = (Contexts(batch, request => request.Prompt), Contexts(batch, request => request.NegativePrompt));
            var latents = new GuidedSampling(_model.UNet, scheduler, _options.Guidance, exact).Run(Noise(), conditional, unconditional, Noise, stepped, cancellation);
            return [.. Enumerable.Range(0, batch.Length).Select(i => ToImage(latents.narrow(0, i, 1)))];
        }
        catch (ExternalException e)
        {
            throw new WhenceException(
                $"libtorch failed ({e.Message.Split('\n')[0]}); a smaller --size or --batch takes less memory.", e);
        }
        finally
        {
            Array.ForEach(generators, generator => generator.Dispose());
        }

        Tensor Noise()
        {
            long[] shape = [1, _model.UNet.Spec.InChannels, _height / _model.Factor, _width / _model.Factor];
            return cat([.. generators.Select(generator => randn(shape, dtype: ScalarType.Float32, generator: generator))]).to(_model.Device);
        }
    }

    // Each text by itself, so that what stands beside it changes nothing.
    private Tensor Contexts(GenerationRequest[] batch, Func<GenerationRequest, string> text)
    {
        var known = batch.Select(text).Distinct().ToDictionary(one => one, one => _model.EncodeText([one]));
        return cat([.. batch.Select(request => known[text(request)])]);
    }

    private RgbImage ToImage(Tensor latents)
    {
        using var scope = NewDisposeScope();
        var decoded = _model.Autoencoder.Decode(latents / _model.Autoencoder.Spec.ScalingFactor).squeeze(0); // 3 x height x width
        if (!decoded.isfinite().all().item<bool>())
        {
            throw new WhenceException("The model gives values that are not finite; try --precision float32 or a lower --guidance, or fetch its files again.");
        }

        var bytes = (((decoded / 2) + 0.5).clamp(0, 1) * 255).round().to(ScalarType.Byte).permute(1, 2, 0).cpu().contiguous();
        return RgbImage.FromRgb(bytes.bytes, (int)bytes.shape[1], (int)bytes.shape[0]);
    }

    private int Side(int? given, string what)
    {
        var side = given ?? _model.ImageSize;
        return side >= _model.Factor && side <= 1 << 14 && side % _model.Factor == 0
            ? side
            : throw new WhenceException($"--size: the {what} is {side} pixels, but must be a multiple of {_model.Factor}, at most {1 << 14}; the model was trained on {_model.ImageSize}.");
    }
}
