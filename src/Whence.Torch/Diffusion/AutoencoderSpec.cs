using System.Text.Json.Nodes;

namespace Whence.Torch.Diffusion;

/// <summary>Sizes of an autoencoder, as its <c>vae/config.json</c> has them. Defaults are those of Stable Diffusion 1.x.</summary>
public sealed record AutoencoderSpec
{
    /// <summary>The largest <see cref="PatchSize"/> that is read from a file.</summary>
    internal const int MostPatch = 16;

    private const string Down = "DownEncoderBlock2D", Up = "UpDecoderBlock2D";

    /// <summary>Side of the images it was trained on. Default 512.</summary>
    public int SampleSize { get; init; } = 512;

    /// <summary>Channels of an image. Default 3.</summary>
    public int ImageChannels { get; init; } = 3;

    /// <summary>Channels of a latent. Default 4.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Channels of each step down, multiples of <see cref="NormGroups"/>. Default 128, 256, 512, 512.</summary>
    public IReadOnlyList<int> BlockChannels { get; init; } = [128, 256, 512, 512];

    /// <summary>Residual blocks of a step down; a step up has one more. Default 2.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>Groups of the group norms. Default 32.</summary>
    public int NormGroups { get; init; } = 32;

    /// <summary>
    /// Side of the squares of pixels that become channels before anything is computed, and back at the end: a power of two. Default 1, as every published model; others
    /// spare the convolutions over whole images, and only Whence reads them (<c>patch_size</c>).
    /// </summary>
    public int PatchSize { get; init; } = 1;

    /// <summary>What latents are multiplied by, so that their deviation is about 1. Default 0.18215.</summary>
    public double ScalingFactor { get; init; } = 0.18215;

    /// <summary>Pixels on a side of a latent's cell; 8 in Stable Diffusion.</summary>
    public int Factor => PatchSize << (BlockChannels.Count - 1);

    /// <summary>Reads a <c>config.json</c> of AutoencoderKL.</summary>
    /// <exception cref="WhenceException">It is missing or damaged, impossible, or names something that Whence does not compute.</exception>
    public static AutoencoderSpec Load(string path)
    {
        var config = ConfigFile.Read(path);
        config.Expect(("_class_name", "AutoencoderKL"));
        var channels = config.Ints("block_out_channels", most: UNetSpec.MostChannels);
        foreach (var (key, type) in ((string, string)[])[("down_block_types", Down), ("up_block_types", Up)])
        {
            if (config.Texts(key) is var types && (types.Count != channels.Count || types.Any(t => t != type)))
            {
                throw config.Bad(key, $"{channels.Count} times {type}");
            }
        }

        var spec = new AutoencoderSpec
        {
            SampleSize = config.Int("sample_size", 512),
            ImageChannels = config.Int("in_channels", 3),
            LatentChannels = config.Int("latent_channels", 4),
            BlockChannels = channels,
            LayersPerBlock = config.Int("layers_per_block", 1, most: UNetSpec.MostLayers),
            NormGroups = config.Int("norm_num_groups", 32),
            PatchSize = config.Int("patch_size", 1, most: MostPatch),
            ScalingFactor = config.Number("scaling_factor", 0.18215),
        };
        config.Expect(
            ("act_fn", "silu"), ("out_channels", (double)spec.ImageChannels), ("mid_block_add_attention", true), ("use_quant_conv", true), ("use_post_quant_conv", true),
            ("shift_factor", null), ("latents_mean", null), ("latents_std", null));
        config.Ignore("force_upcast");
        config.RefuseOthers();
        config.Check(spec.Validate);
        return spec;
    }

    /// <summary>Writes a <c>config.json</c>, which diffusers reads too where <see cref="PatchSize"/> is 1.</summary>
    public void Save(string path)
    {
        var entries = new JsonObject
        {
            ["_class_name"] = "AutoencoderKL",
            ["act_fn"] = "silu",
            ["block_out_channels"] = ConfigText.List(BlockChannels),
            ["down_block_types"] = ConfigText.List(BlockChannels.Select(_ => Down)),
            ["in_channels"] = ImageChannels,
            ["latent_channels"] = LatentChannels,
            ["layers_per_block"] = LayersPerBlock,
            ["norm_num_groups"] = NormGroups,
            ["out_channels"] = ImageChannels,
            ["sample_size"] = SampleSize,
            ["scaling_factor"] = ScalingFactor,
            ["up_block_types"] = ConfigText.List(BlockChannels.Select(_ => Up)),
        };
        if (PatchSize > 1)
        {
            entries["patch_size"] = PatchSize;
        }

        ConfigText.Write(path, entries);
    }

    /// <summary>Refuses sizes that no network can have.</summary>
    /// <exception cref="ArgumentException">Which.</exception>
    internal void Validate()
    {
        if (BlockChannels.Count == 0 || NormGroups < 1 || BlockChannels.Any(channels => channels < 1 || channels % NormGroups != 0))
        {
            throw new ArgumentException($"{string.Join(", ", BlockChannels)} channels are not all multiples of {NormGroups} groups");
        }

        if (BlockChannels.Count > UNetSpec.MostSteps)
        {
            throw new ArgumentException($"there are {BlockChannels.Count} steps down, but at most {UNetSpec.MostSteps} are known");
        }

        if (SampleSize < 1 || ImageChannels < 1 || LatentChannels < 1 || LayersPerBlock < 1 || !int.IsPow2(PatchSize) || !(ScalingFactor > 0))
        {
            throw new ArgumentException("every size must be at least 1, patch_size a power of two, scaling_factor above 0");
        }
    }
}
