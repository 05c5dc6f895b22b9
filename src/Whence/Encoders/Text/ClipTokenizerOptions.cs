namespace Whence.Encoders.Text;

/// <summary>What stands behind a text that does not fill the context.</summary>
public enum ClipPadding
{
    /// <summary>Id 0, as OpenAI's CLIP and Stable Diffusion 2.</summary>
    Zero,

    /// <summary>The end token once more, as Hugging Face's CLIP and Stable Diffusion 1.</summary>
    EndToken,
}

/// <summary>Options of a <see cref="ClipTokenizer"/>.</summary>
public sealed record ClipTokenizerOptions
{
    /// <summary>Ids per text, start and end included; from 2 to 65536. Default 77, what CLIP was trained with.</summary>
    public int ContextLength { get; init; } = 77;

    /// <summary>What fills the rest. Default <see cref="ClipPadding.Zero"/>.</summary>
    public ClipPadding Padding { get; init; } = ClipPadding.Zero;

    /// <summary>Whether a text is cleaned by <see cref="TextCleaner"/> first. Default true; false for texts that were.</summary>
    public bool Clean { get; init; } = true;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ContextLength, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ContextLength, 65_536);
    }
}
