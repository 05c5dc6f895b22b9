namespace Whence.Torch.Mapping;

/// <summary>Options of a training. The defaults are the paper's (section 4.2 and appendix C.1).</summary>
public sealed record MapperTrainingOptions
{
    /// <summary>What h and h~ are.</summary>
    public MapperKind Kind { get; init; } = MapperKind.Linear;

    /// <summary>Width of an MLP's hidden layer, at least 1. Default 512, the authors'.</summary>
    public int HiddenDimension { get; init; } = 512;

    /// <summary>Dimension of the features that an MLP makes, at least 1. Default 256, the authors'.</summary>
    public int OutputDimension { get; init; } = 256;

    /// <summary>Temperature nu of Eq. 3, above 0. Default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Weight lambda of the regulariser of Eq. 4, at least 0; only linear mappers have one. Default 0.05; 0 for none.</summary>
    public double Regularizer { get; init; } = 0.05;

    /// <summary>Times that every model gives a pair, at least 1. Default 100.</summary>
    public int Epochs { get; init; } = 100;

    /// <summary>Pairs a step, each of another model, at least 2. Default 1024; the paper has 512 for ViT and ALADIN.</summary>
    public int Batch { get; init; } = 1024;

    /// <summary>Learning rate of the first step, above 0; it falls to zero along a cosine, step by step. Default 0.001.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>
    /// Column of the features files whose equal values keep two models from being each other's negatives, for example models of one class;
    /// null, the default, for none. Models without a value are everybody's negatives.
    /// </summary>
    public string? MaskBy { get; init; }

    /// <summary>Seed of all that is drawn. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>
    /// Threads of libtorch, at least 1; the setting is the whole process's. Results differ in their last bits with another number. Default: the
    /// number of processors.
    /// </summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The weight of the regulariser that counts: 0 where the kind has none.</summary>
    internal double EffectiveRegularizer => Kind == MapperKind.Linear ? Regularizer : 0;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(HiddenDimension, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(OutputDimension, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Epochs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Batch, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        if (!(Temperature > 0 && LearningRate > 0 && Regularizer >= 0) || !double.IsFinite(Temperature + LearningRate + Regularizer))
        {
            throw new ArgumentException(
                $"Temperature {Temperature} and learning rate {LearningRate} must be above 0, the regulariser {Regularizer} at least 0, all finite.");
        }
    }
}
