using System.Text.Json.Nodes;
using Whence.Encoders.Text;
using Whence.Torch.Encoders;

namespace Whence.Torch.Diffusion;

/// <summary><c>text_encoder/config.json</c> of CLIPTextModel. Entries that are not about the network's sizes are passed over: every version of the library adds some.</summary>
internal static class TextConfig
{
    /// <summary>Of the norms.</summary>
    public const double Epsilon = 1e-5;

    /// <summary>Reads the sizes.</summary>
    /// <exception cref="WhenceException">Missing, damaged, or of a network that Whence does not compute.</exception>
    public static ClipTextSpec Load(string path)
    {
        var config = ConfigFile.Read(path);
        config.Expect(("model_type", "clip_text_model"), ("layer_norm_eps", Epsilon));
        var spec = new ClipTextSpec
        {
            VocabularySize = config.Int("vocab_size", 49_408),
            ContextLength = config.Int("max_position_embeddings", 77, least: 2, most: 1 << 16),
            Width = config.Int("hidden_size", 512),
            Depth = config.Int("num_hidden_layers", 12, most: 1024),
            Heads = config.Int("num_attention_heads", 8),
            Activation = config.Text("hidden_act", "quick_gelu") switch
            {
                "quick_gelu" => TransformerActivation.QuickGelu,
                "gelu" => TransformerActivation.Gelu,
                _ => throw config.Bad("hidden_act", "quick_gelu or gelu"),
            },
            Dimension = null,
        };
        config.Expect(("intermediate_size", 4.0 * spec.Width));
        config.Check(spec.Validate);
        return spec;
    }

    /// <summary>Writes the sizes.</summary>
    public static void Save(string path, ClipTextSpec spec, ClipTokenizer tokenizer) => ConfigText.Write(path, Of(spec, tokenizer));

    /// <summary>The sizes, as the file has them.</summary>
    public static JsonObject Of(ClipTextSpec spec, ClipTokenizer tokenizer) => new()
    {
        ["architectures"] = ConfigText.List(["CLIPTextModel"]),
        ["bos_token_id"] = tokenizer.StartToken,
        ["eos_token_id"] = tokenizer.EndToken,
        ["hidden_act"] = spec.Activation == TransformerActivation.QuickGelu ? "quick_gelu" : "gelu",
        ["hidden_size"] = spec.Width,
        ["intermediate_size"] = 4 * spec.Width,
        ["layer_norm_eps"] = Epsilon,
        ["max_position_embeddings"] = spec.ContextLength,
        ["model_type"] = "clip_text_model",
        ["num_attention_heads"] = spec.Heads,
        ["num_hidden_layers"] = spec.Depth,
        ["pad_token_id"] = tokenizer.Options.Padding == ClipPadding.EndToken ? tokenizer.EndToken : 0,
        ["vocab_size"] = spec.VocabularySize,
    };
}
