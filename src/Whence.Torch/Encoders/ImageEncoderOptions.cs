using Whence.Encoders;

namespace Whence.Torch.Encoders;

/// <summary>Where an encoder computes.</summary>
public enum EncoderDevice
{
    /// <summary>The processor.</summary>
    Cpu,

    /// <summary>The first CUDA device; the application must bring libtorch for it.</summary>
    Cuda,
}

/// <summary>How an encoder is run.</summary>
public sealed record ImageEncoderOptions
{
    /// <summary>Default: the processor.</summary>
    public EncoderDevice Device { get; init; } = EncoderDevice.Cpu;

    /// <summary>Takes the place of <see cref="EncoderSpec.Precision"/>; null leaves it.</summary>
    public EncoderPrecision? Precision { get; init; }

    /// <summary>Whether a TorchScript model may run. It can hold any code: only for files whose makers are trusted. Default: no.</summary>
    public bool AllowTorchScript { get; init; }
}
