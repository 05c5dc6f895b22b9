using Whence.Encoders;
using Whence.Vectors;

namespace Whence.Torch.Encoders;

/// <summary>How checkpoints name the tensors of a <see cref="VisionTransformer"/>, and what else their files hold.</summary>
internal static class VisionTransformerWeights
{
    private const string ClassToken = "cls_token";
    private const string JaxKernel = "embedding/kernel";
    private const string OpenAiToken = "visual.class_embedding";
    private const string HuggingFaceToken = "vision_model.embeddings.class_embedding";

    // What stands before timm's names, and what else such a file holds; the first that fits is taken.
    private static readonly (VisionTransformerFamily Family, string Prefix, string[] Extras)[] Wrappings =
    [
        .. ((string[])["state_dict.module.base_encoder.", "module.base_encoder.", "state_dict.base_encoder.", "base_encoder."]).Select(prefix =>
            (VisionTransformerFamily.Moco, prefix, (string[])[
                "optimizer.*", "scaler.*", prefix + "head.*", prefix.Replace("base", "momentum", StringComparison.Ordinal) + "*",
                prefix.Replace("base_encoder", "predictor", StringComparison.Ordinal) + "*"])),
        (VisionTransformerFamily.Moco, "state_dict.module.", ["optimizer.*", "state_dict.module.head.*"]),
        .. ((string[])["teacher.backbone.", "teacher.module.backbone.", "teacher.module.", "teacher."]).Select(prefix =>
            (VisionTransformerFamily.Dino, prefix, (string[])["student.*", "teacher.head.*", "teacher.module.head.*", "optimizer.*", "fp16_scaler.*", "dino_loss.*"])),
        (VisionTransformerFamily.Timm, "state_dict.", ["optimizer.*", "state_dict.head.*", "state_dict_ema.*"]),
        (VisionTransformerFamily.Timm, "model.", ["optimizer.*", "model.head.*"]),
    ];

    /// <summary>Builds the network of a spec and fills it from its file.</summary>
    /// <exception cref="WhenceException">The file is not of the spec's family, or does not fit it.</exception>
    public static VisionTransformer Load(VisionTransformerSpec spec, int dimension, Checkpoint checkpoint)
    {
        var network = WeightLoading.Load(device => new VisionTransformer(spec, dimension, device), checkpoint, FormatOf(spec, checkpoint));
        if (spec.Family == VisionTransformerFamily.Moco && !HasMocoPositions(spec, network))
        {
            network.Dispose();
            throw new WhenceException($"'{checkpoint.Path}': its positions are not the fixed sines and cosines of MoCo v3; correct 'family' or 'patchSize' in the spec.");
        }

        return network;
    }

    /// <summary>Tells the format of a file by its names.</summary>
    /// <exception cref="WhenceException">They are those of no file of the family.</exception>
    public static WeightFormat FormatOf(VisionTransformerSpec spec, Checkpoint checkpoint)
    {
        var names = checkpoint.Tensors;
        if (spec.Family == VisionTransformerFamily.Clip)
        {
            return names.ContainsKey(OpenAiToken) ? OpenAi(spec)
                : names.ContainsKey(HuggingFaceToken) ? HuggingFace(spec)
                : throw Unknown($"neither '{OpenAiToken}' (OpenAI's names) nor '{HuggingFaceToken}' (Hugging Face's)");
        }

        if (names.ContainsKey(JaxKernel))
        {
            return Jax(spec);
        }

        if (names.ContainsKey(ClassToken))
        {
            return Timm();
        }

        var (_, prefix, extras) = Array.Find(Wrappings, w => w.Family == spec.Family && names.ContainsKey(w.Prefix + ClassToken));
        return prefix is not null
            ? Timm(prefix, extras)
            : throw Unknown($"no '{ClassToken}', nor one under a prefix that files of this family have ({string.Join(", ", Wrappings.Where(w => w.Family == spec.Family).Select(w => w.Prefix))})");

        WhenceException Unknown(string what) => new(
            $"'{checkpoint.Path}' has {what}; it holds {Listing.Of([.. names.Keys])}. Take the original file, or correct 'family' in the spec.");
    }

    /// <summary>timm's names, also DINO's and MoCo v3's: the network's own; the classifier is left out.</summary>
    /// <param name="prefix">What stands before them.</param>
    /// <param name="extras">What else the file holds.</param>
    public static WeightFormat Timm(string prefix = "", params string[] extras) => new()
    {
        Name = "timm's names",
        Prefix = prefix,
        Extras = [prefix + "head.weight", prefix + "head.bias", .. extras],
    };

    /// <summary>The names of the JAX weights that timm's come from (<c>.npz</c>): kernels are input x output, heads apart.</summary>
    public static WeightFormat Jax(VisionTransformerSpec spec) => new()
    {
        Name = "the JAX names of timm's .npz weights",
        Extras = ["head/kernel", "head/bias"],
        Source = name => JaxSource(name, spec),
    };

    /// <summary>OpenAI's names of CLIP; its text tower is left out.</summary>
    public static WeightFormat OpenAi(VisionTransformerSpec spec) => new()
    {
        Name = "OpenAI's names of CLIP",
        Extras =
        [
            "transformer.*", "token_embedding.weight", "positional_embedding", "ln_final.*", "text_projection", "logit_scale",
            "input_resolution", "context_length", "vocab_size",
        ],
        Source = name => name switch
        {
            "cls_token" => new("visual.class_embedding") { Shape = [spec.Width] },
            "pos_embed" => new("visual.positional_embedding") { Shape = [Tokens(spec), spec.Width] },
            "patch_embed.proj.weight" => new("visual.conv1.weight"),
            "head.weight" => new("visual.proj") { Order = [1, 0] },
            "norm_pre.weight" or "norm_pre.bias" => new("visual.ln_pre" + name["norm_pre".Length..]),
            "norm.weight" or "norm.bias" => new("visual.ln_post" + name["norm".Length..]),
            _ => ClipNames.OpenAiBlock(name, "visual.") ?? throw new ArgumentOutOfRangeException(nameof(name), name, null),
        },
    };

    /// <summary>Hugging Face's names of CLIP; its text tower is left out.</summary>
    public static WeightFormat HuggingFace(VisionTransformerSpec spec) => new()
    {
        Name = "Hugging Face's names of CLIP",
        Extras = ["text_model.*", "text_projection.weight", "logit_scale", "vision_model.embeddings.position_ids"],
        Source = name => name switch
        {
            "cls_token" => new(HuggingFaceToken) { Shape = [spec.Width] },
            "pos_embed" => new("vision_model.embeddings.position_embedding.weight") { Shape = [Tokens(spec), spec.Width] },
            "patch_embed.proj.weight" => new("vision_model.embeddings.patch_embedding.weight"),
            "head.weight" => new("visual_projection.weight"),
            "norm_pre.weight" or "norm_pre.bias" => new("vision_model.pre_layrnorm" + name["norm_pre".Length..]), // spelt so
            "norm.weight" or "norm.bias" => new("vision_model.post_layernorm" + name["norm".Length..]),
            _ => ClipNames.HuggingFaceBlock(name, "vision_model") ?? throw new ArgumentOutOfRangeException(nameof(name), name, null),
        },
    };

    private static long Tokens(VisionTransformerSpec spec) => 1 + ((long)(spec.ImageSize / spec.PatchSize) * (spec.ImageSize / spec.PatchSize));

    private static bool HasMocoPositions(VisionTransformerSpec spec, VisionTransformer network)
    {
        using var stored = network.Positions(spec.ImageSize, spec.ImageSize);
        var computed = VisionTransformer.SineCosinePositions(spec.ImageSize / spec.PatchSize, spec.Width);
        return stored.data<float>().ToArray().Zip(computed).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-4f);
    }

    private static WeightSource JaxSource(string name, VisionTransformerSpec spec)
    {
        switch (name)
        {
            case "cls_token": return new("cls");
            case "pos_embed": return new("Transformer/posembed_input/pos_embedding");
            case "patch_embed.proj.weight": return new(JaxKernel) { Order = [3, 2, 0, 1] };
            case "patch_embed.proj.bias": return new("embedding/bias");
            case "norm.weight": return new("Transformer/encoder_norm/scale");
            case "norm.bias": return new("Transformer/encoder_norm/bias");
        }

        // blocks . i . part (one or two words) . weight or bias
        var words = name.Split('.');
        var isWeight = words[^1] == "weight";
        long heads = spec.Heads, size = spec.Width / spec.Heads;
        var block = $"Transformer/encoderblock_{words[1]}/";
        var attention = block + "MultiHeadDotProductAttention_1/";
        var kernel = isWeight ? "kernel" : "bias";
        return string.Join('.', words[2..^1]) switch
        {
            "norm1" => new(block + (isWeight ? "LayerNorm_0/scale" : "LayerNorm_0/bias")),
            "norm2" => new(block + (isWeight ? "LayerNorm_2/scale" : "LayerNorm_2/bias")),
            "attn.qkv" => new([.. ((string[])["query/", "key/", "value/"]).Select(part => attention + part + kernel)])
            {
                Shape = isWeight ? [spec.Width, heads, size] : [heads, size],
                Order = isWeight ? [1, 2, 0] : null,
            },
            "attn.proj" when isWeight => new(attention + "out/kernel") { Shape = [heads, size, spec.Width], Order = [2, 0, 1] },
            "attn.proj" => new(attention + "out/bias"),
            "mlp.fc1" => Dense("MlpBlock_3/Dense_0/"),
            "mlp.fc2" => Dense("MlpBlock_3/Dense_1/"),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
        };

        WeightSource Dense(string layer) => new(block + layer + kernel) { Order = isWeight ? [1, 0] : null };
    }
}
