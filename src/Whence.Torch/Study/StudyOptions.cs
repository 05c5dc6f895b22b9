using Whence.Calibration;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Search;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;

namespace Whence.Torch.Study;

/// <summary>Training, where variants do not say otherwise; the defaults are those of <see cref="MapperTrainingOptions"/>, the paper's.</summary>
public sealed record StudyTraining
{
    private static readonly MapperTrainingOptions Defaults = new();

    /// <summary>Times that every model gives a pair, at least 1.</summary>
    public int Epochs { get; init; } = Defaults.Epochs;

    /// <summary>Pairs a step, at least 2.</summary>
    public int Batch { get; init; } = Defaults.Batch;

    /// <summary>Learning rate of the first step, above 0.</summary>
    public double LearningRate { get; init; } = Defaults.LearningRate;

    /// <summary>Temperature of Eq. 3, above 0.</summary>
    public double Temperature { get; init; } = Defaults.Temperature;

    /// <summary>Column whose equal values keep models from being each other's negatives; null for none.</summary>
    public string? MaskBy { get; init; }

    /// <summary>Seed of all that is drawn.</summary>
    public long Seed { get; init; }
}

/// <summary>How the best epoch is chosen; as <see cref="TrainingValidation"/>.</summary>
public sealed record StudyValidation
{
    /// <summary>Epochs from one measurement to the next.</summary>
    public int Every { get; init; } = 5;

    /// <summary>K of Recall@K.</summary>
    public int RecallAt { get; init; } = 10;

    /// <summary>Distractors looked at; 0 for all.</summary>
    public int Distractors { get; init; } = 20_000;

    /// <summary>Queries of each test case and type of prompts looked at; 0 for all.</summary>
    public int Queries { get; init; } = 2000;

    /// <summary>Share of the training's models that is held out where a space has no validation files.</summary>
    public double HoldOut { get; init; } = 0.1;
}

/// <summary>Evaluation; as <see cref="EvaluationOptions"/>.</summary>
public sealed record StudyEvaluation
{
    private static readonly EvaluationOptions Defaults = new();

    /// <summary>The K of Recall@K, ascending.</summary>
    public IReadOnlyList<int> RecallAt { get; init; } = Defaults.RecallAt;

    /// <summary>Draws of models for an interval.</summary>
    public int Resamples { get; init; } = Defaults.Resamples;

    /// <summary>Seed of the draws.</summary>
    public int Seed { get; init; }
}

/// <summary>Calibration; as <see cref="CalibrationOptions"/>.</summary>
public sealed record StudyCalibration
{
    private static readonly CalibrationOptions Defaults = new();

    /// <summary>Most queries of the pool.</summary>
    public int Queries { get; init; } = Defaults.Queries;

    /// <summary>R, the most candidates of a query.</summary>
    public int Top { get; init; } = Defaults.Top;

    /// <summary>Steps of the fit.</summary>
    public int Steps { get; init; } = Defaults.Fit.Steps;

    /// <summary>Queries of a step.</summary>
    public int BatchSize { get; init; } = Defaults.Fit.BatchSize;

    /// <summary>Adam's learning rate.</summary>
    public double LearningRate { get; init; } = Defaults.Fit.LearningRate;

    /// <summary>Seed of the draw of queries.</summary>
    public int Seed { get; init; }

    /// <summary>Whether the mass for "no training image here" is fitted too. Default true.</summary>
    public bool None { get; init; } = true;

    /// <summary>What images are calibrated on, in words (<see cref="Calibrator.Domain"/>). Null, the default: nobody says.</summary>
    public string? Domain { get; init; }
}

/// <summary>How images become features; as <see cref="FeatureExtractionOptions"/>.</summary>
public sealed record StudyExtraction
{
    /// <summary>Folder that relative paths of test cases begin at; null for each test case's own.</summary>
    public string? Images { get; init; }

    /// <summary>Augmented views of each image to train with. Default 4.</summary>
    public int Views { get; init; } = 4;

    /// <summary>Seed of the views.</summary>
    public int Seed { get; init; }
}

/// <summary>How a study is run, and who is told how far it is.</summary>
public sealed record StudySettings
{
    /// <summary>Threads; mappers differ in their last bits with another number. Default: the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>How encoders are run where images become features; their precision is part of what was done.</summary>
    public ImageEncoderOptions Encoder { get; init; } = new();

    /// <summary>Least time between two checkpoints of a training; null for its default.</summary>
    public TimeSpan? CheckpointEvery { get; init; }

    /// <summary>Told a line for each step; null for nobody.</summary>
    public Action<string>? Line { get; init; }

    /// <summary>Makes who is told how far an extraction is; null for nobody, as for those below.</summary>
    public Func<IProgress<ExtractionProgress>>? Extraction { get; init; }

    /// <summary>The same for indexes and search layouts.</summary>
    public Func<IProgress<LayoutProgress>>? Layout { get; init; }

    /// <summary>The same for an evaluation of so many queries.</summary>
    public Func<long, IProgress<EvaluationProgress>>? Evaluation { get; init; }

    /// <summary>The same for a training.</summary>
    public Func<int, IProgress<TrainingProgress>>? Training { get; init; }

    /// <summary>The same for a calibration.</summary>
    public Func<IProgress<CalibrationProgress>>? Calibration { get; init; }
}
