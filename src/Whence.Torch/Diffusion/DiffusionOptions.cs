using Whence.Encoders;
using Whence.Torch.Encoders;

namespace Whence.Torch.Diffusion;

/// <summary>How a diffusion model is opened.</summary>
public sealed record DiffusionOptions
{
    /// <summary>Where it computes. Default: the processor.</summary>
    public EncoderDevice Device { get; init; } = EncoderDevice.Cpu;

    /// <summary>What the U-Net and the text encoder compute with; the autoencoder, whose colours would suffer, always computes float32. Default float32.</summary>
    public EncoderPrecision Precision { get; init; } = EncoderPrecision.F32;

    /// <summary>Sizes of the U-Net in a single file, which does not tell them. Default those of Stable Diffusion 1.x.</summary>
    public UNetSpec UNet { get; init; } = new();

    /// <summary>Sizes of the autoencoder in a single file. Default those of Stable Diffusion 1.x.</summary>
    public AutoencoderSpec Autoencoder { get; init; } = new();

    /// <summary>Sizes of the text encoder in a single file. Default those of Stable Diffusion 1.x.</summary>
    public ClipTextSpec TextEncoder { get; init; } = new() { Dimension = null };

    /// <summary>The noise that the model in a single file was trained with, and how it is sampled. Default those of Stable Diffusion 1.x.</summary>
    public SchedulerSpec Scheduler { get; init; } = new();
}
