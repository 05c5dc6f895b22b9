using Whence.Calibration;
using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>What a study found of one variant in one feature space.</summary>
public sealed record StudyOutcome
{
    /// <summary>What the feature space is called.</summary>
    public required string Space { get; init; }

    /// <summary>Name of its encoder; null where nobody says.</summary>
    public string? Encoder { get; init; }

    /// <summary>What the variant is called.</summary>
    public required string Variant { get; init; }

    /// <summary>The method of the paper's tables that is the same (<see cref="PaperTables"/>); null for none.</summary>
    public string? PaperMethod { get; init; }

    /// <summary>Its evaluation.</summary>
    public required EvaluationResults Results { get; init; }

    /// <summary>Its training; null for the features as they are.</summary>
    public StudyTrainingOutcome? Training { get; init; }

    /// <summary>Its calibration and what was measured of it; null where there is none.</summary>
    public (Calibrator Calibrator, CalibrationReport Report)? Calibration { get; init; }

    /// <summary>Why nothing could be fitted; null where something was, or nobody asked.</summary>
    public string? NotCalibrated { get; init; }
}

/// <summary>A sheet of queries with what stands first for them.</summary>
/// <param name="Space">What the feature space is called.</param>
/// <param name="File">The PNG.</param>
public sealed record StudySheet(string Space, string File);

/// <summary>How a training went.</summary>
public sealed record StudyTrainingOutcome
{
    /// <summary>Models that gave a pair each epoch.</summary>
    public required int Models { get; init; }

    /// <summary>Options by name, as the mappers' file has them.</summary>
    public required IReadOnlyDictionary<string, string> Options { get; init; }

    /// <summary>The epoch whose mappers were kept; 0 where none was better than what the training began with.</summary>
    public required int Epoch { get; init; }

    /// <summary>Its Recall@K on the validation split; null where nothing was validated.</summary>
    public double? Recall { get; init; }

    /// <summary>K.</summary>
    public required int RecallAt { get; init; }

    /// <summary>The CSV file of its course.</summary>
    public required string Curve { get; init; }
}
