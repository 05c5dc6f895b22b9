using System.Text.Json.Serialization;
using Whence.Encoders;
using Whence.Encoders.Text;
using Whence.Vectors;
using static TorchSharp.torch;
using static Whence.Files.RecipeChecks;

namespace Whence.Torch.Diffusion.Training;

/// <summary>A vocabulary of byte pairs, learned from the captions.</summary>
public sealed record RecipeVocabulary
{
    /// <summary>Most symbols, at least 514 and what is reserved, at most 1,000,000. Default 4,096: more than enough words for captions of a small world, a twelfth of CLIP's, whose embedding alone would be larger than the whole model.</summary>
    public int Most { get; init; } = 4096;

    /// <summary>Symbols that no text gives, for what a customized model's V* begins as. Default 16.</summary>
    public int Reserved { get; init; } = 16;

    /// <summary>How often a pair must be met to become a symbol. Default 2: what is met once is no pattern.</summary>
    public int LeastCount { get; init; } = 2;

    /// <summary>Ids of a text, start and end included, 4 to 1024. Default 24: short captions, and every attention to the text costs that many; CLIP's 77 would cost three times as much.</summary>
    public int Tokens { get; init; } = 24;

    internal void Validate()
    {
        const int Largest = 1_000_000;
        InRange("vocabulary.reserved", Reserved, 0, Largest - VocabularyOptions.Least);
        InRange("vocabulary.leastCount", LeastCount, 1, int.MaxValue);
        var least = VocabularyOptions.Least + Reserved;
        Require(Most >= least && Most <= Largest, $"'vocabulary.most' is {Most}, it must be from {least} to {Largest}: every byte has its symbols, and {Reserved} are reserved");
        InRange("vocabulary.tokens", Tokens, 4, 1024);
    }
}

/// <summary>The text encoder, of CLIP's kind. It learns with the U-Net, since no trained one fits a vocabulary of one's own.</summary>
public sealed record RecipeText
{
    /// <summary>Values of a token, 1 to 65536. Default 128: captions of a small world say little.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Blocks, 1 to 64. Default 2: enough for a word to know the words before it.</summary>
    public int Depth { get; init; } = 2;

    /// <summary>Heads, a divisor of the width. Default 4: 32 values each.</summary>
    public int Heads { get; init; } = 4;

    internal void Validate()
    {
        InRange("text.width", Width, 1, UNetSpec.MostChannels);
        InRange("text.depth", Depth, 1, 64);
        InRange("text.heads", Heads, 1, Width);
        Require(Width % Heads == 0, $"'text.width' is {Width}, it must be a multiple of 'text.heads', which is {Heads}");
    }
}

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

/// <summary>A training with a rate that rises at first and then falls to zero along a cosine.</summary>
public sealed record RecipeTraining
{
    /// <summary>Steps in all.</summary>
    public required int Steps { get; init; }

    /// <summary>Images a step, 1 to 65536, fewer where they are large.</summary>
    public required int Batch { get; init; }

    /// <summary>Highest learning rate, above 0 and at most 1000.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Steps in which the rate rises to its highest. Default 100: Adam's first steps know little of the gradients' sizes.</summary>
    public int Warmup { get; init; } = 100;

    /// <summary>AdamW's decay. Default 0.01, PyTorch's.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Most that the gradient's length may be. Default 1: what a rare batch does stays bounded.</summary>
    public double Clip { get; init; } = 1;

    /// <summary>How much of the weights' moving average stays at each step, in [0, 1). Default 0.999. The average is what is kept: it draws far better than the last weights.</summary>
    public double Average { get; init; } = 0.999;

    /// <summary>
    /// In which numbers the networks compute while they learn; their weights are kept in float32 either way. Default float32.
    /// </summary>
    public EncoderPrecision Precision { get; init; }

    /// <summary>The precision as libtorch has it.</summary>
    internal ScalarType Type => Precision == EncoderPrecision.BF16 ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <summary>
    /// What moves the weights of products and convolutions, all others are moved by AdamW. Default AdamW, for which the other defaults were tried. Muon learns small features, which have small
    /// gradients, as fast as large ones: of an autoencoder of 64 pixels the mean error is 0.13 after 300 steps, with AdamW 0.20. It wants several times AdamW's rate, and takes longer for each step, less so in large batches.
    /// </summary>
    public Optimizer Optimizer { get; init; }

    internal OptimizerOptions OptimizerOptions => new(WeightDecay, Clip, Average, Optimizer);

    /// <summary>The rate of a step.</summary>
    /// <param name="step">From 0.</param>
    internal double RateAt(long step) => step < Warmup
        ? LearningRate * (step + 1) / Warmup
        : LearningRate * (1 + Math.Cos(Math.PI * (step - Warmup) / Math.Max(1, Steps - Warmup))) / 2;

    /// <param name="where">Whose training.</param>
    /// <param name="values">Numbers of one image, a batch of which must fit into an array.</param>
    internal void Validate(string where, long values)
    {
        Require(values <= Array.MaxLength, $"'{where}' gives an image {values} numbers, at most {Array.MaxLength} can be held; a larger 'autoencoder.patch' or fewer 'autoencoder.latentChannels' are less");
        where += ".training";
        InRange($"{where}.steps", Steps, 1, int.MaxValue);
        InRange($"{where}.batch", Batch, 1, Math.Min(1 << 16, Array.MaxLength / values));
        AboveZero($"{where}.learningRate", LearningRate, 1000);
        InRange($"{where}.warmup", Warmup, 0, int.MaxValue);
        InRange($"{where}.weightDecay", WeightDecay, 0, 1000);
        AboveZero($"{where}.clip", Clip, double.MaxValue);
        Require(Enum.IsDefined(Precision), $"'{where}.precision' is {Precision}, it must be float32 or bfloat16");
        Share($"{where}.average", Average);
        Require(Enum.IsDefined(Optimizer), $"'{where}.optimizer' is {Optimizer}, it must be adamw or muon");
    }
}

/// <summary>How a trained model is written.</summary>
public sealed record RecipeModel
{
    /// <summary>In which numbers the weights are written; they are learned and sampled with in float32. Default float32: what was trained, to the bit.</summary>
    public WeightPrecision Precision { get; init; }

    /// <summary>The precision as files have it.</summary>
    internal ElementType Type => Precision == WeightPrecision.F16 ? ElementType.F16 : ElementType.F32;
}

/// <summary>In which numbers weights are written.</summary>
public enum WeightPrecision
{
    /// <summary>As they were learned.</summary>
    [JsonStringEnumMemberName("float32")]
    F32,

    /// <summary>Rounded to IEEE half precision, 11 significant bits: half the size, and what it draws looks the same.</summary>
    [JsonStringEnumMemberName("float16")]
    F16,
}

/// <summary>When the state of a training is written: whichever comes first.</summary>
public sealed record RecipeCheckpoint
{
    /// <summary>Steps from one to the next. Default 1,000.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>Seconds from one to the next. Default 60: what a kill costs at most.</summary>
    public double Seconds { get; init; } = 60;

    internal void Validate()
    {
        InRange("checkpoint.steps", Steps, 1, int.MaxValue);
        AboveZero("checkpoint.seconds", Seconds, 1e6);
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
