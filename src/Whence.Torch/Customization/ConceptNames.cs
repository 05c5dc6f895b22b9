using System.Globalization;
using System.Text.RegularExpressions;

namespace Whence.Torch.Customization;

/// <summary>What the layouts call the weights that Custom Diffusion trains: those of the cross-attention of every transformer block of the U-Net.</summary>
internal static partial class ConceptNames
{
    public const string CompVisPrefix = "model.diffusion_model.";

    private const string Processor = ".attn2.processor.";
    private const string Suffix = "_custom_diffusion";

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
    /// <param name="layers">Layers of each block of the U-Net, 2 in Stable Diffusion.</param>
    public static string ToCompVis(string name, int layers)
    {
        var match = Block().Match(name);
        var (block, attention) = (Number(match, "block"), Number(match, "attention"));
        var place = match.Groups["side"].Value switch
        {
            "down_blocks" => $"input_blocks.{1 + (block * (layers + 1)) + attention}",
            "up_blocks" => $"output_blocks.{(block * (layers + 1)) + attention}",
            _ => "middle_block",
        };
        return $"{CompVisPrefix}{place}.1.{match.Groups["rest"].Value}";
    }

    /// <summary>From CompVis's name; null where it is none of a weight.</summary>
    public static string? FromCompVis(string name, int layers)
    {
        var match = Place().Match(name);
        if (!match.Success || !int.TryParse(match.Groups["place"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var place))
        {
            place = 0;
        }

        var diffusers = match.Groups["side"].Value switch
        {
            // The last of a block's places halves the image and has no attention.
            "input_blocks" when place % (layers + 1) != 0 => $"down_blocks.{(place - 1) / (layers + 1)}.attentions.{(place - 1) % (layers + 1)}",
            "output_blocks" => $"up_blocks.{place / (layers + 1)}.attentions.{place % (layers + 1)}",
            "middle_block" => "mid_block.attentions.0",
            _ => "",
        } + "." + match.Groups["rest"].Value;
        return match.Success && IsWeight(diffusers) && ToCompVis(diffusers, layers) == name ? diffusers : null;
    }

    private static int Number(Match match, string group) =>
        match.Groups[group] is { Success: true } found ? int.Parse(found.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"^(?<block>(?:down_blocks\.\d{1,4}|mid_block|up_blocks\.\d{1,4})\.attentions\.\d{1,4}\.transformer_blocks\.\d{1,4})\.attn2\.(?<layer>to_[kvq]|to_out)(?<rest>(?<=to_[kvq])\.weight|(?<=to_out)\.0\.(?:weight|bias))$")]
    private static partial Regex Weight();

    [GeneratedRegex(@"^(?<side>down_blocks|mid_block|up_blocks)(?:\.(?<block>\d+))?\.attentions\.(?<attention>\d+)\.(?<rest>.+)$")]
    private static partial Regex Block();

    [GeneratedRegex(@"^model\.diffusion_model\.(?:(?<side>input_blocks|output_blocks)\.(?<place>\d{1,4})|(?<side>middle_block))\.1\.(?<rest>.+)$")]
    private static partial Regex Place();
}
