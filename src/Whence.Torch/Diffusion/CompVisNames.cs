using System.Globalization;
using System.Text.RegularExpressions;

namespace Whence.Torch.Diffusion;

/// <summary>Where the single-file checkpoints of Stable Diffusion 1.x (CompVis' names) hold what diffusers keeps in folders.</summary>
internal static partial class CompVisNames
{
    /// <summary>What a file's own names begin with, network by network.</summary>
    public const string UNetPrefix = "model.diffusion_model.", AutoencoderPrefix = "first_stage_model.", TextPrefix = "cond_stage_model.transformer.";

    private static readonly Dictionary<string, string> Outer = new(StringComparer.Ordinal)
    {
        ["conv_in"] = "input_blocks.0.0",
        ["time_embedding.linear_1"] = "time_embed.0",
        ["time_embedding.linear_2"] = "time_embed.2",
        ["conv_norm_out"] = "out.0",
        ["conv_out"] = "out.2",
    };

    private static readonly Dictionary<string, string> Residual = new(StringComparer.Ordinal)
    {
        ["norm1"] = "in_layers.0",
        ["conv1"] = "in_layers.2",
        ["time_emb_proj"] = "emb_layers.1",
        ["norm2"] = "out_layers.0",
        ["conv2"] = "out_layers.3",
        ["conv_shortcut"] = "skip_connection",
    };

    private static readonly Dictionary<string, string> Cells = new(StringComparer.Ordinal)
    {
        ["group_norm"] = "norm",
        ["to_q"] = "q",
        ["to_k"] = "k",
        ["to_v"] = "v",
        ["to_out.0"] = "proj_out",
    };

    /// <summary>A tensor of the U-Net, without the prefix.</summary>
    /// <param name="name">diffusers' name.</param>
    /// <param name="spec">Of the U-Net: the blocks are numbered through.</param>
    /// <exception cref="ArgumentException">It is no name of a U-Net's tensor.</exception>
    public static string UNet(string name, UNetSpec spec)
    {
        var dot = name.LastIndexOf('.');
        if (dot > 0 && Outer.TryGetValue(name[..dot], out var outer))
        {
            return outer + name[dot..];
        }

        var match = Block().Match(name);
        var (kind, part, rest) = (match.Groups["kind"].Value, match.Groups["part"].Value, match.Groups["rest"].Value);
        var (block, layer) = (Number(match, "block"), Number(match, "layer"));
        var first = block * (spec.LayersPerBlock + 1);
        return (kind, part) switch
        {
            ("mid_block", "resnets") => $"middle_block.{2 * layer}.{Within(Residual, rest)}",
            ("mid_block", "attentions") => $"middle_block.1.{rest}",
            ("down_blocks", "resnets") => $"input_blocks.{1 + first + layer}.0.{Within(Residual, rest)}",
            ("down_blocks", "attentions") => $"input_blocks.{1 + first + layer}.1.{rest}",
            ("down_blocks", "downsamplers") => $"input_blocks.{1 + first + spec.LayersPerBlock}.0.op{rest["conv".Length..]}",
            ("up_blocks", "resnets") => $"output_blocks.{first + layer}.0.{Within(Residual, rest)}",
            ("up_blocks", "attentions") => $"output_blocks.{first + layer}.1.{rest}",
            ("up_blocks", "upsamplers") => $"output_blocks.{first + spec.LayersPerBlock}.{(spec.UpAttention[block] ? 2 : 1)}.{rest}",
            _ => throw new ArgumentException($"'{name}' is no tensor of a U-Net.", nameof(name)),
        };
    }

    /// <summary>A tensor of the autoencoder, without the prefix; attention's are convolutions of 1 x 1 there.</summary>
    /// <param name="name">diffusers' name, in its newer form.</param>
    /// <param name="steps">Number of steps: those up are numbered the other way round.</param>
    /// <exception cref="ArgumentException">It is no name of an autoencoder's tensor.</exception>
    public static string Autoencoder(string name, int steps)
    {
        if (name.StartsWith("quant_conv.", StringComparison.Ordinal) || name.StartsWith("post_quant_conv.", StringComparison.Ordinal))
        {
            return name;
        }

        var dot = name.IndexOf('.', StringComparison.Ordinal);
        var (half, inner) = (name[..dot], name[(dot + 1)..]);
        var match = Block().Match(inner);
        if (!match.Success)
        {
            return $"{half}.{(inner.StartsWith("conv_norm_out.", StringComparison.Ordinal) ? inner["conv_".Length..] : inner)}";
        }

        var (kind, part, rest) = (match.Groups["kind"].Value, match.Groups["part"].Value, match.Groups["rest"].Value);
        var (block, layer) = (Number(match, "block"), Number(match, "layer"));
        return half + "." + (kind, part) switch
        {
            ("mid_block", "resnets") => $"mid.block_{layer + 1}.{Shortcut(rest)}",
            ("mid_block", _) => $"mid.attn_1.{Within(Cells, rest)}",
            ("down_blocks", "resnets") => $"down.{block}.block.{layer}.{Shortcut(rest)}",
            ("down_blocks", _) => $"down.{block}.downsample.{rest}",
            (_, "resnets") => $"up.{steps - 1 - block}.block.{layer}.{Shortcut(rest)}",
            _ => $"up.{steps - 1 - block}.upsample.{rest}",
        };

        static string Shortcut(string rest) => rest.Replace("conv_shortcut.", "nin_shortcut.", StringComparison.Ordinal);
    }

    /// <summary>The autoencoder's tensor as older files of diffusers have it: other names in attention.</summary>
    public static string OlderAttention(string name) => name
        .Replace(".to_q.", ".query.", StringComparison.Ordinal)
        .Replace(".to_k.", ".key.", StringComparison.Ordinal)
        .Replace(".to_v.", ".value.", StringComparison.Ordinal)
        .Replace(".to_out.0.", ".proj_attn.", StringComparison.Ordinal);

    private static string Within(Dictionary<string, string> names, string rest)
    {
        var dot = rest.LastIndexOf('.');
        return dot > 0 && names.TryGetValue(rest[..dot], out var found) ? found + rest[dot..] : rest;
    }

    private static int Number(Match match, string group) =>
        match.Groups[group] is { Success: true } found ? int.Parse(found.Value, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"^(?<kind>down_blocks|mid_block|up_blocks)(\.(?<block>\d{1,2}))?\.(?<part>resnets|attentions|downsamplers|upsamplers)\.(?<layer>\d{1,2})\.(?<rest>.+)$")]
    private static partial Regex Block();
}
