using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Whence.Encoders;
using Whence.Images;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// Features of a latent diffusion model (appendix B.5; Li et al. 2023): x_t = sqrt(abar_t) z + sqrt(1 - abar_t) noise of the image's latent z, and of what the U-Net's mid block gives for x_t, t
/// and the caption the mean over positions. The latent is the mean of its distribution and the noise follows from the image's own pixels, so that an image and a caption always have the same
/// feature. Several threads may encode at once; images are computed one by one, so that none changes another.
/// </summary>
internal sealed class MidBlockFeatures : ICaptionedImageEncoder
{
    private readonly DiffusionModel _model;
    private readonly NoiseSchedule _noise;
    private readonly int _timestep;

    /// <summary>Loads the model of a spec.</summary>
    /// <param name="spec">With a <see cref="DiffusionSpec"/>.</param>
    /// <param name="options">Where it computes.</param>
    /// <exception cref="WhenceException">The model is missing, damaged or another one, or does not fit the spec.</exception>
    public MidBlockFeatures(EncoderSpec spec, ImageEncoderOptions options)
    {
        spec.Validate();
        Spec = spec;
        var network = (DiffusionSpec)spec.Network!;
        _timestep = network.Timestep;
        _model = Open(Path.GetFullPath(Path.Combine(spec.Folder, network.Model)), network.Weights, spec, options);
        try
        {
            _noise = new NoiseSchedule(_model.Scheduler);
            Check(spec.Dimension == DimensionOf(_model), $"dimension is {spec.Dimension}, but the mid block has {DimensionOf(_model)} channels");
            Check(spec.Preprocessing.Crop % _model.Factor == 0, $"preprocessing.crop is {spec.Preprocessing.Crop}, but must be a multiple of {_model.Factor}");
            Check(_timestep < _noise.Count, $"network.timestep is {_timestep}, but the model's noise has {_noise.Count} steps");
        }
        catch
        {
            _model.Dispose();
            throw;
        }

        void Check(bool holds, string problem)
        {
            if (!holds)
            {
                throw new WhenceException($"Encoder '{spec.Name}': {problem}; correct the spec.");
            }
        }
    }

    /// <inheritdoc/>
    public EncoderSpec Spec { get; }

    /// <inheritdoc/>
    public int MaxBatch => int.MaxValue;

    /// <summary>The spec of a model's features.</summary>
    /// <param name="model">The model, as it was opened in float32.</param>
    /// <param name="path">Where it lies.</param>
    /// <param name="name">What to call it.</param>
    /// <param name="timestep">Step of the noise.</param>
    public static EncoderSpec Describe(DiffusionModel model, string path, string name, int timestep) => new()
    {
        Name = name,
        Dimension = DimensionOf(model),
        Preprocessing = new PreprocessingSpec
        {
            Resize = model.ImageSize,
            Crop = model.ImageSize,
            Interpolation = Interpolation.Bicubic,
            Mean = [0.5f, 0.5f, 0.5f],
            Std = [0.5f, 0.5f, 0.5f],
        },
        Network = new DiffusionSpec { Model = path, Weights = model.WeightsSha256(), Timestep = timestep },
        Origin = $"mid block of {model.Name} at step {timestep}",
    };

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<float> images, Span<float> features)
    {
        var side = Spec.Preprocessing.Crop;
        Encode(images, [.. Enumerable.Repeat("", images.Length / (3 * side * side))], features);
    }

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<float> images, IReadOnlyList<string> captions, Span<float> features)
    {
        ArgumentNullException.ThrowIfNull(captions);
        var side = Spec.Preprocessing.Crop;
        var (n, length) = (captions.Count, 3 * side * side);
        if (images.Length != (long)n * length || features.Length != n * Spec.Dimension)
        {
            throw new ArgumentException(
                $"{images.Length} input and {features.Length} output values do not make {n} images of {length}, one for each caption, and features of {Spec.Dimension}.");
        }

        TorchRuntime.UseOwnThread();
        try
        {
            for (var i = 0; i < n; i++)
            {
                Encode(images.Slice(i * length, length), captions[i], side, features.Slice(i * Spec.Dimension, Spec.Dimension));
            }
        }
        catch (ExternalException e)
        {
            throw new WhenceException($"Encoder '{Spec.Name}': libtorch failed ({e.Message.Split('\n')[0]}); fewer --threads take less memory.", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    private void Encode(ReadOnlySpan<float> pixels, string caption, int side, Span<float> feature)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var generator = new Generator(SeedOf(pixels));
        var image = TensorValues.ToTensor(pixels, 1, 3, side, side).to(_model.Device);
        var latents = Autoencoder.Split(_model.Autoencoder.Moments(image)).Mean * _model.Autoencoder.Spec.ScalingFactor;
        var times = tensor(new long[] { _timestep });
        var noisy = _noise.AddNoise(latents, randn(latents.shape, dtype: ScalarType.Float32, generator: generator).to(_model.Device), times);
        var context = _model.EncodeText([caption]);
        var hidden = _model.UNet.MidBlock(noisy.to(context.dtype), times.to(_model.Device), context); // 1 x channels x h x w
        TensorValues.Of(hidden.to(ScalarType.Float32).mean([2, 3]).cpu().contiguous()).CopyTo(feature);
    }

    private static ulong SeedOf(ReadOnlySpan<float> pixels) => MemoryMarshal.Read<ulong>(SHA256.HashData(MemoryMarshal.AsBytes(pixels)));

    private static int DimensionOf(DiffusionModel model) => model.UNet.Spec.BlockChannels[^1];

    // The checksum is that of the weights as the file has them, not as another precision rounds them.
    private static DiffusionModel Open(string path, string weights, EncoderSpec spec, ImageEncoderOptions options)
    {
        var wanted = new DiffusionOptions { Device = options.Device, Precision = spec.Precision ?? EncoderPrecision.F32 };
        var model = DiffusionModel.Open(path, wanted with { Precision = EncoderPrecision.F32 });
        try
        {
            if (model.WeightsSha256() is var actual && actual != weights)
            {
                throw new WhenceException($"{path}: the SHA-256 of the weights is {actual}, but the spec of encoder '{spec.Name}' says {weights}; it is another model: describe it anew with 'whence encoders describe', or correct the spec.");
            }

            if (wanted.Precision == EncoderPrecision.F32)
            {
                return model;
            }
        }
        catch
        {
            model.Dispose();
            throw;
        }

        model.Dispose();
        return DiffusionModel.Open(path, wanted);
    }
}
