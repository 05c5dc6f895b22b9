using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Whence.Tests.Encoders;

/// <summary>
/// Writes three-channel networks small enough to read, as a rule the global mean of each channel, [n, 3, 8, 8] -> [n, 3, 1, 1], with a
/// spec beside each. ONNX is protobuf; these are the few fields it takes.
/// </summary>
internal static class TinyOnnx
{
    public static string Write(string folder, string name, long batch = -1, string operation = "GlobalAveragePool", Func<string, string>? editSpec = null) =>
        Write(folder, name, Model([Node(operation, "in", "out")], Value("in", batch, 3, 8, 8), Value("out", batch, 3, 1, 1)), editSpec);

    /// <summary>Two steps, [n, 3, 8, 8] -> <c>middle</c>, its negative -> <c>out</c>, the means of that.</summary>
    public static string WriteTwoSteps(string folder, string name, Func<string, string>? editSpec = null) => Write(folder, name, TwoSteps(), editSpec);

    public static byte[] TwoSteps() => Model(
        [Node("Neg", "in", "middle"), Node("GlobalAveragePool", "middle", "out")], Value("in", -1, 3, 8, 8), Value("out", -1, 3, 1, 1));

    /// <summary>Tokens: the means of rows, [n, 3, 8, 8] -> [n, 3, 8].</summary>
    public static string WriteTokens(string folder, string name, Func<string, string>? editSpec = null)
    {
        var axes = Message((1, Text("axes")), (8, 3L), (20, 7L));
        var keep = Message((1, Text("keepdims")), (3, 0L), (20, 2L));
        return Write(folder, name, Model([Node("ReduceMean", "in", "out", axes, keep)], Value("in", -1, 3, 8, 8), Value("out", -1, 3, 8)), editSpec);
    }

    /// <summary>What fits SigLIP's spec: the means of patches, [n, 3, 224, 224] -> [n, 768].</summary>
    /// <param name="padding">Bytes that make it longer.</param>
    public static byte[] Siglip(int padding = 0)
    {
        byte[] Sides(string name) => Message((1, Text(name)), (8, 14L), (8, 14L), (20, 7L));
        var pool = Node("AveragePool", "pixel_values", "means", Sides("kernel_shape"), Sides("strides"));
        var graph = Model([pool, Node("Flatten", "means", "pooler_output")], Value("pixel_values", -1, 3, 224, 224), Value("pooler_output", -1, 768));
        return [.. graph, .. Message((6, Text(new string('x', padding))))];
    }

    private static string Write(string folder, string name, byte[] model, Func<string, string>? editSpec)
    {
        Directory.CreateDirectory(folder);
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

    private static byte[] Model(byte[][] nodes, byte[] input, byte[] output)
    {
        var graph = Message([.. nodes.Select(node => (1, (object)node)), (2, Text("tiny")), (11, input), (12, output)]);
        return Message((1, 8L), (7, graph), (8, Message((1, Text("")), (2, 13L))));
    }

    private static byte[] Node(string operation, string input, string output, params byte[][] attributes) =>
        Message([(1, Text(input)), (2, Text(output)), (4, Text(operation)), .. attributes.Select(attribute => (5, (object)attribute))]);

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
