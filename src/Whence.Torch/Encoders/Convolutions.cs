using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>
/// Convolutions that are right on every processor. oneDNN, as libtorch 2.10 has it, computes some of them wrongly on some AMD processors, without an error: those whose channels do
/// not fill its blocks, in the forward pass or in the gradients (pytorch/pytorch#163347), and it divides by zero, which ends the process, while it plans products of
/// some widths as convolutions (pytorch/pytorch#177227).
/// </summary>
internal static class Convolutions
{
    // The blocks that oneDNN lays channels out in; half of one for few channels.
    private const long Block = 32, HalfBlock = 16;

    // Widths of products that are given to convolutions where blocks must be full: every block that oneDNN may choose divides them.
    private const long WidestBlock = 64;

    // Found out once for a process: a few small convolutions, some milliseconds.
    private static readonly Lazy<bool> Right = new(PartialBlocksAreRight);

    /// <summary>A convolution with zeros around.</summary>
    /// <param name="input">[n, c, h, w].</param>
    /// <param name="weight">[d, c, k, k].</param>
    /// <param name="bias">[d].</param>
    /// <param name="stride">Cells from one position to the next, down and across.</param>
    /// <param name="padding">Zeros on each side.</param>
    /// <returns>[n, d, h', w'].</returns>
    public static Tensor Convolve(Tensor input, Tensor weight, Tensor? bias, long[] stride, long[] padding)
    {
        var (output, channels) = (weight.shape[0], weight.shape[1]);
        var (missing, missingIn) = (Full(output) - output, Full(channels) - channels);
        return (missing == 0 && missingIn == 0) || input.device_type != TorchSharp.DeviceType.CPU || Right.Value
            ? nn.functional.conv2d(input, weight, bias, stride, padding)
            : InFullBlocks(input, weight, bias, stride, padding, missing, missingIn);
    }

    /// <summary>Whether a product of these widths can be computed as a convolution.</summary>
    /// <param name="input">Values that come in.</param>
    /// <param name="output">Values that come out.</param>
    public static bool CanMultiply(long input, long output) => !Divides(input, output) && ((input % WidestBlock == 0 && output % WidestBlock == 0) || Right.Value);

    /// <summary>The same with channels of zeros more, which are cut off again: blocks are full then.</summary>
    internal static Tensor InFullBlocks(Tensor input, Tensor weight, Tensor? bias, long[] stride, long[] padding, long missing, long missingIn)
    {
        using var scope = NewDisposeScope();
        var output = weight.shape[0];
        var all = nn.functional.conv2d(
            nn.functional.pad(input, [0, 0, 0, 0, 0, missingIn]),
            nn.functional.pad(weight, [0, 0, 0, 0, 0, missingIn, 0, missing]),
            bias is null ? null : nn.functional.pad(bias, [0, missing]),
            stride,
            padding);
        return all.narrow(1, 0, output).MoveToOuterDisposeScope();
    }

    private static long Full(long channels)
    {
        var block = channels <= HalfBlock ? HalfBlock : Block;
        return (channels + block - 1) / block * block;
    }

    // Met with 256 and 1,024, 512 and 1,024, 512 and 2,048, 1,024 and 2,048 either way round, with no other multiples of 64 up to 2,048.
    private static bool Divides(long input, long output) => input != output && long.IsPow2(input) && long.IsPow2(output) && input * output >= 1 << 18;

    private static bool PartialBlocksAreRight()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        return new[] { ScalarType.Float32, ScalarType.BFloat16 }.All(type => IsRight(type, 24, 24) && IsRight(type, 8, 8) && IsRight(type, 1, 2));
    }

    // All sums of 9 products of a channel are of small whole numbers, which both types hold exactly.
    private static bool IsRight(ScalarType type, long input, long output)
    {
        var x = (arange(2 * input * 16, dtype: ScalarType.Float64) % 3 - 1).reshape(2, input, 4, 4);
        var w = (arange(output * input * 9, dtype: ScalarType.Float64) % 2).reshape(output, input, 3, 3);
        var expected = w.flatten(1).matmul(nn.functional.unfold(x, 3, padding: 1)).reshape(2, output, 4, 4);
        var computed = nn.functional.conv2d(x.to(type), w.to(type), padding: [1, 1]).to(ScalarType.Float64);
        return (computed - expected).abs().max().item<double>() == 0;
    }
}
