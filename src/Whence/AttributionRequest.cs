namespace Whence;

/// <summary>What to list of an attribution.</summary>
public sealed record AttributionRequest
{
    /// <summary>Number of training images to list, at least 0. Default 100.</summary>
    public int Top { get; init; } = 100;

    /// <summary>Leave out images with less influence, in [0, 1]. Default 0.</summary>
    public double MinInfluence { get; init; }

    /// <summary>Metadata column whose values' shares are summed over all images searched; null for none.</summary>
    public string? GroupBy { get; init; }

    /// <summary>
    /// Fold results that show the same picture: equal content hash, or features at least this similar, in [-1, 1]. Null for
    /// no folding.
    /// </summary>
    public float? GroupDuplicates { get; init; }

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Top);
        if (!(MinInfluence is >= 0 and <= 1) || !(GroupDuplicates is null or (>= -1 and <= 1)))
        {
            throw new ArgumentException($"MinInfluence is {MinInfluence} and GroupDuplicates {GroupDuplicates}; they lie in [0, 1] and [-1, 1].");
        }
    }
}
