using Whence.Mapping;

namespace Whence.Evaluation;

/// <summary>Options of an evaluation.</summary>
public sealed record EvaluationOptions
{
    /// <summary>The mappers h (distractors and exemplars) and h~ (queries); null, the default, compares raw features.</summary>
    public MapperPair? Mapper { get; init; }

    /// <summary>The K of Recall@K, ascending, each at least 1. Default: 1, 5, 10, 100.</summary>
    public IReadOnlyList<int> RecallAt { get; init; } = [1, 5, 10, 100];

    /// <summary>The most that <see cref="Resamples"/> may be: every draw is kept, a number for each model.</summary>
    public const int MostResamples = 100_000;

    /// <summary>Times that models are drawn for an interval, 1 to <see cref="MostResamples"/>. Default 2000.</summary>
    public int Resamples { get; init; } = 2000;

    /// <summary>Seed of the draws: the same one gives the same intervals. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>Threads, at least 1; results do not depend on it. Default: the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(RecallAt);
        ArgumentOutOfRangeException.ThrowIfLessThan(Resamples, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Resamples, MostResamples);
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        if (RecallAt.Any(k => k < 1) || !RecallAt.SequenceEqual(RecallAt.Distinct().Order()))
        {
            throw new ArgumentException($"Recall at {string.Join(", ", RecallAt)}: each K must be at least 1 and larger than the one before.");
        }
    }
}

/// <summary>How far the evaluation of a test case is.</summary>
/// <param name="TestCase">Its name.</param>
/// <param name="Done">Queries done, of all types of prompts.</param>
/// <param name="Total">Queries to do.</param>
public readonly record struct EvaluationProgress(string TestCase, long Done, long Total);
