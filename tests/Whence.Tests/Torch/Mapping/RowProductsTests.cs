using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Mapping;

public class RowProductsTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 5, 3)]
    [InlineData(7, 1, 4)]
    [InlineData(33, 17, 65)]
    [InlineData(128, 96, 64)]
    public void Products_and_their_gradients_are_those_of_matmul(int n, int m, int d)
    {
        using var scope = NewDisposeScope();
        using var seeded = new Generator((ulong)((n * 1000) + m));
        var (a, b, bias) = (Random(n, d), Random(m, d), Random(1, m).view(m).detach().requires_grad_());
        var weights = Random(n, m).detach();

        var product = RowProducts.WithRows(a, b, bias);
        (product * weights).sum().backward();
        Tensor[] ours = [product, a.grad!.clone(), b.grad!.clone(), bias.grad!.clone()];
        Tensor?[] cleared = [a.grad = null, b.grad = null, bias.grad = null];
        var expected = a.matmul(b.t()) + bias;
        (expected * weights).sum().backward();

        Assert.All(cleared, Assert.Null);
        Assert.All(ours.Zip([expected, a.grad!, b.grad!, bias.grad!]), pair => Close(pair.Second, pair.First));
        Close(a.matmul(b.t()), RowProducts.WithColumns(a, b.t().contiguous()));

        Tensor Random(int rows, int columns) => randn(rows, columns, generator: seeded).requires_grad_();
    }

    private static void Close(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(actual.is_contiguous());
        Assert.True(allclose(actual, expected, rtol: 1e-4, atol: 1e-4));
    }
}
