namespace Whence.Search;

/// <summary>How an attribution searches approximately.</summary>
public sealed record ApproximateOptions
{
    /// <summary>Default of <see cref="Candidates"/>.</summary>
    public const int DefaultCandidates = 1000;

    /// <summary>
    /// Images found for each query and compared exactly, at least 1, and at least as many as are listed. The maximum and the denominator of
    /// Eq. 6 are theirs. More make it likelier that the best are among them, and take longer. Default 1000.
    /// </summary>
    public int Candidates { get; init; } = DefaultCandidates;

    internal void Validate() => ArgumentOutOfRangeException.ThrowIfLessThan(Candidates, 1);
}
