using Whence.Images;

namespace Whence.Torch.Customization;

/// <summary>
/// The recipe of Custom Diffusion (Kumari et al. 2023). Defaults are those by which the paper's customized models were made, one option for each number of it;
/// where they come from is said in <c>docs/method.md</c>.
/// </summary>
public sealed record CustomDiffusionOptions
{
    /// <summary>Steps, at least 1. Default 125, where the paper stops (appendix A).</summary>
    public int Steps { get; init; } = 125;

    /// <summary>Exemplars a step, at least 1; regularisation images are as many again. Default 8.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>
    /// Learning rate, constant, above 0; taken as it is, whatever the batch. Default 8e-5: the authors' 1e-5 times their batch of 8. Where there are regularisation images
    /// their script takes twice as much.
    /// </summary>
    public double LearningRate { get; init; } = 8e-5;

    /// <summary>AdamW's weight decay, at least 0. Default 0.01.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Norm that the gradient of everything that is trained together is clipped to, above 0; null for none. Default 1.</summary>
    public double? MaxGradientNorm { get; init; } = 1;

    /// <summary>
    /// Whether keys and values of a text's first token carry no gradient, in every attention to the text: the start token says nothing about a concept. Default true.
    /// </summary>
    public bool DetachFirstToken { get; init; } = true;

    /// <summary>
    /// Whether the loss of an exemplar is, as the authors have it, the sum of squares over all channels of the cells that count, divided by the number of these cells: with four
    /// channels four times a mean. False: the mean of squares over everything, whatever counts. Default true.
    /// </summary>
    public bool MaskedLoss { get; init; } = true;

    /// <summary>Whether queries and outputs of the cross-attention are trained too. Default false: keys and values only.</summary>
    public bool TrainQueries { get; init; }

    /// <summary>
    /// Whether weight decay shrinks the embeddings of all tokens while the training lasts, as the authors' does, whose optimiser holds the whole table. Files hold the new tokens
    /// only, so that nothing of it is kept. Default false: other tokens stay as they are.
    /// </summary>
    public bool DecayAllTokens { get; init; }

    /// <summary>Weight of the regularisation images' loss, at least 0; without such images it means nothing. Default 1.</summary>
    public double PriorWeight { get; init; } = 1;

    /// <summary>How exemplars are varied. Default as the authors do.</summary>
    public ExemplarAugmentation Augmentation { get; init; } = new();

    /// <summary>Side in pixels of what is trained with, at most 16384 and a multiple of the model's <c>Factor</c> times that of its U-Net; null: the model's own, 512 in Stable Diffusion 1.x.</summary>
    public int? ImageSize { get; init; }

    /// <summary>
    /// Images that go through the network at once, at least 1; the gradients of a batch are added up over them, so that it costs memory but changes no more than the last bits. Null,
    /// the default: as many as have 4096 cells of latents together, one of 512 pixels.
    /// </summary>
    public int? MicroBatch { get; init; }

    /// <summary>
    /// Whether the U-Net's layers are computed once more in the backward pass instead of being kept (gradient checkpointing): less memory, up to half as much time again, and a result
    /// that is the same but for the last bits. Default false.
    /// </summary>
    public bool Checkpointing { get; init; }

    /// <summary>Whether pictures are turned upright as their EXIF orientation asks. Default true: a concept that lies on its side would be learned so.</summary>
    public bool AutoOrient { get; init; } = true;

    /// <summary>What a picture may cost to decode. Default <see cref="DecodeLimits.Default"/>.</summary>
    public DecodeLimits Limits { get; init; } = DecodeLimits.Default;

    /// <summary>Seed of all that is drawn. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Threads of libtorch, at least 1; the last bits depend on their number. Default: one a core.</summary>
    internal int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Refuses what makes no sense.</summary>
    /// <exception cref="ArgumentException">Which.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Steps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Batch, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Batch, 1 << 15);
        ArgumentOutOfRangeException.ThrowIfLessThan(ImageSize ?? 1, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ImageSize ?? 1, 1 << 14);
        ArgumentOutOfRangeException.ThrowIfLessThan(MicroBatch ?? 1, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        if (!(LearningRate > 0 && WeightDecay >= 0 && PriorWeight >= 0 && MaxGradientNorm is null or > 0) || !double.IsFinite(LearningRate + WeightDecay + PriorWeight))
        {
            throw new ArgumentException(
                $"The learning rate {LearningRate} and the gradient's norm {MaxGradientNorm} must be above 0, weight decay {WeightDecay} and the prior's weight {PriorWeight} at least 0, all finite.");
        }

        Augmentation.Validate();
    }
}

/// <summary>One concept that a model is customized to, with a new token of its own.</summary>
public sealed record CustomizationConcept
{
    /// <summary>Image files of the concept, at least one.</summary>
    public required IReadOnlyList<string> Exemplars { get; init; }

    /// <summary>What stands for it in prompts. Default <c>&lt;new1&gt;</c>.</summary>
    public string Token { get; init; } = "<new1>";

    /// <summary>The prompts that its exemplars are trained with, which hold the token: one for all, or one for each.</summary>
    public required IReadOnlyList<string> Prompts { get; init; }

    /// <summary>
    /// A word of one token whose embedding the new one begins as. Null, the default: the authors' rare pieces of words (<c>ktn</c>, id 42170, then <c>pll</c> and <c>ucd</c>), and of a
    /// vocabulary that lacks them the symbols that were merged last.
    /// </summary>
    public string? Initializer { get; init; }

    /// <summary>The prompt of an exemplar.</summary>
    internal string PromptOf(int exemplar) => Prompts.Count == 1 ? Prompts[0] : Prompts[exemplar];

    /// <summary>The prompt of an object: <c>&lt;new1&gt; cat</c>.</summary>
    /// <param name="token">The new token.</param>
    /// <param name="category">What kind of thing it is.</param>
    public static string ObjectPrompt(string token, string category) => $"{token} {category}";

    /// <summary>The prompt of a style: <c>A picture in the style of &lt;new1&gt; art</c>.</summary>
    /// <param name="token">The new token.</param>
    public static string StylePrompt(string token) => $"A picture in the style of {token} art";
}

/// <summary>Other images of a concept's category, which keep the model from forgetting what it is: their loss is added, and they are not varied.</summary>
/// <param name="Images">Image files, at least one.</param>
/// <param name="Captions">One for each image, or one for all, such as the category.</param>
public sealed record RegularizationImages(IReadOnlyList<string> Images, IReadOnlyList<string> Captions)
{
    /// <summary>The caption of an image.</summary>
    internal string CaptionOf(int image) => Captions.Count == 1 ? Captions[0] : Captions[image];
}
