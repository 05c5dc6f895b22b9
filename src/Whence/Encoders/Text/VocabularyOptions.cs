namespace Whence.Encoders.Text;

/// <summary>How a vocabulary is learned from texts (<see cref="ClipTokenizer.Learn"/>).</summary>
public sealed record VocabularyOptions
{
    /// <summary>The fewest symbols that any vocabulary has: every byte within a word and at its end, the start and the end.</summary>
    public const int Least = 514;

    /// <summary>
    /// Most symbols, <see cref="Reserved"/> ones included; <see cref="Least"/> to 1,000,000. Default 4,096: the words of some ten thousand captions whole, where CLIP's 49,408 would be
    /// more numbers than a small network.
    /// </summary>
    public int Most { get; init; } = 4096;

    /// <summary>
    /// Symbols that no text ever gives, so that training leaves their rows of the embedding alone: what the V* of a customized model begins as, as CLIP's rare tokens are for
    /// Stable Diffusion. Default 16.
    /// </summary>
    public int Reserved { get; init; } = 16;

    /// <summary>How often a pair must be met to become a symbol, at least 1. Default 2: what is met once teaches nothing that its parts do not.</summary>
    public int LeastCount { get; init; } = 2;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Reserved);
        ArgumentOutOfRangeException.ThrowIfLessThan(LeastCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Most, 1_000_000);
        if (Most < Least + (long)Reserved)
        {
            throw new ArgumentException($"{Most} symbols are too few: {Least} stand for bytes, the start and the end, and {Reserved} are reserved.");
        }
    }
}
