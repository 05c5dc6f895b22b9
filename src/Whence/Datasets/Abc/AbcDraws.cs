using static Whence.Files.RecipeChecks;

namespace Whence.Datasets.Abc;

/// <summary>How many prompts the models of a set draw: the paper's differ by source, split and type (Table 1). What is null is as of all sets.</summary>
public sealed record AbcDraws
{
    /// <summary>Of models to train with; null, the default, for <see cref="AbcSampling.TrainPrompts"/> of each type.</summary>
    public AbcPromptCounts? Train { get; init; }

    /// <summary>Of models to validate with; null, the default, for <see cref="AbcSampling.TrainPrompts"/> of each type.</summary>
    public AbcPromptCounts? Validation { get; init; }

    /// <summary>Of models to test with, of unobserved categories too; null, the default, for <see cref="AbcSampling.TestPrompts"/> of each type.</summary>
    public AbcPromptCounts? Test { get; init; }

    /// <summary>Prompts that a model of a split draws.</summary>
    internal AbcPromptCounts Of(AbcSplit split, AbcSampling sampling) => split switch
    {
        AbcSplit.Train => Train ?? AbcPromptCounts.Both(sampling.TrainPrompts),
        AbcSplit.Validation => Validation ?? AbcPromptCounts.Both(sampling.TrainPrompts),
        _ => Test ?? AbcPromptCounts.Both(sampling.TestPrompts),
    };

    internal void Validate(string where)
    {
        foreach (var (name, counts) in ((string, AbcPromptCounts?)[])[("train", Train), ("validation", Validation), ("test", Test)])
        {
            counts?.Validate($"{where}.{name}");
        }
    }
}

/// <summary>Prompts of each of the two types.</summary>
public sealed record AbcPromptCounts
{
    /// <summary>Captions, of the type <c>gpt</c>, 1 to 10,000.</summary>
    public required int Captions { get; init; }

    /// <summary>Made of parts, of the type <c>media</c> or <c>object</c>, 1 to 10,000.</summary>
    public required int Procedural { get; init; }

    internal static AbcPromptCounts Both(int count) => new() { Captions = count, Procedural = count };

    internal void Validate(string where)
    {
        InRange($"{where}.captions", Captions, 1, 10_000);
        InRange($"{where}.procedural", Procedural, 1, 10_000);
    }
}
