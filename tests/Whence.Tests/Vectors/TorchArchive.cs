using System.IO.Compression;
using System.Text;

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
}
