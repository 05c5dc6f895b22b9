using System.Collections;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Whence.Vectors;

namespace Whence.Tests.Torch.Encoders;

/// <summary>A vision transformer's weights as JAX keeps them: every element placed by its index, slow and plain.</summary>
internal sealed class JaxArrays : IEnumerable<(string Name, float[] Values, long[] Shape)>
{
    private readonly List<(string Name, float[] Values, long[] Shape)> _arrays = [];

    public JaxArrays(SafetensorsFile timm, int width, int heads, int depth, int patch)
    {
        var size = width / heads;
        Add("cls", [1, 1, width], At("cls_token", (_, _, c) => c));
        var tokens = timm.Tensors["pos_embed"].Shape[1];
        Add("Transformer/posembed_input/pos_embedding", [1, tokens, width], At("pos_embed", (_, t, c) => (t * width) + c));
        var kernel = timm.ReadSingle("patch_embed.proj.weight"); // output, color, row, column
        Add("embedding/kernel", [patch, patch, 3, width], i => kernel[(((((i[3] * 3) + i[2]) * patch) + i[0]) * patch) + i[1]]);
        Copy("embedding/bias", "patch_embed.proj.bias");
        Copy("Transformer/encoder_norm/scale", "norm.weight");
        Copy("Transformer/encoder_norm/bias", "norm.bias");
        var classes = timm.Tensors["head.bias"].Shape[0];
        Linear("head/", "head.", width, classes);
        for (var b = 0; b < depth; b++)
        {
            var (jax, torch) = ($"Transformer/encoderblock_{b}/", $"blocks.{b}.");
            foreach (var (norm, number) in new[] { ("norm1", 0), ("norm2", 2) })
            {
                Copy($"{jax}LayerNorm_{number}/scale", $"{torch}{norm}.weight");
                Copy($"{jax}LayerNorm_{number}/bias", $"{torch}{norm}.bias");
            }

            var attention = jax + "MultiHeadDotProductAttention_1/";
            var (weight, bias) = (timm.ReadSingle(torch + "attn.qkv.weight"), timm.ReadSingle(torch + "attn.qkv.bias"));
            foreach (var (part, number) in new[] { ("query", 0), ("key", 1), ("value", 2) })
            {
                Add($"{attention}{part}/kernel", [width, heads, size], i => weight[(((number * width) + (i[1] * size) + i[2]) * width) + i[0]]);
                Add($"{attention}{part}/bias", [heads, size], i => bias[(number * width) + (i[0] * size) + i[1]]);
            }

            var output = timm.ReadSingle(torch + "attn.proj.weight");
            Add($"{attention}out/kernel", [heads, size, width], i => output[(i[2] * width) + (i[0] * size) + i[1]]);
            Copy($"{attention}out/bias", torch + "attn.proj.bias");
            Linear(jax + "MlpBlock_3/Dense_0/", torch + "mlp.fc1.", width, 4 * width);
            Linear(jax + "MlpBlock_3/Dense_1/", torch + "mlp.fc2.", 4 * width, width);
        }

        Func<long[], float> At(string name, Func<long, long, long, long> index)
        {
            var values = timm.ReadSingle(name);
            return i => values[index(i[0], i[1], i[2])];
        }

        void Copy(string name, string from)
        {
            var values = timm.ReadSingle(from);
            Add(name, [values.Length], i => values[i[0]]);
        }

        void Linear(string name, string from, long input, long output)
        {
            var values = timm.ReadSingle(from + "weight");
            Add(name + "kernel", [input, output], i => values[(i[1] * input) + i[0]]);
            Copy(name + "bias", from + "bias");
        }
    }

    /// <summary>An array in numpy's format.</summary>
    public static byte[] Npy(float[] values, long[] shape)
    {
        var dimensions = string.Concat(shape.Select(d => d.ToString(CultureInfo.InvariantCulture) + ","));
        var header = Encoding.ASCII.GetBytes($"{{'descr': '<f4', 'fortran_order': False, 'shape': ({dimensions}), }}\n");
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. header, .. MemoryMarshal.AsBytes(values.AsSpan())];
    }

    public IEnumerator<(string Name, float[] Values, long[] Shape)> GetEnumerator() => _arrays.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void Add(string name, long[] shape, Func<long[], float> value)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        var index = new long[shape.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var rest = (long)i;
            for (var d = shape.Length - 1; d >= 0; d--)
            {
                (rest, index[d]) = Math.DivRem(rest, shape[d]);
            }

            values[i] = value(index);
        }

        _arrays.Add((name, values, shape));
    }
}
