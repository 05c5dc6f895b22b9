using static TorchSharp.torch;

namespace Whence.Torch.Training;

/// <summary>
/// The direction in which Muon (Jordan et al. 2024) moves a matrix: that of its gradient, all singular values brought near to 1, so that what has small gradients, as small features of images have,
/// is learned as fast as what has large ones. The matrix of a convolution has a row for each channel that comes out.
/// </summary>
internal static class Orthogonalization
{
    private const int Steps = 5;

    // The odd polynomial by which five steps bring singular values to about 0.7 to 1.2; to bring them to 1 would take more steps and helps no more.
    private const float A = 3.4445f, B = -4.7750f, C = 2.0315f;

    // About what AdamW's steps are, as a part of the rate, root of the mean square (Liu et al. 2025, section 2.2).
    private const double Size = 0.2;

    /// <summary>Singular values near to 1, times 0.2 and the root of the longer side.</summary>
    /// <param name="matrix">[rows, columns], in the type that is computed in.</param>
    /// <returns>[rows, columns]; 0 where the matrix is 0.</returns>
    public static Tensor Of(Tensor matrix)
    {
        using var scope = NewDisposeScope();
        var tall = matrix.shape[0] > matrix.shape[1];
        var x = tall ? matrix.t() : matrix;
        x = x / (x.to(ScalarType.Float32).norm().item<float>() + 1e-20f);
        for (var i = 0; i < Steps; i++)
        {
            var square = x.mm(x.t());
            x = (A * x) + ((B * square) + (C * square.mm(square))).mm(x);
        }

        return ((tall ? x.t() : x) * (Size * Math.Sqrt(Math.Max(matrix.shape[0], matrix.shape[1])))).MoveToOuterDisposeScope();
    }
}
