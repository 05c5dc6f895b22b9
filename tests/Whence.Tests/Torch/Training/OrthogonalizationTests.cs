using Whence.Torch.Mapping;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Training;

public class OrthogonalizationTests
{
    [Theory]
    [InlineData(7, 7)]
    [InlineData(5, 20)]
    [InlineData(20, 5)]
    [InlineData(1, 9)]
    public void Singular_vectors_stay_and_singular_values_come_near_to_1(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var rank = Math.Min(rows, columns);
        var (u, v) = (Orthonormal(rows, rank), Orthonormal(columns, rank));
        var values = linspace(1, 0.05, rank); // of sizes as different as those of a gradient are
        var direction = Orthogonalization.Of((u * (values * 1e-6)).mm(v.t()));
        Assert.Equal([rows, columns], direction.shape);
        var size = 0.2 * Math.Sqrt(Math.Max(rows, columns));
        var within = u.t().mm(direction).mm(v) / size;
        Assert.All(TensorValues.Of(within.diagonal().contiguous()).ToArray(), value => Assert.InRange(value, 0.5f, 1.3f));
        Assert.True((within - diag(within.diagonal())).abs().max().item<float>() < 0.01);
        Assert.Equal(direction.norm().item<float>(), within.norm().item<float>() * size, 1e-3);
    }

    [Fact]
    public void A_matrix_of_zeros_stays_one()
    {
        using var scope = NewDisposeScope();
        Assert.All(TensorValues.Of(Orthogonalization.Of(zeros(3, 5))).ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void Bfloat16_gives_about_the_same()
    {
        using var scope = NewDisposeScope();
        var matrix = Normal(1, 24, 60);
        var (single, half) = (Orthogonalization.Of(matrix), Orthogonalization.Of(matrix.to(ScalarType.BFloat16)));
        Assert.Equal(ScalarType.BFloat16, half.dtype);
        Assert.True((single - half.to(ScalarType.Float32)).norm().item<float>() < 0.05 * single.norm().item<float>());
    }

    private static Tensor Orthonormal(int rows, int columns) => linalg.qr(Normal(rows + (7 * columns), rows, columns)).Q;

    private static Tensor Normal(int seed, int rows, int columns)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return randn(rows, columns, generator: generator);
    }
}
