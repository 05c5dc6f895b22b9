using System.Runtime.InteropServices;
using TorchSharp;
using Whence.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>Runs a network that libtorch computes. Several threads may encode at once; each call computes on one thread of its own.</summary>
internal sealed class TorchEncoder : IImageEncoder
{
    // The pipeline makes a call per core; threads within the calls would be as many again for each and wait for each other.
    private const int ThreadsOfACall = 1;

    private readonly nn.Module<Tensor, Tensor> _network;
    private readonly Device _device;
    private readonly ScalarType _type;

    /// <summary>Loads the network of a spec.</summary>
    /// <param name="spec">With a network; what it computes with is <see cref="EncoderSpec.Precision"/>.</param>
    /// <param name="options">Where it computes.</param>
    /// <exception cref="WhenceException">The file is missing, has another checksum or does not fit the spec, or there is no such device.</exception>
    public TorchEncoder(EncoderSpec spec, ImageEncoderOptions options)
    {
        spec.Validate();
        Spec = spec;
        _device = Find(options.Device, spec);
        _type = spec.Precision == EncoderPrecision.BF16 ? ScalarType.BFloat16 : ScalarType.Float32;
        UseOwnThread();
        var network = Load(spec, _device);
        try
        {
            using var none = no_grad();
            _network = network.to(_device).to(_type);
            _network.eval();
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public EncoderSpec Spec { get; }

    /// <inheritdoc/>
    public int MaxBatch => int.MaxValue;

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<float> images, Span<float> features)
    {
        var side = Spec.Preprocessing.Crop;
        var n = images.Length / (3 * side * side);
        if (images.Length != n * 3 * side * side || features.Length != n * Spec.Dimension)
        {
            throw new ArgumentException(
                $"{images.Length} input and {features.Length} output values do not make whole images of {3 * side * side} and features of {Spec.Dimension}.");
        }

        if (n == 0)
        {
            return;
        }

        UseOwnThread();
        try
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            var input = TensorValues.ToTensor(images, n, 3, side, side).to(_type, _device);
            var output = _network.forward(input).to(ScalarType.Float32, CPU).contiguous();
            if (!output.shape.SequenceEqual([n, Spec.Dimension]))
            {
                throw new WhenceException(
                    $"Encoder '{Spec.Name}': the network gives [{string.Join(", ", output.shape)}] for {n} images, but the spec says {Spec.Dimension} values each; correct 'dimension' in the spec.");
            }

            TensorValues.Of(output).CopyTo(features);
        }
        catch (ExternalException e)
        {
            throw new WhenceException($"Encoder '{Spec.Name}': libtorch failed ({e.Message.Split('\n')[0]}); a smaller --batch takes less memory.", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();

    // libtorch keeps the number for each thread that calls it.
    private static void UseOwnThread()
    {
        if (get_num_threads() != ThreadsOfACall)
        {
            set_num_threads(ThreadsOfACall);
        }
    }

    private static Device Find(EncoderDevice device, EncoderSpec spec)
    {
        if (device == EncoderDevice.Cpu)
        {
            return CPU;
        }

        return cuda_is_available()
            ? CUDA
            : throw new WhenceException(
                $"Encoder '{spec.Name}': there is no CUDA device, or this build of Whence brings libtorch for the processor only (an application with a GPU references libtorch-cuda-*); leave out --device cuda.");
    }

    private static nn.Module<Tensor, Tensor> Load(EncoderSpec spec, Device device)
    {
        var path = spec.Model!.CheckedPath(spec.Folder);
        if (spec.Network is TorchScriptSpec)
        {
            return new TorchScriptNetwork(path, spec, device);
        }

        using var checkpoint = Checkpoint.Open(path);
        return spec.Network switch
        {
            ResNetSpec resnet => ResNetWeights.Load(resnet, spec, checkpoint),
            VisionTransformerSpec vit => VisionTransformerWeights.Load(Fitting(vit, spec), spec.Dimension, checkpoint),
            _ => throw new WhenceException($"Encoder '{spec.Name}': no network of kind {spec.Network?.GetType().Name} is known."),
        };
    }

    // Only DINO's positions are made for images of other sizes.
    private static VisionTransformerSpec Fitting(VisionTransformerSpec network, EncoderSpec spec)
    {
        var crop = spec.Preprocessing.Crop;
        return network.Family == VisionTransformerFamily.Dino
            ? crop >= network.PatchSize ? network : throw Misfit($"at least patchSize {network.PatchSize}")
            : crop == network.ImageSize ? network : throw Misfit($"the network's imageSize {network.ImageSize}");

        WhenceException Misfit(string needed) => new($"Encoder '{spec.Name}': preprocessing.crop is {crop}, but must be {needed}; correct the spec.");
    }
}
