using System.IO.Compression;
using System.Text;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

/// <summary>Builds torch.save archives byte by byte, honest ones and others.</summary>
internal static class TorchArchive
{
    public static string Save(TempFolder folder, byte[] pickle, params (string Name, byte[] Content)[] entries)
    {
        var path = folder[Guid.NewGuid().ToString("N")];
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, content) in entries.Prepend(("data.pkl", pickle)))
        {
            using var stream = zip.CreateEntry("archive/" + name, CompressionLevel.NoCompression).Open();
            stream.Write(content);
        }

        return path;
    }

    /// <summary>Joins opcodes given as bytes (int), names and text (string), and ready pieces (byte[]).</summary>
    public static byte[] Pickle(params object[] parts) =>
        [0x80, 2, .. parts.SelectMany(part => part switch
        {
            int opcode => [(byte)opcode],
            char opcode => [(byte)opcode],
            string raw => Encoding.UTF8.GetBytes(raw),
            byte[] bytes => bytes,
            _ => throw new ArgumentException("int, char, string or byte[]", nameof(parts)),
        }), (byte)'.'];

    public static byte[] Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return [(byte)'X', .. BitConverter.GetBytes(bytes.Length), .. bytes];
    }

    public static byte[] Integer(long value) => [0x8a, 8, .. BitConverter.GetBytes(value)];

    public static byte[] Tuple(params long[] values) => [(byte)'(', .. values.SelectMany(Integer), (byte)'t'];

    /// <summary>A whole pickle of one tensor over the storage <c>data/0</c>.</summary>
    public static byte[] Tensor(string storage, long claimed, long offset, long[] shape, long[] strides) => Pickle(
        "ctorch._utils\n_rebuild_tensor_v2\n", '(',
        '(', Text("storage"), $"ctorch\n{storage}\n", Text("0"), Text("cpu"), Integer(claimed), 't', 'Q',
        Integer(offset), Tuple(shape), Tuple(strides), 0x89, "ccollections\nOrderedDict\n", ')', 'R', 't', 'R');

    /// <summary>Tensors in the layout of torch.jit.save: modules within modules, as the names say, storages, constants, and code that nobody may run.</summary>
    public static string SaveModule(TempFolder folder, IReadOnlyList<TensorData> tensors)
    {
        var entries = tensors.Select((tensor, i) => ($"data/{i}", tensor.ToBytes())).ToArray();
        var pickle = Pickle(Module(tensors.Select((tensor, i) => (tensor.Name.Split('.'), Storage: i, tensor.Info)).ToList(), 0));
        return Save(
            folder,
            pickle,
            [("code/__torch__.py", "import os; os.abort()"u8.ToArray()), ("constants.pkl", Pickle(')')), ("version", "3\n"u8.ToArray()), .. entries]);
    }

    private static byte[] Module(List<(string[] Name, int Storage, TensorInfo Info)> tensors, int depth) =>
    [
        .. "c__torch__\nModule\n"u8, (byte)')', 0x81, (byte)'}', (byte)'(',
        .. Text("training"), 0x89, .. Text("_is_full_backward_hook"), (byte)'N',
        .. tensors.GroupBy(t => t.Name[depth]).SelectMany(group => (byte[])[.. Text(group.Key), .. group.First().Name.Length == depth + 1 ? Stored(group.First()) : Module([.. group], depth + 1)]),
        (byte)'u', (byte)'b',
    ];

    private static byte[] Stored((string[] Name, int Storage, TensorInfo Info) tensor)
    {
        var storage = tensor.Info.Type switch { ElementType.F16 => "HalfStorage", ElementType.F32 => "FloatStorage", _ => "LongStorage" };
        return Pickle(
            "ctorch._utils\n_rebuild_tensor_v2\n", '(',
            '(', Text("storage"), $"ctorch\n{storage}\n", Text($"{tensor.Storage}"), Text("cpu"), Integer(tensor.Info.Count), 't', 'Q',
            Integer(0), Tuple([.. tensor.Info.Shape]), Tuple(TensorView.DenseStrides(tensor.Info.Shape)), 0x89, "ccollections\nOrderedDict\n", ')', 'R', 't', 'R')[2..^1];
    }
}
