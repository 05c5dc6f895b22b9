using static Whence.Files.RecipeChecks;

namespace Whence.Datasets.Abc;

/// <summary>How a model is customized: the recipe of Custom Diffusion, whose other numbers are the paper's.</summary>
public sealed record AbcCustomization
{
    /// <summary>Steps, at least 1. Default 125, the paper's.</summary>
    public int Steps { get; init; } = 125;

    /// <summary>Exemplars a step, 1 to 32,768. Default 8, the paper's.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Learning rate, above 0 and at most 1. Default 8e-5, the paper's for Stable Diffusion; a small model takes tens of times as much.</summary>
    public double LearningRate { get; init; } = 8e-5;

    /// <summary>
    /// Whether exemplars are turned, made smaller and cut out, with words in the prompt that say so (appendix A of the paper). Default true; false for a model that does not know these words, or whose
    /// drawings say something by their direction.
    /// </summary>
    public bool Augment { get; init; } = true;

    /// <summary>
    /// A word of one token as which <c>&lt;new1&gt;</c> begins, and which stands for it in what is drawn before a model is customized: so that both are the same but for the customization, and for an "a" that becomes "an". Null, the default:
    /// the authors' rare piece of a word, and nothing stands for it before.
    /// </summary>
    public string? Initializer { get; init; }

    /// <summary>Whether the weights of each model are kept beside its images. Default false: they follow from the recipe.</summary>
    public bool Keep { get; init; }

    internal void Validate()
    {
        InRange("customization.steps", Steps, 1, int.MaxValue);
        InRange("customization.batch", Batch, 1, 1 << 15);
        AboveZero("customization.learningRate", LearningRate, 1);
        Require(Initializer is null || !string.IsNullOrWhiteSpace(Initializer), "'customization.initializer' is empty; name a word that the model knows, or leave it out");
    }
}

/// <summary>
/// Models that are not customized, to compare with (appendix B.5 of the paper): with the captions of a customized model's exemplars the model that all begin with draws as many images. Their sets are called
/// <c>SET-baseline</c>, their lists too.
/// </summary>
public sealed record AbcBaseline
{
    /// <summary>Most models of each split of a set that get one, the first ones, 1 to 1,000,000. Null, the default: all get one.</summary>
    public int? Most { get; init; }

    /// <summary>What those are for that get one. Null, the default: everything.</summary>
    public IReadOnlyList<AbcSplit>? Splits { get; init; }

    /// <summary>Whether customized models are left out, so that only these are made. Default false.</summary>
    public bool Instead { get; init; }

    /// <summary>Table with a column <c>caption</c>, as <c>whence dataset captions</c> writes it, for images of all sets; it comes before what sets say. Null, the default: none.</summary>
    public string? Captions { get; init; }

    internal void Validate()
    {
        InRange("baseline.most", Most ?? 1, 1, AbcSet.MostModels);
        Require(Splits is null or { Count: > 0 }, "'baseline.splits' is empty; name what models are for that get one, such as train, or leave it out");
    }
}

/// <summary>What customized models draw, and how.</summary>
public sealed record AbcSampling
{
    /// <summary>Steps of DDIM, 1 to 1,000. Default 200, the paper's.</summary>
    public int Steps { get; init; } = 200;

    /// <summary>Guidance, 0 to 100. Default 6, the paper's.</summary>
    public double Guidance { get; init; } = 6;

    /// <summary>DDIM's share of fresh noise, 0 to 1. Default 1, the paper's.</summary>
    public double Eta { get; init; } = 1;

    /// <summary>Prompts of each of the two types for models of training and validation, 1 to 10,000. Default 10.</summary>
    public int TrainPrompts { get; init; } = 10;

    /// <summary>Prompts of each of the two types for models of tests, 1 to 10,000. Default 10, the paper's.</summary>
    public int TestPrompts { get; init; } = 10;

    /// <summary>Images of each prompt, 1 to 10,000. Default 4, the paper's.</summary>
    public int Each { get; init; } = 4;

    /// <summary>Images of one model that are drawn together, 1 to 10,000. Default 16.</summary>
    public int Batch { get; init; } = 16;

    internal void Validate()
    {
        InRange("sampling.batch", Batch, 1, 10_000);
        InRange("sampling.steps", Steps, 1, 1000);
        InRange("sampling.guidance", Guidance, 0, 100);
        InRange("sampling.eta", Eta, 0, 1);
        InRange("sampling.trainPrompts", TrainPrompts, 1, 10_000);
        InRange("sampling.testPrompts", TestPrompts, 1, 10_000);
        InRange("sampling.each", Each, 1, 10_000);
    }
}
