using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Whence.Tests.Encoders;

/// <summary>
/// Writes a three-channel network small enough to read: the global mean of each channel, [n, 3, 8, 8] -> [n, 3, 1, 1], with its
/// spec beside it. ONNX is protobuf; these are the few fields it takes.
/// </summary>
internal static class TinyOnnx
{
    public static string Write(string folder, string name, long batch = -1, string operation = "GlobalAveragePool", Func<string, string>? editSpec = null)
    {
        Directory.CreateDirectory(folder);
        var node = Message((1, Text("in")), (2, Text("out")), (4, Text(operation)));
        var graph = Message((1, node), (2, Text("tiny")), (11, Value("in", batch, 3, 8, 8)), (12, Value("out", batch, 3, 1, 1)));
        var model = Message((1, 8L), (7, graph), (8, Message((1, Text("")), (2, 13L))));
        File.WriteAllBytes(Path.Combine(folder, name + ".onnx"), model);
        var spec = JsonSerializer.Serialize(new
        {
            name,
            dimension = 3,
            preprocessing = new { resize = 8, crop = 8, interpolation = "bilinear" },
            model = new { file = name + ".onnx", sha256 = Convert.ToHexStringLower(SHA256.HashData(model)) },
        });
        var path = Path.Combine(folder, name + ".json");
        File.WriteAllText(path, editSpec is null ? spec : editSpec(spec));
        return path;
    }

    private static byte[] Value(string name, params long[] shape)
    {
        var dimensions = shape.Select(d => (1, (object)(d < 0 ? Message((2, Text("n"))) : Message((1, d))))).ToArray();
        return Message((1, Text(name)), (2, Message((1, Message((1, 1L), (2, Message(dimensions)))))));
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Message(params (int Field, object Value)[] fields)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        foreach (var (field, value) in fields)
        {
            if (value is long number)
            {
                writer.Write7BitEncodedInt(field << 3);
                writer.Write7BitEncodedInt64(number);
            }
            else
            {
                var content = (byte[])value;
                writer.Write7BitEncodedInt((field << 3) | 2);
                writer.Write7BitEncodedInt(content.Length);
                writer.Write(content);
            }
        }

        writer.Flush();
        return bytes.ToArray();
    }
}
