namespace Whence.Encoders.Text;

/// <summary>n texts as ids, in the order they were given.</summary>
public sealed record TokenBatch
{
    /// <summary>Ids per text, L.</summary>
    public required int ContextLength { get; init; }

    /// <summary>n x L ids, one text after the other, as <see cref="TokenizedText.Ids"/>.</summary>
    public required ReadOnlyMemory<int> Ids { get; init; }

    /// <summary>n numbers of tokens, as <see cref="TokenizedText.Tokens"/>.</summary>
    public required IReadOnlyList<int> Tokens { get; init; }

    /// <summary>Number of texts that were longer than the context.</summary>
    public int Truncated => Tokens.Count(tokens => tokens > ContextLength);
}
