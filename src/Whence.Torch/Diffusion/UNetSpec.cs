using System.Text.Json.Nodes;

namespace Whence.Torch.Diffusion;

/// <summary>Sizes of a U-Net, as its <c>unet/config.json</c> has them. Defaults are those of Stable Diffusion 1.x.</summary>
public sealed record UNetSpec
{
    /// <summary>Steps down that a network can have; each halves the sides.</summary>
    internal const int MostSteps = 10;

    /// <summary>The largest sizes that are read from a file: channels of a step, residual blocks of a step, blocks of an attention.</summary>
    internal const int MostChannels = 1 << 16, MostLayers = 16, MostTransformerLayers = 64;

    internal const string AttentionDown = "CrossAttnDownBlock2D", PlainDown = "DownBlock2D", AttentionUp = "CrossAttnUpBlock2D", PlainUp = "UpBlock2D";

    /// <summary>Side of the latents it was trained on, in cells; other sizes can be computed. Default 64: images of 512 pixels.</summary>
    public int SampleSize { get; init; } = 64;

    /// <summary>Channels of the latents that come in. Default 4.</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Channels that come out. Default 4.</summary>
    public int OutChannels { get; init; } = 4;

    /// <summary>Channels of each step down, multiples of <see cref="NormGroups"/> and of the step's heads. Default 320, 640, 1280, 1280.</summary>
    public IReadOnlyList<int> BlockChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Whether each step down has attention to the text. Default: all but the last.</summary>
    public IReadOnlyList<bool> DownAttention { get; init; } = [true, true, true, false];

    /// <summary>Whether each step up has attention, from the smallest sides to the largest. Default: all but the first.</summary>
    public IReadOnlyList<bool> UpAttention { get; init; } = [false, true, true, true];

    /// <summary>Residual blocks of a step down; a step up has one more. Default 2.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>Blocks of each attention. Default 1.</summary>
    public int TransformerLayers { get; init; } = 1;

    /// <summary>Values of a text's token. Default 768.</summary>
    public int CrossAttentionWidth { get; init; } = 768;

    /// <summary>Heads of each attention, by steps down. Default 8 each. (diffusers calls them <c>attention_head_dim</c>.)</summary>
    public IReadOnlyList<int> Heads { get; init; } = [8, 8, 8, 8];

    /// <summary>Groups of the group norms. Default 32.</summary>
    public int NormGroups { get; init; } = 32;

    /// <summary>What the residual blocks' norms add to the variance. Default 1e-5.</summary>
    public double NormEpsilon { get; init; } = 1e-5;

    /// <summary>Whether cosines stand before sines in the time's waves. Default true.</summary>
    public bool CosineFirst { get; init; } = true;

    /// <summary>Taken from the number of the time's frequencies, in the exponent. Default 0.</summary>
    public double FrequencyShift { get; init; }

    /// <summary>Whether the projections around attention are products instead of convolutions of 1 x 1: the same, of other shapes. Default false; true in Stable Diffusion 2.</summary>
    public bool LinearProjection { get; init; }

    /// <summary>Values of the time embedding: four times the first step's channels.</summary>
    internal int TimeWidth => 4 * BlockChannels[0];

    /// <summary>By how much the sides shrink on the way down.</summary>
    internal int Factor => 1 << (BlockChannels.Count - 1);

    /// <summary>Reads a <c>config.json</c> of UNet2DConditionModel.</summary>
    /// <exception cref="WhenceException">It is missing or damaged, impossible, or names something that Whence does not compute.</exception>
    public static UNetSpec Load(string path)
    {
        var config = ConfigFile.Read(path);
        config.Expect(("_class_name", "UNet2DConditionModel"));
        var channels = config.Ints("block_out_channels", most: MostChannels);
        var down = config.Texts("down_block_types");
        var up = config.Texts("up_block_types");
        foreach (var (key, types, known) in ((string, IReadOnlyList<string>, string[])[])[("down_block_types", down, [AttentionDown, PlainDown]), ("up_block_types", up, [AttentionUp, PlainUp])])
        {
            if (types.Count != channels.Count || types.Any(type => !known.Contains(type)))
            {
                throw config.Bad(key, $"{channels.Count} times {string.Join(" or ", known)}");
            }
        }

        var spec = new UNetSpec
        {
            SampleSize = config.Int("sample_size", 64),
            InChannels = config.Int("in_channels", 4),
            OutChannels = config.Int("out_channels", 4),
            BlockChannels = channels,
            DownAttention = [.. down.Select(type => type == AttentionDown)],
            UpAttention = [.. up.Select(type => type == AttentionUp)],
            LayersPerBlock = config.Int("layers_per_block", 2, most: MostLayers),
            TransformerLayers = config.Int("transformer_layers_per_block", 1, most: MostTransformerLayers),
            CrossAttentionWidth = config.Int("cross_attention_dim", 1280),
            Heads = config.IntOrInts(config.Has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim", channels.Count),
            NormGroups = config.Int("norm_num_groups", 32),
            NormEpsilon = config.Number("norm_eps", 1e-5),
            CosineFirst = config.Flag("flip_sin_to_cos", true),
            FrequencyShift = config.Number("freq_shift", 0),
            LinearProjection = config.Flag("use_linear_projection", false),
        };
        config.Expect(
            ("act_fn", "silu"), ("attention_type", "default"), ("center_input_sample", false), ("class_embed_type", null), ("conv_in_kernel", 3.0), ("conv_out_kernel", 3.0),
            ("downsample_padding", 1.0), ("dual_cross_attention", false), ("mid_block_scale_factor", 1.0), ("mid_block_type", "UNetMidBlock2DCrossAttn"), ("only_cross_attention", false),
            ("resnet_out_scale_factor", 1.0), ("resnet_time_scale_shift", "default"), ("time_embedding_type", "positional"));
        config.Ignore("attention_head_dim", "addition_embed_type_num_heads", "dropout", "upcast_attention");
        config.RefuseOthers();
        config.Check(spec.Validate);
        return spec;
    }

    /// <summary>Writes a <c>config.json</c>, which diffusers reads too.</summary>
    public void Save(string path) => ConfigText.Write(path, new JsonObject
    {
        ["_class_name"] = "UNet2DConditionModel",
        ["act_fn"] = "silu",
        ["attention_head_dim"] = Heads.Distinct().Count() == 1 ? Heads[0] : ConfigText.List(Heads),
        ["block_out_channels"] = ConfigText.List(BlockChannels),
        ["center_input_sample"] = false,
        ["cross_attention_dim"] = CrossAttentionWidth,
        ["down_block_types"] = ConfigText.List(DownAttention.Select(attention => attention ? AttentionDown : PlainDown)),
        ["downsample_padding"] = 1,
        ["flip_sin_to_cos"] = CosineFirst,
        ["freq_shift"] = FrequencyShift,
        ["in_channels"] = InChannels,
        ["layers_per_block"] = LayersPerBlock,
        ["mid_block_scale_factor"] = 1,
        ["norm_eps"] = NormEpsilon,
        ["norm_num_groups"] = NormGroups,
        ["out_channels"] = OutChannels,
        ["sample_size"] = SampleSize,
        ["transformer_layers_per_block"] = TransformerLayers,
        ["up_block_types"] = ConfigText.List(UpAttention.Select(attention => attention ? AttentionUp : PlainUp)),
        ["use_linear_projection"] = LinearProjection,
    });

    /// <summary>Refuses sizes that no network can have.</summary>
    /// <exception cref="ArgumentException">Which.</exception>
    internal void Validate()
    {
        var steps = BlockChannels.Count;
        if (steps > MostSteps)
        {
            throw new ArgumentException($"there are {steps} steps down, but at most {MostSteps} are known");
        }

        if (steps == 0 || DownAttention.Count != steps || UpAttention.Count != steps || Heads.Count != steps)
        {
            throw new ArgumentException($"{steps} steps need as many entries about attention and heads");
        }

        for (var i = 0; i < steps; i++)
        {
            if (NormGroups < 1 || BlockChannels[i] < 1 || BlockChannels[i] % NormGroups != 0)
            {
                throw new ArgumentException($"{BlockChannels[i]} channels are no multiple of {NormGroups} groups");
            }

            if (Heads[i] < 1 || BlockChannels[i] % Heads[i] != 0)
            {
                throw new ArgumentException($"{BlockChannels[i]} channels are no multiple of {Heads[i]} heads");
            }
        }

        if (BlockChannels[0] % 2 != 0 || SampleSize < 1 || InChannels < 1 || OutChannels < 1 || LayersPerBlock < 1 || TransformerLayers < 1 || CrossAttentionWidth < 1
            || !(NormEpsilon > 0) || !(FrequencyShift < BlockChannels[0] / 2))
        {
            throw new ArgumentException("the first step's channels must be even, every size at least 1, norm_eps above 0, freq_shift below half of the first step's channels");
        }
    }
}
