using Whence.Calibration;
using Whence.Mapping;
using Whence.Search;

namespace Whence.Evaluation;

/// <summary>Options of a <see cref="CalibrationRun"/>; the defaults are those of appendix C.3 of the paper.</summary>
public sealed record CalibrationOptions
{
    /// <summary>The largest <see cref="Top"/>.</summary>
    public const int MostTop = 100_000_000;

    /// <summary>The mappers h (distractors and exemplars) and h~ (queries); null, the default, compares raw features.</summary>
    public MapperPair? Mapper { get; init; }

    /// <summary>Most queries of the fixed pool that is drawn from the test cases, at least 1. Default 4096.</summary>
    public int Queries { get; init; } = 4096;

    /// <summary>R, the most candidates of a query, its exemplars among them, from 2 to 100,000,000. Default 100,000.</summary>
    public int Top { get; init; } = 100_000;

    /// <summary>Steps, learning rate, batches and threads of the fit.</summary>
    public CalibrationFitOptions Fit { get; init; } = new();

    /// <summary>Seed of the draw of queries: the same one gives the same calibration. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>Whether the mass for "no training image here" is fitted too. Default false.</summary>
    public bool None { get; init; }

    /// <summary>What images it is fitted on, in words (<see cref="Calibrator.Domain"/>). Default null: nobody says.</summary>
    public string? Domain { get; init; }

    /// <summary>Name of the encoder that made the features; null, the default, takes what the test cases or the index say.</summary>
    public string? Encoder { get; init; }

    /// <summary>Told how far the making of the search layout is; null for nobody.</summary>
    public IProgress<LayoutProgress>? LayoutProgress { get; init; }

    /// <summary>Threads of everything; results do not depend on it.</summary>
    public int Threads => Fit.Threads;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Fit);
        Fit.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(Queries, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Top, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Top, MostTop);
    }
}

/// <summary>How far a calibration is.</summary>
/// <param name="What">What is being done, for people.</param>
/// <param name="Done">Queries or steps done.</param>
/// <param name="Total">Queries or steps to do.</param>
public readonly record struct CalibrationProgress(string What, long Done, long Total);

/// <summary>What a calibration's fit gives.</summary>
/// <param name="Calibrator">The calibration, with its encoder, its mapper's checksum and how it was fitted.</param>
/// <param name="Steps">Parameters and loss of every step.</param>
public sealed record FittedCalibration(Calibrator Calibrator, IReadOnlyList<CalibrationStep> Steps);
