using Whence.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion.Training;

/// <summary>A vocabulary of byte pairs, learned from the captions.</summary>
public sealed record RecipeVocabulary
{
    /// <summary>Most symbols. Default 4,096: more than enough words for captions of a small world, a twelfth of CLIP's, whose embedding alone would be larger than the whole model.</summary>
    public int Most { get; init; } = 4096;

    /// <summary>Symbols that no text gives, for what a customized model's V* begins as. Default 16.</summary>
    public int Reserved { get; init; } = 16;

    /// <summary>How often a pair must be met to become a symbol. Default 2: what is met once is no pattern.</summary>
    public int LeastCount { get; init; } = 2;

    /// <summary>Ids of a text, start and end included. Default 24: short captions, and every attention to the text costs that many; CLIP's 77 would cost three times as much.</summary>
    public int Tokens { get; init; } = 24;
}

/// <summary>The text encoder, of CLIP's kind. It learns with the U-Net, since no trained one fits a vocabulary of one's own.</summary>
public sealed record RecipeText
{
    /// <summary>Values of a token. Default 128: captions of a small world say little.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Blocks. Default 2: enough for a word to know the words before it.</summary>
    public int Depth { get; init; } = 2;

    /// <summary>Heads, a divisor of the width. Default 4: 32 values each.</summary>
    public int Heads { get; init; } = 4;
}

/// <summary>The autoencoder. It is trained first and alone, by reconstruction: no adversary, which small images do not need.</summary>
public sealed record RecipeAutoencoder
{
    /// <summary>Side of the squares of pixels that become channels before anything is computed, a power of two. Default 4: convolutions over whole images would be most of the work.</summary>
    public int Patch { get; init; } = 4;

    /// <summary>Channels of each step, multiples of <see cref="NormGroups"/>; each step but the last halves the sides. Default 64, 128.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [64, 128];

    /// <summary>Residual blocks of a step down; a step up has one more. Default 1: two gain little here.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Channels of a latent. Default 8: an eighth of the sides with Stable Diffusion's 4 blurs small drawings.</summary>
    public int LatentChannels { get; init; } = 8;

    /// <summary>Groups of the norms. Default 16, a divisor of small numbers of channels.</summary>
    public int NormGroups { get; init; } = 16;

    /// <summary>Weight of the squared error beside the absolute one, whose weight is 1. Default 1: large errors first.</summary>
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
}

/// <summary>The U-Net.</summary>
public sealed record RecipeUNet
{
    /// <summary>Channels of each step, multiples of <see cref="NormGroups"/> and <see cref="Heads"/>; each step but the last halves the sides. Default 96, 192.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [96, 192];

    /// <summary>Whether each step attends to the text. Default both: latents of 8 x 8 are so few that attention costs little.</summary>
    public IReadOnlyList<bool> Attention { get; init; } = [true, true];

    /// <summary>Residual blocks of a step down; a step up has one more. Default 1.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Blocks of each attention. Default 1, as Stable Diffusion.</summary>
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

    /// <summary>Share of captions that are replaced by the empty one, so that the model also draws without: what guidance needs (Ho and Salimans 2022). Default 0.1.</summary>
    public double CaptionDropout { get; init; } = 0.1;

    /// <summary>The training.</summary>
    public RecipeTraining Training { get; init; } = new() { Steps = 10_000, Batch = 64, LearningRate = 1e-3, Warmup = 200, Average = 0.999 };
}

/// <summary>A training by AdamW with a rate that rises at first and then falls to zero along a cosine.</summary>
public sealed record RecipeTraining
{
    /// <summary>Steps in all.</summary>
    public required int Steps { get; init; }

    /// <summary>Images a step.</summary>
    public required int Batch { get; init; }

    /// <summary>Highest learning rate.</summary>
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

    internal AdamWOptions AdamW => new(WeightDecay, Clip, Average);

    /// <summary>The rate of a step.</summary>
    /// <param name="step">From 0.</param>
    internal double RateAt(long step) => step < Warmup
        ? LearningRate * (step + 1) / Warmup
        : LearningRate * (1 + Math.Cos(Math.PI * (step - Warmup) / Math.Max(1, Steps - Warmup))) / 2;

    internal void Validate(string where)
    {
        GeneratorRecipe.Require(Steps >= 1, $"'{where}.training.steps' is {Steps}, it must be at least 1");
        GeneratorRecipe.Require(Batch >= 1, $"'{where}.training.batch' is {Batch}, it must be at least 1");
        GeneratorRecipe.Require(LearningRate is > 0 and <= 1e3, $"'{where}.training.learningRate' is {LearningRate}, it must be above 0");
        GeneratorRecipe.Require(Warmup >= 0, $"'{where}.training.warmup' is {Warmup}, it must be at least 0");
        GeneratorRecipe.Require(WeightDecay is >= 0 and <= 1e3, $"'{where}.training.weightDecay' is {WeightDecay}, it must be at least 0");
        GeneratorRecipe.Require(Clip is > 0 and <= double.MaxValue, $"'{where}.training.clip' is {Clip}, it must be above 0");
        GeneratorRecipe.Require(Enum.IsDefined(Precision), $"'{where}.training.precision' is {Precision}, it must be float32 or bfloat16");
        GeneratorRecipe.Require(Average is >= 0 and < 1, $"'{where}.training.average' is {Average}, it must be from 0 up to, not including, 1");
    }
}

/// <summary>When the state of a training is written: whichever comes first.</summary>
public sealed record RecipeCheckpoint
{
    /// <summary>Steps from one to the next. Default 1,000.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>Seconds from one to the next. Default 60: what a kill costs at most.</summary>
    public double Seconds { get; init; } = 60;
}

/// <summary>Sheets of samples, which say what no loss does.</summary>
public sealed record RecipeSamples
{
    /// <summary>What to draw. Default none: some captions of the training are drawn.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];

    /// <summary>Images of each prompt. Default 4.</summary>
    public int Each { get; init; } = 4;

    /// <summary>Steps of training from one sheet to the next; 0 for none but the last. Default 2,000.</summary>
    public int Every { get; init; } = 2000;

    /// <summary>Steps of sampling. Default 25.</summary>
    public int Steps { get; init; } = 25;

    /// <summary>Guidance. Default 3: small models need less than Stable Diffusion's 6 to 7.5.</summary>
    public double Guidance { get; init; } = 3;
}
