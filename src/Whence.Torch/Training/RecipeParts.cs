using System.Text.Json.Serialization;
using Whence.Encoders;
using Whence.Encoders.Text;
using Whence.Vectors;
using static TorchSharp.torch;
using static Whence.Files.RecipeChecks;

namespace Whence.Torch.Training;

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

    /// <summary>The tokenizer of a vocabulary that is learned from captions, the same from the same ones.</summary>
    internal ClipTokenizer Learn(IReadOnlyList<string> captions) => ClipTokenizer.Learn(
        captions,
        new VocabularyOptions { Most = Most, Reserved = Reserved, LeastCount = LeastCount },
        new ClipTokenizerOptions { ContextLength = Tokens, Padding = ClipPadding.EndToken });

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

/// <summary>A text encoder of CLIP's kind. It learns with what it serves, since no trained one fits a vocabulary of one's own.</summary>
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
        InRange("text.width", Width, 1, 1 << 16);
        InRange("text.depth", Depth, 1, 64);
        InRange("text.heads", Heads, 1, Width);
        Require(Width % Heads == 0, $"'text.width' is {Width}, it must be a multiple of 'text.heads', which is {Heads}");
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

    /// <summary>How much of the weights' moving average stays at each step, in [0, 1). Default 0.999. The average is what is kept: it is far better than the last weights.</summary>
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

    /// <param name="key">Of the training.</param>
    /// <param name="values">Numbers of one image, a batch of which must fit into an array; at most that many themselves.</param>
    internal void Validate(string key, long values)
    {
        InRange($"{key}.steps", Steps, 1, int.MaxValue);
        InRange($"{key}.batch", Batch, 1, Math.Min(1 << 16, Array.MaxLength / values));
        AboveZero($"{key}.learningRate", LearningRate, 1000);
        InRange($"{key}.warmup", Warmup, 0, int.MaxValue);
        InRange($"{key}.weightDecay", WeightDecay, 0, 1000);
        AboveZero($"{key}.clip", Clip, double.MaxValue);
        Require(Enum.IsDefined(Precision), $"'{key}.precision' is {Precision}, it must be float32 or bfloat16");
        Share($"{key}.average", Average);
        Require(Enum.IsDefined(Optimizer), $"'{key}.optimizer' is {Optimizer}, it must be adamw or muon");
    }
}

/// <summary>How a trained model is written.</summary>
public sealed record RecipeModel
{
    /// <summary>In which numbers the weights are written; they are learned in float32. Default float32: what was trained, to the bit.</summary>
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

    /// <summary>Rounded to IEEE half precision, 11 significant bits: half the size, and what it gives looks the same.</summary>
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
