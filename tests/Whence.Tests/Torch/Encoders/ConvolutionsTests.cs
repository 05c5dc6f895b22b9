using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders;

/// <summary>Convolutions and products beside their double-precision twins, with channels that do and do not fill the blocks they are computed in.</summary>
public sealed class ConvolutionsTests
{
    public static TheoryData<long, long, long, long> Shapes => new()
    {
        { 1, 2, 3, 1 }, { 2, 8, 3, 1 }, { 8, 2, 3, 1 }, { 8, 96, 3, 1 }, { 96, 8, 3, 1 }, { 24, 24, 3, 1 }, { 40, 40, 3, 1 }, { 48, 64, 3, 2 }, { 64, 48, 3, 1 },
        { 3, 64, 3, 2 }, { 64, 3, 3, 1 }, { 16, 32, 1, 1 }, { 24, 40, 1, 1 }, { 256, 1024, 1, 2 }, { 1024, 512, 1, 1 },
    };

    // The last ones end the process where they are given to a convolution on some processors.
    public static TheoryData<long, long, long> Products => new()
    {
        { 200, 128, 100 }, { 77, 320, 200 }, { 64, 64, 96 }, { 24, 100, 50 }, { 64, 320, 1280 }, { 1536, 256, 1024 }, { 64, 1024, 256 }, { 64, 512, 2048 }, { 64, 2048, 1024 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_convolution_and_its_gradients_are_right(long input, long output, long kernel, long stride)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        Tensor[] given = [randn(3, input, 8, 8), randn(output, input, kernel, kernel), randn(output)];
        foreach (var (type, tolerance) in new[] { (ScalarType.Float32, 1e-5), (ScalarType.BFloat16, 0.02) })
        {
            AreNear(given, type, tolerance, v => Convolutions.Convolve(v[0], v[1], v[2], stride, kernel / 2));
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Channels_of_zeros_change_nothing(long input, long output, long kernel, long stride)
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        var (x, w, b) = (randn([2, input, 8, 8], ScalarType.Float64), randn([output, input, kernel, kernel], ScalarType.Float64), randn([output], ScalarType.Float64));
        var expected = nn.functional.conv2d(x, w, b, [stride, stride], [kernel / 2, kernel / 2]);
        Assert.True(expected.allclose(Convolutions.InFullBlocks(x, w, b, stride, kernel / 2, 5, 3)));
        if (kernel == 1)
        {
            Assert.True(expected.allclose(Convolutions.OfCells(x, w, b, stride)));
        }
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void A_product_and_its_gradients_are_right(long rows, long input, long output)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        Tensor[] given = [randn(rows, input), randn(output, input), randn(output)];
        foreach (var (type, tolerance) in new[] { (ScalarType.Float32, 1e-5), (ScalarType.BFloat16, 0.02) })
        {
            AreNear(given, type, tolerance, v => v[0].dtype == ScalarType.Float64 ? nn.functional.linear(v[0], v[1], v[2]) : LinearLayer.Product(v[0], v[1], v[2]));
        }
    }

    // In numbers that bfloat16 holds, so that only what is computed differs.
    private static void AreNear(Tensor[] given, ScalarType type, double tolerance, Func<Tensor[], Tensor> f)
    {
        var (expected, computed) = (Run(ScalarType.Float64), Run(type));
        foreach (var (e, c) in expected.Zip(computed))
        {
            Assert.InRange(((c.to(ScalarType.Float64) - e).norm() / e.norm()).item<double>(), 0, tolerance);
        }

        Tensor[] Run(ScalarType as_)
        {
            Tensor[] values = [.. given.Select(v => v.to(ScalarType.BFloat16).to(as_).detach().clone().requires_grad_(true))];
            var y = f(values);
            var weights = (arange(y.numel(), dtype: ScalarType.Float64) * 0.7).sin().reshape(y.shape).to(ScalarType.BFloat16).to(as_);
            (y * weights).sum().backward();
            return [y.detach(), values[0].grad!, values[1].grad!]; // not the bias: bfloat16's sums over many positions are rough by themselves
        }
    }
}
