using Whence.Torch.Training;
using static Whence.Files.RecipeChecks;

namespace Whence.Torch.Diffusion.Training;

/// <summary>The autoencoder. It is trained first and alone, by reconstruction: no adversary, which small images do not need.</summary>
public sealed record RecipeAutoencoder
{
    /// <summary>Side of the squares of pixels that become channels before anything is computed, a power of two up to 16. Default 4: convolutions over whole images would be most of the work.</summary>
    public int Patch { get; init; } = 4;

    /// <summary>Channels of each step, multiples of <see cref="NormGroups"/>; each step but the last halves the sides. Default 64, 128.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [64, 128];

    /// <summary>Residual blocks of a step down, 1 to 16; a step up has one more. Default 1: two gain little here.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Channels of a latent, 1 to 1024. Default 8: an eighth of the sides with Stable Diffusion's 4 blurs small drawings.</summary>
    public int LatentChannels { get; init; } = 8;

    /// <summary>Groups of the norms. Default 16, a divisor of small numbers of channels.</summary>
    public int NormGroups { get; init; } = 16;

    /// <summary>Weight of the squared error beside the absolute one, whose weight is 1; up to 1e6, as the others. Default 1: large errors first.</summary>
    public double SquaredWeight { get; init; } = 1;

    /// <summary>Weight of the absolute error of differences between neighbouring pixels. Default 1: keeps edges sharp where the plain error would blur them.</summary>
    public double EdgeWeight { get; init; } = 1;

    /// <summary>
    /// Weight of the divergence from a standard normal distribution, mean over latent values. Default 1e-4: enough for smooth latents without outliers, too little to
    /// cost detail.
    /// </summary>
    public double KlWeight { get; init; } = 1e-4;

    /// <summary>The training. Rates of autoencoders may be high, and the average hides the noise of that.</summary>
    public RecipeTraining Training { get; init; } = new() { Steps = 2000, Batch = 32, LearningRate = 2e-3, Warmup = 100, Average = 0.995 };

    // The training apart, whose batch is bounded by the size of the images.
    internal void Validate()
    {
        Require(int.IsPow2(Patch) && Patch <= AutoencoderSpec.MostPatch, $"'autoencoder.patch' is {Patch}, it must be a power of two from 1 to {AutoencoderSpec.MostPatch}");
        RecipeUNet.ChannelsInRange("autoencoder.channels", Channels);
        InRange("autoencoder.layers", Layers, 1, UNetSpec.MostLayers);
        InRange("autoencoder.latentChannels", LatentChannels, 1, 1024);
        InRange("autoencoder.squaredWeight", SquaredWeight, 0, 1e6);
        InRange("autoencoder.edgeWeight", EdgeWeight, 0, 1e6);
        InRange("autoencoder.klWeight", KlWeight, 0, 1e6);
    }
}

/// <summary>The U-Net.</summary>
public sealed record RecipeUNet
{
    /// <summary>Channels of each step, multiples of <see cref="NormGroups"/> and <see cref="Heads"/>; each step but the last halves the sides. Default 96, 192.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [96, 192];

    /// <summary>Whether each step attends to the text. Default both: latents of 8 x 8 are so few that attention costs little.</summary>
    public IReadOnlyList<bool> Attention { get; init; } = [true, true];

    /// <summary>Residual blocks of a step down, 1 to 16; a step up has one more. Default 1.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Blocks of each attention, 1 to 64. Default 1, as Stable Diffusion.</summary>
    public int TransformerLayers { get; init; } = 1;

    /// <summary>Heads of each attention. Default 4.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Groups of the norms. Default 16.</summary>
    public int NormGroups { get; init; } = 16;

    /// <summary>
    /// What the network says. Default v (Salimans and Ho 2022): where there is nearly only noise, it must say the image, by which the caption is learned; the noise is
    /// easily told there.
    /// </summary>
    public PredictionType Prediction { get; init; } = PredictionType.Velocity;

    /// <summary>How noise rises over the steps. Default Stable Diffusion's.</summary>
    public BetaSchedule Schedule { get; init; } = BetaSchedule.ScaledLinear;

    /// <summary>
    /// Bound on the signal-to-noise ratio by which the loss is weighted (min-SNR-gamma, Hang et al. 2023, section 3.4), up to 1e6: with snr = abar / (1 - abar) at a time, its weight is
    /// min(snr, gamma) / (snr + 1) where velocity is predicted, min(snr, gamma) / snr where epsilon is. So times of little noise, whose gradients are large and say little,
    /// do not drown the others; the authors take 5. Default 0: none, every time counts the same, which is what the defaults were tried with.
    /// </summary>
    public double SnrGamma { get; init; }

    /// <summary>
    /// Whether activations are computed once more in the backward pass instead of being kept (<see cref="UNet.Checkpointing"/>). Default false: it costs a second forward pass,
    /// and small networks fit into memory.
    /// </summary>
    public bool Checkpointing { get; init; }

    /// <summary>Share of captions that are replaced by the empty one, so that the model also draws without: what guidance needs (Ho and Salimans 2022). Default 0.1.</summary>
    public double CaptionDropout { get; init; } = 0.1;

    /// <summary>The training.</summary>
    public RecipeTraining Training { get; init; } = new() { Steps = 10_000, Batch = 64, LearningRate = 1e-3, Warmup = 200, Average = 0.999 };

    /// <summary>Refuses channels of a network's steps that cannot be.</summary>
    internal static void ChannelsInRange(string key, IReadOnlyList<int> channels)
    {
        Require(channels.Count is >= 1 and <= UNetSpec.MostSteps, $"'{key}' has {channels.Count} entries, it must have from 1 to {UNetSpec.MostSteps}");
        foreach (var (i, count) in channels.Index())
        {
            InRange($"{key}[{i}]", count, 1, UNetSpec.MostChannels);
        }
    }

    // The training apart, whose batch is bounded by the size of the latents.
    internal void Validate()
    {
        ChannelsInRange("unet.channels", Channels);
        Require(Attention.Count == Channels.Count, $"'unet.attention' has {Attention.Count} entries, 'unet.channels' has {Channels.Count}; each step needs one of both");
        InRange("unet.layers", Layers, 1, UNetSpec.MostLayers);
        InRange("unet.transformerLayers", TransformerLayers, 1, UNetSpec.MostTransformerLayers);
        InRange("unet.heads", Heads, 1, UNetSpec.MostChannels);
        Require(Enum.IsDefined(Prediction), $"'unet.prediction' is {Prediction}, it must be velocity or epsilon");
        Require(Enum.IsDefined(Schedule), $"'unet.schedule' is {Schedule}, it must be scaledLinear, linear or squaredCosine");
        InRange("unet.snrGamma", SnrGamma, 0, 1e6);
        Share("unet.captionDropout", CaptionDropout);
    }
}

/// <summary>Sheets of samples, which say what no loss does.</summary>
public sealed record RecipeSamples
{
    private const int MostPrompts = 256, MostImages = 4096;
    private const long MostPixels = 1 << 28; // a gigabyte of decoded pixels

    /// <summary>What to draw, at most 256. Default none: some captions of the training are drawn.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];

    /// <summary>Images of each prompt, 1 to 64. Default 4.</summary>
    public int Each { get; init; } = 4;

    /// <summary>Steps of training from one sheet to the next; 0 for none but the last. Default 2,000.</summary>
    public int Every { get; init; } = 2000;

    /// <summary>Steps of sampling, 1 to 999. Default 25.</summary>
    public int Steps { get; init; } = 25;

    /// <summary>Guidance, 0 to 100. Default 3: small models need less than Stable Diffusion's 6 to 7.5.</summary>
    public double Guidance { get; init; } = 3;

    /// <param name="size">Side of an image.</param>
    /// <param name="scheduler">What is sampled with.</param>
    internal void Validate(int size, SchedulerSpec scheduler)
    {
        Require(Prompts.Count <= MostPrompts, $"'samples.prompts' has {Prompts.Count} entries, it must have at most {MostPrompts}");
        Require(!Prompts.Any(string.IsNullOrWhiteSpace), "'samples.prompts' has an empty entry, each must have text");
        Require(Prompts.Distinct(StringComparer.Ordinal).Count() == Prompts.Count, "'samples.prompts' has one twice; raise 'samples.each' for more images of it");
        InRange("samples.each", Each, 1, 64);
        InRange("samples.every", Every, 0, int.MaxValue);
        InRange("samples.steps", Steps, 1, scheduler.TrainSteps - scheduler.StepsOffset); // one more, and the first would be beyond the last of training
        InRange("samples.guidance", Guidance, 0, 100);
        var (prompts, most) = (Prompts.Count > 0 ? Prompts.Count : SampleSheets.MostCaptions, Math.Min(MostImages, MostPixels / ((long)size * size)));
        Require(prompts * Each <= most, $"'samples.each' is {Each}, which makes {prompts * Each} images with {prompts} prompts; a sheet holds at most {most} of {size} pixels");
    }
}
