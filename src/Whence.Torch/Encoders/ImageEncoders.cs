using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Whence.Encoders;
using Whence.Torch.Diffusion;

namespace Whence.Torch.Encoders;

/// <summary>Opens the encoder that a spec describes, whatever runs it.</summary>
public static class ImageEncoders
{
    /// <summary>Opens an encoder. libtorch is loaded only where the spec names a network that it runs.</summary>
    /// <param name="spec">What to open.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <exception cref="WhenceException">A file is missing, has another checksum or does not fit the spec, or an option cannot be had here.</exception>
    public static IImageEncoder Open(EncoderSpec spec, ImageEncoderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        options ??= new();
        if (spec.Network is null or PixelsSpec)
        {
            if (options is not { Device: EncoderDevice.Cpu, Precision: null })
            {
                throw new WhenceException(spec.Network is null
                    ? $"Encoder '{spec.Name}' is an ONNX model, which runs on the processor with the precision that it was exported with; leave out --device and --precision."
                    : $"Encoder '{spec.Name}' runs no network; leave out --device and --precision.");
            }

            return spec.Network is null ? new OnnxEncoder(spec) : new PixelEncoder(spec);
        }

        if (spec.Network is TorchScriptSpec && !options.AllowTorchScript)
        {
            throw new WhenceException(
                $"Encoder '{spec.Name}' is a TorchScript archive, which can run any code on this machine; if you trust who made it, say --allow-torchscript.");
        }

        return OpenTorch(spec with { Precision = options.Precision ?? spec.Precision }, options);
    }

    // A method of its own, so that neither TorchSharp nor libtorch is loaded for anybody else.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SuppressMessage("Performance", "CA1859:Use concrete types when possible", Justification = "Naming the type would load TorchSharp for whoever calls Open.")]
    private static IImageEncoder OpenTorch(EncoderSpec spec, ImageEncoderOptions options) =>
        spec.Network is DiffusionSpec ? new MidBlockFeatures(spec, options) : new TorchEncoder(spec, options);
}
