using System.Runtime.InteropServices;
using Whence.Vectors;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Whence.Torch.Encoders;

/// <summary>Fills networks with the weights of checkpoints, and says in one error all that does not fit.</summary>
internal static class WeightLoading
{
    // Counts the steps of a training; nothing of the network depends on it, and some checkpoints lack it.
    private const string Steps = "num_batches_tracked";

    /// <summary>
    /// Builds a network and fills it: first on the meta device, where it takes no memory, so that a spec that does not fit its file costs
    /// nothing.
    /// </summary>
    /// <param name="build">Makes the network on a device; its weights may be uninitialised.</param>
    /// <param name="checkpoint">The weights; float16 and bfloat16 become float32.</param>
    /// <param name="format">How the checkpoint names them.</param>
    /// <returns>The network on the processor, float32, in evaluation mode; the caller disposes it.</returns>
    /// <exception cref="WhenceException">Tensors are missing, unknown, of another shape or type, or not finite; all of them are named.</exception>
    public static T Load<T>(Func<Device, T> build, Checkpoint checkpoint, WeightFormat format)
        where T : nn.Module
    {
        Differences differences;
        using (var scope = NewDisposeScope())
        using (var empty = build(META))
        {
            differences = new Differences(checkpoint, format, Expected(empty, format));
        }

        if (differences.Any)
        {
            // Only to name all that is wrong at once.
            foreach (var name in differences.Fitting)
            {
                differences.CheckValues(name, checkpoint.ReadSingle(name));
            }

            throw differences.Error();
        }

        var network = build(CPU);
        try
        {
            Fill(network, checkpoint, format, differences);
            if (differences.Any)
            {
                throw differences.Error();
            }

            network.eval();
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Names and shapes that a checkpoint must hold for a network.</summary>
    /// <param name="network">On any device, also meta.</param>
    /// <param name="format">How the checkpoint names them.</param>
    public static IReadOnlyDictionary<string, long[]> Expected(nn.Module network, WeightFormat format)
    {
        var expected = new Dictionary<string, long[]>(StringComparer.Ordinal);
        foreach (var (name, tensor) in Weights(network))
        {
            var source = format.Source(name);
            var shape = source.ShapeFor(tensor.shape);
            foreach (var part in source.Names)
            {
                expected.Add(format.Prefix + part, shape);
            }
        }

        return expected;
    }

    private static IEnumerable<(string Name, Tensor Tensor)> Weights(nn.Module network) =>
        network.state_dict().Where(pair => !pair.Key.EndsWith(Steps, StringComparison.Ordinal)).Select(pair => (pair.Key, pair.Value));

    private static void Fill(nn.Module network, Checkpoint checkpoint, WeightFormat format, Differences differences)
    {
        using var none = no_grad();
        foreach (var (name, tensor) in Weights(network))
        {
            using var scope = NewDisposeScope();
            var source = format.Source(name);
            var shape = source.ShapeFor(tensor.shape);
            var rows = source.Names.Length == 1 ? 0 : tensor.shape[0] / source.Names.Length;
            foreach (var (i, part) in source.Names.Index())
            {
                if (source.Names.Length == 1 && source.Order is null && tensor.dtype == ScalarType.Float32 && tensor.is_contiguous())
                {
                    // Straight to its place: a network may have gigabytes.
                    var place = MemoryMarshal.Cast<byte, float>(tensor.bytes);
                    checkpoint.ReadSingle(format.Prefix + part, place);
                    differences.CheckValues(format.Prefix + part, place);
                    continue;
                }

                var values = empty(shape, dtype: ScalarType.Float32);
                var span = MemoryMarshal.Cast<byte, float>(values.bytes);
                checkpoint.ReadSingle(format.Prefix + part, span);
                differences.CheckValues(format.Prefix + part, span);
                var target = source.Names.Length == 1 ? tensor : tensor.narrow(0, i * rows, rows);
                var ordered = source.Order is null ? values : values.permute([.. source.Order.Select(d => (long)d)]);
                target.copy_(ordered.reshape(target.shape));
            }
        }
    }

    /// <summary>What of a checkpoint does not fit a network.</summary>
    private sealed class Differences
    {
        private readonly string _path;
        private readonly WeightFormat _format;
        private readonly List<string> _missing = [], _misshapen = [], _unknown = [], _notFinite = [];

        public Differences(Checkpoint checkpoint, WeightFormat format, IReadOnlyDictionary<string, long[]> expected)
        {
            (_path, _format) = (checkpoint.Path, format);
            foreach (var (name, shape) in expected)
            {
                if (!checkpoint.Tensors.TryGetValue(name, out var info))
                {
                    _missing.Add(name);
                }
                else if (info.Type.IsInteger() || !info.Shape.SequenceEqual(shape))
                {
                    _misshapen.Add($"{name} is {info} instead of [{string.Join(", ", shape)}]");
                }
                else
                {
                    Fitting.Add(name);
                }
            }

            _unknown.AddRange(checkpoint.Tensors.Keys.Where(name => !expected.ContainsKey(name) && !format.IsKnownExtra(name)).Order(StringComparer.Ordinal));
        }

        /// <summary>Names that are there with the right shape.</summary>
        public List<string> Fitting { get; } = [];

        public bool Any => _missing.Count + _misshapen.Count + _unknown.Count + _notFinite.Count > 0;

        public void CheckValues(string name, ReadOnlySpan<float> values)
        {
            if (!TensorPrimitives.IsFiniteAll(values))
            {
                _notFinite.Add(name);
            }
        }

        public WhenceException Error()
        {
            string[] parts =
            [
                .. Part(_missing, "missing"),
                .. Part(_misshapen, "of another shape or type"),
                .. Part(_unknown, "unknown"),
                .. Part(_notFinite, "with values that are not finite"),
            ];
            return new WhenceException(
                $"'{_path}' does not hold this network's weights under {_format.Name}: {string.Join("; ", parts)}; take the original file, or correct {_format.Described}.");
        }

        private static IEnumerable<string> Part(List<string> names, string what) =>
            names.Count == 0 ? [] : [$"{names.Count} {what}: {Listing.Of(names, maxLength: 160)}"];
    }
}
