using System.Text.RegularExpressions;
using Whence.Torch.Diffusion;

namespace Whence.Torch.Customization;

/// <summary>What the layouts call the weights that Custom Diffusion trains: those of the cross-attention of every transformer block of the U-Net.</summary>
internal static partial class ConceptNames
{
    private const string Processor = ".attn2.processor.";
    private const string Suffix = "_custom_diffusion";
    private const string Inner = "norm.bias"; // any tensor within an attention

    /// <summary>Whether it is diffusers' name of such a weight.</summary>
    public static bool IsWeight(string name) => Weight().IsMatch(name);

    /// <summary>Whether it is a weight of keys or values.</summary>
    public static bool IsKeyOrValue(string name) =>
        name.EndsWith(".attn2.to_k.weight", StringComparison.Ordinal) || name.EndsWith(".attn2.to_v.weight", StringComparison.Ordinal);

    /// <summary>Hugging Face's name, <c>....attn2.processor.to_k_custom_diffusion.weight</c>.</summary>
    public static string ToHuggingFace(string name)
    {
        var match = Weight().Match(name);
        var (block, layer, rest) = (match.Groups["block"].Value, match.Groups["layer"].Value, match.Groups["rest"].Value);
        return $"{block}{Processor}{layer}{Suffix}{rest}";
    }

    /// <summary>From Hugging Face's name; null where it is none of a weight.</summary>
    public static string? FromHuggingFace(string name)
    {
        var plain = name.Replace(Processor, ".attn2.", StringComparison.Ordinal).Replace(Suffix, "", StringComparison.Ordinal);
        return plain != name && IsWeight(plain) && ToHuggingFace(plain) == name ? plain : null;
    }

    /// <summary>CompVis's name, <c>model.diffusion_model.input_blocks.1.1....attn2.to_k.weight</c>.</summary>
    /// <param name="name">diffusers' name.</param>
    /// <param name="unet">By whose blocks CompVis's names count.</param>
    public static string ToCompVis(string name, UNetSpec unet) => CompVisNames.UNetPrefix + CompVisNames.UNet(name, unet);

    /// <summary>From CompVis's names to diffusers', of all attentions that a U-Net has.</summary>
    public static Func<string, string?> FromCompVis(UNetSpec unet)
    {
        var places = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var attention in Attentions(unet))
        {
            places.Add(ToCompVis(attention + Inner, unet)[..^Inner.Length], attention);
        }

        return name => Place().Match(name) is { Success: true } match
            && places.TryGetValue(match.Groups["place"].Value, out var attention)
            && attention + match.Groups["rest"].Value is var found
            && IsWeight(found) ? found : null;
    }

    private static IEnumerable<string> Attentions(UNetSpec unet) =>
    [
        .. from block in Enumerable.Range(0, unet.BlockChannels.Count)
           where unet.DownAttention[block]
           from layer in Enumerable.Range(0, unet.LayersPerBlock)
           select $"down_blocks.{block}.attentions.{layer}.",
        "mid_block.attentions.0.",
        .. from block in Enumerable.Range(0, unet.BlockChannels.Count)
           where unet.UpAttention[block]
           from layer in Enumerable.Range(0, unet.LayersPerBlock + 1)
           select $"up_blocks.{block}.attentions.{layer}.",
    ];

    [GeneratedRegex(@"^(?<block>(?:down_blocks\.\d{1,2}|mid_block|up_blocks\.\d{1,2})\.attentions\.\d{1,2}\.transformer_blocks\.\d{1,4})\.attn2\.(?<layer>to_[kvq]|to_out)(?<rest>(?<=to_[kvq])\.weight|(?<=to_out)\.0\.(?:weight|bias))$")]
    private static partial Regex Weight();

    [GeneratedRegex(@"^(?<place>model\.diffusion_model\.(?:(?:input|output)_blocks\.\d+|middle_block)\.1\.)(?<rest>.+)$")]
    private static partial Regex Place();
}
