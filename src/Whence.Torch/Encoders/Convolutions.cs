using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>
/// Convolutions that are right on every processor. oneDNN, as libtorch 2.10 has it, computes some of them wrongly on some AMD processors, without an error: those whose channels do
/// not fill its blocks, in the forward pass or in the gradients (pytorch/pytorch#163347); and on AMD's it divides by zero, which ends the process, while it plans
/// convolutions of one cell between some numbers of channels (pytorch/pytorch#177227).
/// </summary>
internal static class Convolutions
{
    // The blocks that oneDNN lays channels out in; half of one for few channels.
    private const long Block = 32, HalfBlock = 16;

    // Every block that oneDNN may choose for a product divides it.
    private const long WidestBlock = 64;

    // CPUID's vendor: "Auth" of AuthenticAMD.
    private static readonly bool IsAmd = X86Base.IsSupported && X86Base.CpuId(0, 0).Ebx == 0x68747541;

    // Found out once for a process: a few small convolutions, some milliseconds.
    private static readonly Lazy<bool> Right = new(PartialBlocksAreRight, LazyThreadSafetyMode.PublicationOnly);

    /// <summary>A convolution with zeros around.</summary>
    /// <param name="input">[n, c, h, w].</param>
    /// <param name="weight">[d, c, k, k].</param>
    /// <param name="bias">[d], or null.</param>
    /// <param name="stride">Cells from one position to the next.</param>
    /// <param name="padding">Zeros on each side.</param>
    /// <returns>[n, d, h', w'].</returns>
    public static Tensor Convolve(Tensor input, Tensor weight, Tensor? bias, long stride, long padding)
    {
        var (output, channels) = (weight.shape[0], weight.shape[1]);
        if (input.device_type == TorchSharp.DeviceType.CPU)
        {
            if (weight.shape[2] == 1 && padding == 0 && DividesByZero(channels, output))
            {
                return OfCells(input, weight, bias, stride);
            }

            if ((Missing(output) > 0 || Missing(channels) > 0) && !Right.Value)
            {
                return InFullBlocks(input, weight, bias, stride, padding, Missing(output), Missing(channels));
            }
        }

        return nn.functional.conv2d(input, weight, bias, [stride, stride], [padding, padding]);
    }

    /// <summary>Whether a product of rows and a matrix can be computed as a convolution.</summary>
    /// <param name="input">Values that come in.</param>
    /// <param name="output">Values that come out.</param>
    public static bool CanMultiply(long input, long output) => !DividesByZero(input, output) && ((input % WidestBlock == 0 && output % WidestBlock == 0) || Right.Value);

    /// <summary>The same with channels of zeros more, which are cut off again: blocks are full then.</summary>
    internal static Tensor InFullBlocks(Tensor input, Tensor weight, Tensor? bias, long stride, long padding, long missing, long missingIn)
    {
        using var scope = NewDisposeScope();
        var all = nn.functional.conv2d(
            nn.functional.pad(input, [0, 0, 0, 0, 0, missingIn]),
            nn.functional.pad(weight, [0, 0, 0, 0, 0, missingIn, 0, missing]),
            bias is null ? null : nn.functional.pad(bias, [0, missing]),
            [stride, stride],
            [padding, padding]);
        return all.narrow(1, 0, weight.shape[0]).MoveToOuterDisposeScope();
    }

    /// <summary>The same for a kernel of one cell, as a product of each cell's channels.</summary>
    internal static Tensor OfCells(Tensor input, Tensor weight, Tensor? bias, long stride)
    {
        using var scope = NewDisposeScope();
        var cells = input.slice(2, 0, input.shape[2], stride).slice(3, 0, input.shape[3], stride).permute(0, 2, 3, 1);
        return nn.functional.linear(cells, weight.flatten(1), bias).permute(0, 3, 1, 2).contiguous().MoveToOuterDisposeScope();
    }

    // How many channels the last block lacks.
    private static long Missing(long channels)
    {
        var block = channels <= HalfBlock ? HalfBlock : Block;
        return (block - (channels % block)) % block;
    }

    // Met between 256 and 1,024, 512 and 1,024, 512 and 2,048, 1,024 and 2,048 either way round, with no other multiples of 64 up to 2,048; more powers of two are not tried.
    private static bool DividesByZero(long input, long output) => IsAmd && input != output && long.IsPow2(input) && long.IsPow2(output) && input * output >= 1 << 18;

    private static bool PartialBlocksAreRight()
    {
        using var scope = NewDisposeScope();
        return new[] { ScalarType.Float32, ScalarType.BFloat16 }.All(type => IsRight(type, 24, 24) && IsRight(type, 8, 8) && IsRight(type, 1, 2) && IsRight(type, 48, 40));
    }

    // Forward and both gradients, of small whole numbers that both types hold exactly, sums included, and that differ from channel to channel; beside products of the kernels' windows.
    private static bool IsRight(ScalarType type, long input, long output)
    {
        using var mode = inference_mode(false); // encoders ask within it
        using var grad = enable_grad();
        var x = Pattern(2, input, 4, 4);
        var w = Pattern(output, input, 3, 3);
        var weights = Pattern(2, output, 4, 4);
        var expected = Computed(ScalarType.Float32, (a, b) => b.flatten(1).matmul(nn.functional.unfold(a, 3, padding: 1)).reshape(2, output, 4, 4));
        var computed = Computed(type, (a, b) => nn.functional.conv2d(a, b, padding: [1, 1]));
        return expected.Zip(computed).All(pair => (pair.First - pair.Second).abs().max().item<float>() == 0);

        Tensor[] Computed(ScalarType as_, Func<Tensor, Tensor, Tensor> f)
        {
            var (a, b) = (x.to(as_).detach().clone().requires_grad_(true), w.to(as_).detach().clone().requires_grad_(true));
            var y = f(a, b);
            (y * weights.to(as_)).sum().backward();
            return [y.detach().to(ScalarType.Float32), a.grad!.to(ScalarType.Float32), b.grad!.to(ScalarType.Float32)];
        }
    }

    // One in eleven is 1, one is -1, all others 0: sums stay far below 256, up to which bfloat16 holds every whole number.
    private static Tensor Pattern(params long[] shape)
    {
        var i = arange(shape.Aggregate(1L, (a, b) => a * b), dtype: ScalarType.Int64);
        var rest = ((i * 7) + (i / 13)) % 11;
        return ((rest == 3).to(ScalarType.Float32) - (rest == 8).to(ScalarType.Float32)).reshape(shape);
    }
}
