namespace Whence.Torch.Encoders;

/// <summary>Sizes of CLIP's text tower. Defaults are those of ViT-L/14, which Stable Diffusion 1.x uses.</summary>
public sealed record ClipTextSpec
{
    /// <summary>Number of different tokens. Default 49408.</summary>
    public int VocabularySize { get; init; } = 49_408;

    /// <summary>Tokens of a text. Default 77.</summary>
    public int ContextLength { get; init; } = 77;

    /// <summary>Values of a token, a multiple of <see cref="Heads"/>. Default 768; 512 beside ViT-B.</summary>
    public int Width { get; init; } = 768;

    /// <summary>Number of blocks. Default 12.</summary>
    public int Depth { get; init; } = 12;

    /// <summary>Heads of each attention. Default 12; 8 beside ViT-B.</summary>
    public int Heads { get; init; } = 12;

    /// <summary>What stands between the two layers of a block's perceptron. Default CLIP's own; <see cref="TransformerActivation.Gelu"/> in Stable Diffusion 2.</summary>
    public TransformerActivation Activation { get; init; } = TransformerActivation.QuickGelu;

    /// <summary>Values of a feature. Default 768; 512 beside ViT-B. Null: no projection, as in Hugging Face's CLIPTextModel, which gives hidden states only.</summary>
    public int? Dimension { get; init; } = 768;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(VocabularySize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(ContextLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Depth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Heads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Dimension ?? 1, 1);
        if (Width < 1 || Width % Heads != 0)
        {
            throw new ArgumentException($"A width of {Width} is no multiple of {Heads} heads.");
        }
    }
}
