using System.Security.Cryptography;
using System.Text;
using Whence.Search;

namespace Whence.Torch.Mapping;

/// <summary>How a training measures what it has learned, to keep its best epoch.</summary>
public sealed record TrainingValidation
{
    /// <summary>The distractors, raw features.</summary>
    public required FeatureIndex Distractors { get; init; }

    /// <summary>Test cases of models that are not trained with; empty, the default, to hold models out of the training's own.</summary>
    public IReadOnlyList<TrainingFeatures> TestCases { get; init; } = [];

    /// <summary>Share of each test case's models that is held out where <see cref="TestCases"/> is empty, in (0, 1). Default 0.1.</summary>
    public double HoldOut { get; init; } = 0.1;

    /// <summary>Epochs from one measurement to the next, at least 1; the last epoch is always measured. Default 5.</summary>
    public int Every { get; init; } = 5;

    /// <summary>K of Recall@K, at least 1. Default 10, the paper's first measure.</summary>
    public int RecallAt { get; init; } = 10;

    /// <summary>Distractors that are looked at, evenly spread over all; 0 for all. Default 20,000.</summary>
    public int MostDistractors { get; init; } = 20_000;

    /// <summary>Queries of each test case and type of prompts that are looked at, evenly spread; 0 for all. Default 2,000.</summary>
    public int MostQueries { get; init; } = 2000;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Distractors);
        ArgumentNullException.ThrowIfNull(TestCases);
        ArgumentOutOfRangeException.ThrowIfLessThan(Every, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(RecallAt, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MostDistractors);
        ArgumentOutOfRangeException.ThrowIfNegative(MostQueries);
        if (!(HoldOut is > 0 and < 1))
        {
            throw new ArgumentException($"The share of models held out is {HoldOut}; it lies between 0 and 1.");
        }
    }

    /// <summary>What the distractors are, in one checksum: which images, in which order, less those removed.</summary>
    internal string DistractorsKey()
    {
        var parts = string.Join('\n', Distractors.Manifest.Parts.Select(p => p.FeaturesSha256).Concat(Distractors.Removed.Order().Select(id => $"{id}")));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(parts)));
    }
}
