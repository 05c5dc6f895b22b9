using Whence.Images;
using Whence.Torch.Mapping;

namespace Whence.Torch.Study;

/// <summary>Which models a variant learns from.</summary>
public enum StudyTrain
{
    /// <summary>Object-centric models.</summary>
    Objects,

    /// <summary>Artistic-style models.</summary>
    Styles,

    /// <summary>All of them.</summary>
    Both,
}

/// <summary>Mappers to be trained in every space. What is null is the recipe's <see cref="StudyRecipe.Training"/>.</summary>
public sealed record StudyVariant
{
    /// <summary>What it is called in the report.</summary>
    public required string Name { get; init; }

    /// <summary>What it learns from.</summary>
    public required StudyTrain Train { get; init; }

    /// <summary>What h and h~ are. Default linear.</summary>
    public MapperKind Kind { get; init; } = MapperKind.Linear;

    /// <summary>Weight of the regulariser of Eq. 4, at least 0; null for the paper's 0.05.</summary>
    public double? Regularizer { get; init; }

    /// <summary>Which views it learns from. Default mild.</summary>
    public Augmentation Augment { get; init; } = Augmentation.Mild;

    /// <summary>Whether it learns from models that were not customized (appendix B.5), which are in files of their own. Default false.</summary>
    public bool Uncustomized { get; init; }

    /// <summary>Whether a calibration is fitted for it. Default true.</summary>
    public bool Calibrate { get; init; } = true;

    /// <summary>Times that every model gives a pair.</summary>
    public int? Epochs { get; init; }

    /// <summary>Pairs a step; goes before the space's.</summary>
    public int? Batch { get; init; }

    /// <summary>Learning rate of the first step.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Temperature of Eq. 3.</summary>
    public double? Temperature { get; init; }

    /// <summary>Column whose equal values keep models from being each other's negatives.</summary>
    public string? MaskBy { get; init; }

    /// <summary>Seed of all that is drawn.</summary>
    public long? Seed { get; init; }

    /// <summary>The variant that is looked at more closely: that of the paper's main results.</summary>
    internal const string Reference = "object+style";

    /// <summary>The paper's: object, style, both, and the ablations of Figure 7 and of appendix B.5, which are not calibrated.</summary>
    public static IReadOnlyList<StudyVariant> Paper { get; } =
    [
        new() { Name = "object", Train = StudyTrain.Objects },
        new() { Name = "style", Train = StudyTrain.Styles },
        new() { Name = Reference, Train = StudyTrain.Both },
        new() { Name = "object+style, no regularizer", Train = StudyTrain.Both, Regularizer = 0, Calibrate = false },
        new() { Name = "object+style, channel", Train = StudyTrain.Both, Kind = MapperKind.Channel, Calibrate = false },
        new() { Name = "object+style, mlp", Train = StudyTrain.Both, Kind = MapperKind.Mlp, Calibrate = false },
        new() { Name = "object+style, strong", Train = StudyTrain.Both, Augment = Augmentation.Strong, Calibrate = false },
        new() { Name = "object+style, uncustomized", Train = StudyTrain.Both, Uncustomized = true, Calibrate = false },
    ];

    /// <summary>Which of <see cref="Paper"/> trains the same, so that the paper's own figures may stand beside; null for none.</summary>
    internal string? PaperMethod() => Paper.FirstOrDefault(p =>
        p.Train == Train && p.Kind == Kind && p.Augment == Augment && p.Uncustomized == Uncustomized && (Kind != MapperKind.Linear || Weight(p) == Weight(this)))?.Name;

    private static double Weight(StudyVariant variant) => variant.Regularizer ?? new MapperTrainingOptions().Regularizer;
}
