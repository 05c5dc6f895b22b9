using System.Text;
using Whence.Tests.Vectors;
using Whence.Vectors;

namespace Whence.Tests.Torch.Encoders;

/// <summary>Writes tensors in the layout of torch.jit.save: a pickle of modules within modules, storages, constants, and code that nobody may run.</summary>
internal static class ScriptArchive
{
    /// <summary>Writes an archive.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="tensors">Their names say in which module they are.</param>
    /// <returns>Its path.</returns>
    public static string Write(TempFolder folder, IReadOnlyList<TensorData> tensors)
    {
        var root = new SortedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var (i, tensor) in tensors.Index())
        {
            var parts = tensor.Name.Split('.');
            var module = root;
            foreach (var part in parts[..^1])
            {
                module = (SortedDictionary<string, object>)(module.TryGetValue(part, out var inner) ? inner : module[part] = new SortedDictionary<string, object>(StringComparer.Ordinal));
            }

            module[parts[^1]] = (i, tensor.Info);
        }

        return TorchArchive.Save(
            folder,
            TorchArchive.Pickle(Module(root)),
            [
                .. tensors.Select((tensor, i) => (FormattableString.Invariant($"data/{i}"), tensor.ToBytes())),
                ("constants.pkl", TorchArchive.Pickle(')')),
                ("code/__torch__.py", Encoding.UTF8.GetBytes("class Module(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    assert False, \"this code ran\"\n    return x\n")),
                ("version", "3\n"u8.ToArray()),
            ]);
    }

    private static byte[] Module(SortedDictionary<string, object> attributes) => Join(
        "c__torch__\nModule\n", ')', 0x81, '}', '(',
        TorchArchive.Text("training"), 0x89,
        TorchArchive.Text("_is_full_backward_hook"), 'N',
        Join([.. attributes.SelectMany(a => new object[] { TorchArchive.Text(a.Key), a.Value is SortedDictionary<string, object> inner ? Module(inner) : Tensor(((int, TensorInfo))a.Value) })]),
        'u', 'b');

    private static byte[] Tensor((int Storage, TensorInfo Info) tensor)
    {
        long[] shape = [.. tensor.Info.Shape];
        return Join(
            "ctorch._utils\n_rebuild_tensor_v2\n", '(',
            '(', TorchArchive.Text("storage"), $"ctorch\n{(tensor.Info.Type == ElementType.I64 ? "LongStorage" : "FloatStorage")}\n",
            TorchArchive.Text(FormattableString.Invariant($"{tensor.Storage}")), TorchArchive.Text("cpu"), TorchArchive.Integer(shape.Aggregate(1L, (a, b) => a * b)), 't', 'Q',
            TorchArchive.Integer(0), TorchArchive.Tuple(shape), TorchArchive.Tuple(TensorView.DenseStrides(shape)), 0x88,
            "ccollections\nOrderedDict\n", ')', 'R', 't', 'R');
    }

    // A pickle without its ends.
    private static byte[] Join(params object[] parts) => TorchArchive.Pickle(parts)[2..^1];
}
