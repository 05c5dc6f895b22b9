namespace Whence.Encoders.Text;

/// <summary>A text as ids.</summary>
public sealed record TokenizedText
{
    /// <summary>ContextLength ids in [0, vocabulary): start, the text's, end, padding.</summary>
    public required IReadOnlyList<int> Ids { get; init; }

    /// <summary>Tokens of the whole text, start and end included, at least 2; more than there are ids where it was cut.</summary>
    public required int Tokens { get; init; }

    /// <summary>True when the text was longer than the context: its last tokens are missing.</summary>
    public bool Truncated => Tokens > Ids.Count;
}
