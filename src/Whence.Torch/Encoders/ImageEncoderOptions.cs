namespace Whence.Torch.Encoders;

/// <summary>Where an encoder computes.</summary>
public enum EncoderDevice
{
    /// <summary>The processor.</summary>
    Cpu,

    /// <summary>The first CUDA device; the application must bring libtorch for it.</summary>
    Cuda,
}

/// <summary>What an encoder computes with.</summary>
public enum EncoderPrecision
{
    /// <summary>float32: features as the reference's, within 1e-5.</summary>
    Float32,

    /// <summary>bfloat16 weights and activations: two to three times as fast where the processor has it, cosine to float32 about 0.9999.</summary>
    BFloat16,
}

/// <summary>How an encoder is run; none of it changes what it is.</summary>
public sealed record ImageEncoderOptions
{
    /// <summary>Default: the processor.</summary>
    public EncoderDevice Device { get; init; } = EncoderDevice.Cpu;

    /// <summary>Default: float32.</summary>
    public EncoderPrecision Precision { get; init; } = EncoderPrecision.Float32;

    /// <summary>Whether a TorchScript model may run. It can hold any code: only for files whose makers are trusted. Default: no.</summary>
    public bool AllowTorchScript { get; init; }
}
