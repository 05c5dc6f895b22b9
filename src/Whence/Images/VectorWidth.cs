using System.Runtime.Intrinsics;

namespace Whence.Images;

/// <summary>Bits of the vectors a kernel works with; all give the same integers.</summary>
internal enum VectorWidth
{
    /// <summary>128: every processor, in software if need be.</summary>
    Bits128,

    /// <summary>256.</summary>
    Bits256,

    /// <summary>512.</summary>
    Bits512,
}

internal static class VectorWidths
{
    /// <summary>The widest that the processor has.</summary>
    public static VectorWidth Best { get; } =
        Vector512.IsHardwareAccelerated ? VectorWidth.Bits512
        : Vector256.IsHardwareAccelerated ? VectorWidth.Bits256
        : VectorWidth.Bits128;
}
