using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Bench.BaseModel;

/// <summary>
/// Multiply-adds of one call of a network with one image or text, counted from the shapes of its weights: every product and convolution (padding counted as cells) and both products of every
/// attention. What takes one operation a value (norms, activations, sums, softmax) is left out, as is usual. Twice as many are floating point operations.
/// </summary>
internal static class MultiplyAdds
{
    /// <summary>Of a U-Net.</summary>
    /// <param name="spec">Its sizes, which also say how many cells a latent has.</param>
    /// <param name="tokens">Tokens of the text.</param>
    public static long Of(UNetSpec spec, int tokens)
    {
        using var network = new UNet(spec, META);
        var levels = new Levels(spec.SampleSize, spec.BlockChannels.Count);
        return Sum(network, (name, weight) =>
        {
            var cells = levels.Cells(name);
            var area = cells * cells;
            return name.StartsWith("time_embedding.", StringComparison.Ordinal) || name.Contains(".time_emb_proj.", StringComparison.Ordinal) ? weight.numel()
                : name.Contains(".attn2.to_k.", StringComparison.Ordinal) || name.Contains(".attn2.to_v.", StringComparison.Ordinal) ? tokens * weight.numel()
                : (area * weight.numel()) + (!IsQuery(name) ? 0 : Attention(area, name.Contains(".attn2.", StringComparison.Ordinal) ? tokens : area, weight));
        });
    }

    /// <summary>Of an autoencoder: of its way to the latent, and of its way back.</summary>
    public static (long Encode, long Decode) Of(AutoencoderSpec spec)
    {
        using var network = new Autoencoder(spec, META);
        var levels = new Levels(spec.SampleSize / spec.PatchSize, spec.BlockChannels.Count);
        return (Half("encoder.", "quant_conv."), Half("decoder.", "post_quant_conv."));

        long Half(string part, string convolution) => Sum(network, (name, weight) =>
        {
            if (!name.StartsWith(part, StringComparison.Ordinal) && !name.StartsWith(convolution, StringComparison.Ordinal))
            {
                return 0;
            }

            var inner = name == part + (part == "encoder." ? "conv_out.weight" : "conv_in.weight") || name.StartsWith(convolution, StringComparison.Ordinal);
            var cells = inner ? levels.Last : levels.Cells(name[part.Length..]);
            return (cells * cells * weight.numel()) + (IsQuery(name) ? Attention(cells * cells, cells * cells, weight) : 0);
        });
    }

    /// <summary>Of a text encoder without its projection, which gives hidden states.</summary>
    public static long Of(ClipTextSpec spec)
    {
        using var network = new ClipTextTransformer(spec with { Dimension = null }, META);
        long tokens = spec.ContextLength;
        return Sum(network, (name, weight) => name.StartsWith("blocks.", StringComparison.Ordinal)
            ? (tokens * weight.numel()) + (name.Contains(".qkv.", StringComparison.Ordinal) ? 2 * tokens * tokens * spec.Width : 0)
            : 0);
    }

    // Weights of norms have one dimension, biases too.
    private static long Sum(nn.Module network, Func<string, Tensor, long> of) => network.named_parameters().Where(p => p.parameter.dim() > 1).Sum(p => of(p.name, p.parameter));

    private static bool IsQuery(string name) => name.EndsWith(".to_q.weight", StringComparison.Ordinal);

    // Queries with keys, weights with values; heads share the width.
    private static long Attention(long queries, long keys, Tensor weight) => 2 * queries * keys * weight.shape[0];

    /// <summary>Sides of what the layers of a network that goes down and up again give, by diffusers' names of them.</summary>
    private sealed class Levels(int side, int steps)
    {
        public long Last => Side(steps - 1);

        public long Cells(string name)
        {
            var parts = name.Split('.');
            return parts[0] switch
            {
                "down_blocks" => Side(int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) + (parts[2] == "downsamplers" ? 1 : 0)),
                "up_blocks" => Side(steps - 1 - int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) - (parts[2] == "upsamplers" ? 1 : 0)),
                "mid_block" => Last,
                _ => side,
            };
        }

        // Rounded up, as a convolution of stride 2 with zeros on both sides does.
        private long Side(int level) => (side + (1 << level) - 1) >> level;
    }
}
