using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Mapping;

/// <summary>
/// Matrix products in float32, written as convolutions whose kernel is one pixel: a row of the matrix is a pixel, its columns are the
/// channels. It is the same sum; but libtorch gives convolutions to oneDNN, which uses the widest vectors of any processor, and products to
/// MKL, which on some uses half of them. Widths that oneDNN may get wrong are left to MKL (<see cref="Convolutions"/>).
/// </summary>
internal static class RowProducts
{
    /// <summary>a b^T, plus a bias: every row of a with every row of b. Gradients flow to all three.</summary>
    /// <param name="a">n x d.</param>
    /// <param name="b">m x d.</param>
    /// <param name="bias">m, or null.</param>
    /// <returns>n x m.</returns>
    public static Tensor WithRows(Tensor a, Tensor b, Tensor? bias = null) => Convolutions.CanMultiply(b.shape[1], b.shape[0])
        ? Rows(nn.functional.conv2d(Pixels(a), Kernel(b), bias))
        : nn.functional.linear(a, b, bias);

    /// <summary>a b.</summary>
    /// <param name="a">n x d.</param>
    /// <param name="b">d x m.</param>
    /// <returns>n x m.</returns>
    public static Tensor WithColumns(Tensor a, Tensor b) => Convolutions.CanMultiply(b.shape[0], b.shape[1])
        ? Rows(nn.functional.conv_transpose2d(Pixels(a), Kernel(b)))
        : a.matmul(b);

    // One image of n x 1 pixels, channels last: the matrix as it lies in memory.
    private static Tensor Pixels(Tensor a) => a.view(1, a.shape[0], 1, a.shape[1]).permute(0, 3, 1, 2);

    private static Tensor Kernel(Tensor b) => b.view(b.shape[0], b.shape[1], 1, 1);

    private static Tensor Rows(Tensor pixels) => pixels.permute(0, 2, 3, 1).reshape(pixels.shape[2], pixels.shape[1]);
}
