using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>Writes a network's weights under the names of a kind of checkpoints: <see cref="WeightLoading"/> the other way.</summary>
internal static class WeightSaving
{
    /// <summary>Tensors to be written, one after the other: no more than one of them is copied at a time.</summary>
    /// <param name="network">Must live until all are written.</param>
    /// <param name="format">How the file names them; one in which no name stands twice.</param>
    /// <param name="type">F32, F16 or BF16.</param>
    /// <remarks>Writing throws a <see cref="WhenceException"/> where a value is too large for F16: it would be infinite, and the model useless.</remarks>
    public static IReadOnlyList<TensorData> Tensors(nn.Module network, WeightFormat format, ElementType type = ElementType.F32)
    {
        var scalar = type switch
        {
            ElementType.F32 => ScalarType.Float32,
            ElementType.F16 => ScalarType.Float16,
            ElementType.BF16 => ScalarType.BFloat16,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Weights are written as F32, F16 or BF16."),
        };
        var tensors = new List<TensorData>();
        foreach (var (name, tensor) in network.state_dict())
        {
            var source = format.Source(name);
            foreach (var (i, part) in source.Names.Index())
            {
                tensors.Add(TensorData.FromWriter(format.Prefix + part, type, stream => Write(stream, name, tensor, source, i, scalar), source.ShapeFor(tensor.shape)));
            }
        }

        return tensors;
    }

    private static void Write(Stream stream, string name, Tensor tensor, WeightSource source, int part, ScalarType type)
    {
        const long Chunk = 1 << 22;
        using var none = no_grad();
        using var scope = NewDisposeScope();
        var rows = source.Names.Length == 1 ? 0 : tensor.shape[0] / source.Names.Length;
        var mine = source.Names.Length == 1 ? tensor : tensor.narrow(0, part * rows, rows);
        if (source.Order is { } order)
        {
            mine = mine.permute([.. Enumerable.Range(0, order.Length).Select(d => (long)Array.IndexOf(order, d))]);
        }

        var flat = mine.detach().cpu().reshape(-1);
        for (long at = 0; at < flat.shape[0]; at += Chunk)
        {
            using var inner = NewDisposeScope();
            var written = flat.narrow(0, at, Math.Min(Chunk, flat.shape[0] - at)).to(type).contiguous();
            if (type == ScalarType.Float16 && !written.isfinite().all().item<bool>())
            {
                throw new WhenceException($"The weight '{name}' has values beyond 65504, the largest number of float16; write the model as float32 ('model.precision' of the recipe that it is trained by, which may be changed when all is trained).");
            }

            stream.Write(written.bytes);
        }
    }
}
