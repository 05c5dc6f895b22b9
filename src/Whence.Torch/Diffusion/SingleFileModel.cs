using Whence.Encoders.Text;
using Whence.Torch.Encoders;
using Whence.Vectors;

namespace Whence.Torch.Diffusion;

/// <summary>A whole model in one file with CompVis' names, as Stable Diffusion 1.x was published (<c>sd-v1-4.ckpt</c>).</summary>
internal static class SingleFileModel
{
    // What such files hold beside the three networks: the schedule, which follows from its two numbers, averaged weights, and the state of their training.
    private static readonly string[] Extras =
    [
        "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_*", "log_one_minus_*", "posterior_*", "logvar", "lvlb_weights", "scale_factor",
        "model_ema.*", "first_stage_model.loss.*", "cond_stage_model.logit_scale", "embedding_manager.*",
    ];

    /// <summary>Reads the file.</summary>
    /// <exception cref="WhenceException">It is missing, damaged, or of other sizes than <paramref name="options"/> say.</exception>
    public static DiffusionModel Open(string path, DiffusionOptions options)
    {
        using var file = Checkpoint.Open(path);
        var prefix = file.Tensors.Keys.Any(name => name.StartsWith("state_dict." + CompVisNames.UNetPrefix, StringComparison.Ordinal)) ? "state_dict." : "";
        if (!file.Tensors.Keys.Any(name => name.StartsWith(prefix + CompVisNames.UNetPrefix, StringComparison.Ordinal)))
        {
            throw new WhenceException(
                $"'{path}' is no checkpoint of a whole diffusion model: no tensor's name begins with '{CompVisNames.UNetPrefix}'; it holds {Listing.Of([.. file.Tensors.Keys])}. Give such a file, or a folder in diffusers' layout.");
        }

        var (unet, autoencoder, text) = (options.UNet, options.Autoencoder, options.TextEncoder with { Dimension = null });
        unet.Validate();
        autoencoder.Validate();
        text.Validate();
        options.Scheduler.Validate();
        var tokenizer = new ClipTokenizer(new ClipTokenizerOptions { Padding = ClipPadding.EndToken, ContextLength = text.ContextLength });
        if (DiffusionModel.Misfit(unet, autoencoder, text, tokenizer) is { } misfit)
        {
            throw new ArgumentException(misfit, nameof(options));
        }

        var model = DiffusionModel.Build(
            () => WeightLoading.Load(device => new UNet(unet, device), file, UNetFormat(unet, prefix)),
            () => WeightLoading.Load(device => new Autoencoder(autoencoder, device), file, AutoencoderFormat(autoencoder, prefix)),
            () => WeightLoading.Load(device => new ClipTextTransformer(text, device), file, TextFormat(text, prefix)),
            tokenizer,
            options);
        model.Scheduler = options.Scheduler;
        return model;
    }

    /// <summary>The U-Net's names.</summary>
    public static WeightFormat UNetFormat(UNetSpec spec, string prefix = "") => Format(prefix, CompVisNames.UNetPrefix) with
    {
        Source = name => new(CompVisNames.UNet(name, spec)),
    };

    /// <summary>The autoencoder's names; its attention is made of convolutions of 1 x 1 there.</summary>
    public static WeightFormat AutoencoderFormat(AutoencoderSpec spec, string prefix = "") => Format(prefix, CompVisNames.AutoencoderPrefix) with
    {
        Source = name => new(CompVisNames.Autoencoder(name, spec.BlockChannels.Count))
        {
            Shape = name.Contains(".attentions.", StringComparison.Ordinal) && name.EndsWith(".weight", StringComparison.Ordinal) && !name.Contains("group_norm", StringComparison.Ordinal)
                ? [spec.BlockChannels[^1], spec.BlockChannels[^1], 1, 1]
                : null,
        },
    };

    /// <summary>The text encoder's names: Hugging Face's behind a prefix.</summary>
    public static WeightFormat TextFormat(ClipTextSpec spec, string prefix = "")
    {
        var names = ClipTextTransformer.HuggingFace(spec);
        var format = Format(prefix, CompVisNames.TextPrefix);
        return format with { Source = names.Source, Extras = [.. format.Extras, .. names.Extras.Select(extra => format.Prefix + extra)] };
    }

    private static WeightFormat Format(string prefix, string network)
    {
        string[] others = [CompVisNames.UNetPrefix, CompVisNames.AutoencoderPrefix, CompVisNames.TextPrefix];
        return new()
        {
            Name = "CompVis' names",
            Described = "the sizes in the options (those of Stable Diffusion 1.x unless they say otherwise)",
            Prefix = prefix + network,
            Extras =
            [
                .. Extras.Select(extra => prefix + extra), .. others.Where(other => other != network).Select(other => $"{prefix}{other}*"),
                .. prefix.Length > 0 ? (string[])["optimizer_states.*", "callbacks.*", "lr_schedulers.*", "loops.*", "hparams.*"] : [],
            ],
        };
    }
}
