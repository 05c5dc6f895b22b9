using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Whence.Torch.Mapping;

/// <summary>The numbers of tensors, where plain loops are simpler and faster than operations of libtorch.</summary>
internal static class TensorValues
{
    /// <summary>The elements of a contiguous float32 tensor on the processor, row after row: not a copy.</summary>
    public static Span<float> Of(Tensor tensor) => tensor.dtype == ScalarType.Float32 && tensor.is_contiguous()
        ? MemoryMarshal.Cast<byte, float>(tensor.bytes)
        : throw new ArgumentException($"A contiguous float32 tensor is needed, this one is {tensor.dtype} of strides {string.Join(", ", tensor.stride())}.", nameof(tensor));

    /// <summary>A tensor of the values in memory of libtorch, which is aligned alike every time, so that sums come out alike too.</summary>
    public static Tensor ToTensor(ReadOnlySpan<float> values, params long[] shape)
    {
        var tensor = empty(shape, dtype: ScalarType.Float32);
        values.CopyTo(Of(tensor));
        return tensor;
    }
}
