using System.Text.RegularExpressions;

namespace Whence.Torch.Encoders;

/// <summary>Where CLIP's checkpoints hold the tensors of a block, <c>blocks.3.attn.qkv.weight</c> and so on in our networks.</summary>
internal static partial class ClipNames
{
    private static readonly Dictionary<string, string> OpenAiParts = new(StringComparer.Ordinal)
    {
        ["norm1"] = "ln_1.",
        ["attn.qkv"] = "attn.in_proj_",
        ["attn.proj"] = "attn.out_proj.",
        ["norm2"] = "ln_2.",
        ["mlp.fc1"] = "mlp.c_fc.",
        ["mlp.fc2"] = "mlp.c_proj.",
    };

    private static readonly Dictionary<string, string[]> HuggingFaceParts = new(StringComparer.Ordinal)
    {
        ["norm1"] = ["layer_norm1."],
        ["attn.qkv"] = ["self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj."],
        ["attn.proj"] = ["self_attn.out_proj."],
        ["norm2"] = ["layer_norm2."],
        ["mlp.fc1"] = ["mlp.fc1."],
        ["mlp.fc2"] = ["mlp.fc2."],
    };

    /// <summary>OpenAI's name; null where it is no tensor of a block.</summary>
    public static WeightSource? OpenAiBlock(string name, string tower) => BlockTensor().Match(name) is { Success: true } match
        ? new($"{tower}transformer.resblocks.{match.Groups[1].Value}.{OpenAiParts[match.Groups[2].Value]}{match.Groups[3].Value}")
        : null;

    /// <summary>Hugging Face's names, three where they keep query, key and value apart; null where it is no tensor of a block.</summary>
    public static WeightSource? HuggingFaceBlock(string name, string tower) => BlockTensor().Match(name) is { Success: true } match
        ? new([.. HuggingFaceParts[match.Groups[2].Value].Select(part => $"{tower}.encoder.layers.{match.Groups[1].Value}.{part}{match.Groups[3].Value}")])
        : null;

    [GeneratedRegex(@"^blocks\.(\d+)\.([a-z0-9.]+)\.(weight|bias)$")]
    private static partial Regex BlockTensor();
}
