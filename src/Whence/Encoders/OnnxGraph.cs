using System.Text;
using Whence.Vectors;

namespace Whence.Encoders;

/// <summary>
/// Makes tensors within an ONNX model outputs of it. A model is one protobuf message, and a message appended to another one is merged with it,
/// lists joined: so a graph that holds nothing but the new outputs, appended, is all that it takes, and no byte of the model changes.
/// </summary>
internal static class OnnxGraph
{
    // Numbers of fields, onnx.proto3: ModelProto.graph, GraphProto.node and .output, NodeProto.output, ValueInfoProto.name.
    private const int Graph = 7;
    private const int Node = 1;
    private const int GraphOutput = 12;
    private const int NodeOutput = 2;
    private const int ValueName = 1;

    /// <summary>A copy of a model with more outputs. ONNX Runtime infers their types.</summary>
    /// <param name="model">The model's file.</param>
    /// <param name="names">Tensors that nodes of the graph make; those that are outputs already are passed over.</param>
    /// <exception cref="WhenceException">No message of protobuf, without a graph, or without a tensor of that name. The text has no file's name.</exception>
    public static byte[] WithOutputs(ReadOnlySpan<byte> model, IReadOnlyList<string> names)
    {
        var (made, outputs, graphs) = (new List<string>(), new HashSet<string>(StringComparer.Ordinal), 0);
        for (var fields = new Fields(model); fields.Next();)
        {
            if (fields.Number == Graph)
            {
                graphs++;
                Read(fields.Content, made, outputs);
            }
        }

        if (graphs == 0)
        {
            throw Damaged("has no graph");
        }

        var known = made.ToHashSet(StringComparer.Ordinal);
        if (names.FirstOrDefault(name => !known.Contains(name)) is { } missing)
        {
            throw new WhenceException($"the spec names layer '{missing}', but no node of the model makes it; they make {Listing.Of(made)}");
        }

        var added = names.Where(name => !outputs.Contains(name))
            .SelectMany(name => Message(GraphOutput, Message(ValueName, Encoding.UTF8.GetBytes(name)))).ToArray();
        return [.. model, .. Message(Graph, added)];
    }

    private static void Read(ReadOnlySpan<byte> graph, List<string> made, HashSet<string> outputs)
    {
        for (var fields = new Fields(graph); fields.Next();)
        {
            if (fields.Number is not (Node or GraphOutput))
            {
                continue;
            }

            var name = fields.Number == Node ? NodeOutput : ValueName;
            for (var inner = new Fields(fields.Content); inner.Next();)
            {
                if (inner.Number != name || inner.Content.IsEmpty)
                {
                    continue;
                }

                var text = Encoding.UTF8.GetString(inner.Content);
                if (fields.Number == Node)
                {
                    made.Add(text);
                }
                else
                {
                    outputs.Add(text);
                }
            }
        }
    }

    private static byte[] Message(int field, byte[] content)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write7BitEncodedInt((field << 3) | 2);
        writer.Write7BitEncodedInt(content.Length);
        writer.Write(content);
        return bytes.ToArray();
    }

    private static WhenceException Damaged(string what) => new($"not a whole ONNX model: it {what}; make or copy it again");

    /// <summary>The fields of a message, one after the other; every length is held against what is there.</summary>
    private ref struct Fields(ReadOnlySpan<byte> message)
    {
        private ReadOnlySpan<byte> _rest = message;

        public int Number { get; private set; }

        /// <summary>What a field of bytes, text or a message holds; empty for numbers.</summary>
        public ReadOnlySpan<byte> Content { get; private set; }

        public bool Next()
        {
            if (_rest.IsEmpty)
            {
                return false;
            }

            var tag = Varint();
            Number = tag >> 3 is > 0 and <= (1 << 29) - 1 and var number ? (int)number : throw Damaged("has a field without a number");
            Content = [];
            switch (tag & 7)
            {
                case 0:
                    Varint();
                    break;
                case 1:
                    Take(8);
                    break;
                case 2:
                    Content = Take(Varint());
                    break;
                case 5:
                    Take(4);
                    break;
                default:
                    throw Damaged("has a field of a kind that protobuf does not know");
            }

            return true;
        }

        private ulong Varint()
        {
            var value = 0UL;
            for (var i = 0; i < 10 && i < _rest.Length; i++)
            {
                value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
                if (_rest[i] < 0x80)
                {
                    _rest = _rest[(i + 1)..];
                    return value;
                }
            }

            throw Damaged("ends within a number");
        }

        private ReadOnlySpan<byte> Take(ulong length)
        {
            if (length > (ulong)_rest.Length)
            {
                throw Damaged("ends within a field");
            }

            var taken = _rest[..(int)length];
            _rest = _rest[(int)length..];
            return taken;
        }
    }
}
