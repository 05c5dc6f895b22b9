using Whence.Datasets.Prompts;

namespace Whence.Datasets.Abc;

/// <summary>What a model is for.</summary>
public enum AbcSplit
{
    /// <summary>To train mappers with.</summary>
    Train,

    /// <summary>To choose between trainings with.</summary>
    Validation,

    /// <summary>To test with.</summary>
    Test,

    /// <summary>Of objects: to test with categories that no other split has.</summary>
    Unobserved,
}

/// <summary>A model that is customized, and what it draws.</summary>
public sealed record AbcModel
{
    /// <summary>Name of the model: its set and its number, <c>objects-0012</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Name of its set.</summary>
    public required string Set { get; init; }

    /// <summary>Whether it is of an object or of a style.</summary>
    public required AbcKind Kind { get; init; }

    /// <summary>What it is for.</summary>
    public required AbcSplit Split { get; init; }

    /// <summary>What it is customized on.</summary>
    public required IReadOnlyList<AbcImage> Exemplars { get; init; }

    /// <summary>
    /// The prompt that it is customized with; of a style it may have <c>{category}</c>, which says of each exemplar what it shows. Null of a baseline (<see cref="AbcBaseline"/>), which is not customized.
    /// </summary>
    public string? Prompt { get; init; }

    /// <summary>The seed of its customization; of a baseline that of the model that it is compared with.</summary>
    public required long Seed { get; init; }

    /// <summary>What it draws.</summary>
    public required IReadOnlyList<AbcSample> Samples { get; init; }

    /// <summary>What the exemplar shows; null of styles.</summary>
    public string? Category => Kind == AbcKind.ObjectCentric ? Exemplars[0].Category : null;

    /// <summary>The style, or what the category is held out by.</summary>
    public string Group => Exemplars[0].Group;

    /// <summary>The prompts of the exemplars; none of a baseline.</summary>
    internal IEnumerable<string> ExemplarPrompts => Prompt is null ? [] : Exemplars.Select(exemplar => Kind == AbcKind.ObjectCentric ? Prompt : PromptTemplate.Parse(Prompt).Fill(exemplar.Category));
}

/// <summary>An image that a model draws.</summary>
/// <param name="Type">Type of the prompt: <c>gpt</c>, <c>media</c> or <c>object</c>, as in the authors' files, or <c>caption</c> of a baseline.</param>
/// <param name="Prompt">The prompt, of a customized model with <c>&lt;new1&gt;</c>.</param>
/// <param name="Seed">Seed of its noise.</param>
/// <param name="Plain">The prompt without <c>&lt;new1&gt;</c>, or with the word as which that begins (<see cref="AbcCustomization.Initializer"/>); null of a baseline.</param>
public sealed record AbcSample(string Type, string Prompt, long Seed, string? Plain = null);
