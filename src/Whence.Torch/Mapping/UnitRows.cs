using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Whence.Torch.Mapping;

/// <summary>The rows of a matrix divided by their lengths, and the gradient of that.</summary>
internal sealed class UnitRows
{
    private const float Smallest = 1e-12f;
    private readonly float[] _lengths;

    /// <summary>Normalises the rows.</summary>
    /// <param name="mapped">n x m, not changed.</param>
    public UnitRows(Tensor mapped)
    {
        var (rows, columns) = ((int)mapped.shape[0], (int)mapped.shape[1]);
        using (no_grad())
        {
            Tensor = mapped.detach().clone().contiguous();
        }

        _lengths = new float[rows];
        var values = TensorValues.Of(Tensor);
        for (var i = 0; i < rows; i++)
        {
            var row = values.Slice(i * columns, columns);
            _lengths[i] = MathF.Max(TensorPrimitives.Norm(row), Smallest);
            TensorPrimitives.Divide(row, _lengths[i], row);
        }

        Tensor.requires_grad = true;
    }

    /// <summary>n x m rows of length 1; collects its gradient.</summary>
    public Tensor Tensor { get; }

    /// <summary>The gradient of what was normalised: what of the unit rows' gradient is across them, divided by the length.</summary>
    /// <returns>n x m.</returns>
    public Tensor Gradient()
    {
        using var none = no_grad();
        var gradient = Tensor.grad!.contiguous();
        var units = TensorValues.Of(Tensor);
        var values = TensorValues.Of(gradient);
        var columns = (int)Tensor.shape[1];
        for (var i = 0; i < _lengths.Length; i++)
        {
            var unit = units.Slice(i * columns, columns);
            var row = values.Slice(i * columns, columns);
            TensorPrimitives.MultiplyAdd(unit, -TensorPrimitives.Dot<float>(unit, row), row, row);
            TensorPrimitives.Divide(row, _lengths[i], row);
        }

        return gradient;
    }
}
