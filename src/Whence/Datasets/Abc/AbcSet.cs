using System.Text.Json.Serialization;
using Whence.Datasets.Prompts;
using static Whence.Files.RecipeChecks;

namespace Whence.Datasets.Abc;

/// <summary>What the exemplars of a model have in common.</summary>
public enum AbcKind
{
    /// <summary>One image of one object.</summary>
    [JsonStringEnumMemberName("object")]
    ObjectCentric,

    /// <summary>Several images in one style.</summary>
    [JsonStringEnumMemberName("style")]
    StyleCentric,
}

/// <summary>Images that become exemplars, and how many models are customized on them.</summary>
public sealed record AbcSet
{
    /// <summary>Most models of a split.</summary>
    internal const int MostModels = 1_000_000;

    private const string Thing = "{object}";

    /// <summary>Name of the set, of letters, digits and hyphens: it is part of the names of models and files.</summary>
    public required string Name { get; init; }

    /// <summary>Whether models are of objects or of styles.</summary>
    public required AbcKind Kind { get; init; }

    /// <summary>Folders, tar files, ... (<see cref="Whence.Images.ImageSources"/>), at least one.</summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>Table of columns for the images; null where metadata stand beside them.</summary>
    public string? Metadata { get; init; }

    /// <summary>
    /// Table of columns for the folders that the images lie in, by a column <c>folder</c> or <c>synset</c>; images of folders that it does not name are passed over. Null for none; the folder's own name is
    /// a column <c>folder</c> in any case.
    /// </summary>
    public string? Folders { get; init; }

    /// <summary>Which images, as a filter over their metadata (<see cref="Search.MetadataPredicate"/>); null for all.</summary>
    public string? Where { get; init; }

    /// <summary>The column that says what an image shows, in a word that the model knows. Needed for objects; of styles for a <see cref="Prompt"/> that says it, and null, the default, otherwise.</summary>
    public string? Category { get; init; }

    /// <summary>
    /// Of objects: the column of the narrower kind that a category is a word for, as ImageNet's "Norwich terrier" is a "dog" (appendix A of the paper). Instances of each are split, and each is held out,
    /// while the prompts have the category. Null, the default: the category itself.
    /// </summary>
    public string? Class { get; init; }

    /// <summary>
    /// Of styles: the column whose value images in one style share; needed. Of objects: the column by which categories, or classes, are held out together; null, the default, holds out each by itself.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>Fewest exemplars of a style, 1 to 1,000. Default 4, the paper's; an object always has one.</summary>
    public int LeastExemplars { get; init; } = 4;

    /// <summary>Most exemplars of a style, from the fewest to 1,000. Default 12.</summary>
    public int MostExemplars { get; init; } = 12;

    /// <summary>Whether a model of a style takes as many of its images as there are, up to the most, as the paper's do. Default false: a number drawn from the fewest to the most.</summary>
    public bool AllExemplars { get; init; }

    /// <summary>How many models.</summary>
    public required AbcCounts Models { get; init; }

    /// <summary>
    /// The prompt of the exemplars, with <c>&lt;new1&gt;</c> and, of objects, <c>{category}</c>; of styles that have a <see cref="Category"/> too, so that each exemplar is trained with what it shows and the
    /// style alone is left to be learned. Null, the default: Custom Diffusion's, <c>&lt;new1&gt; {category}</c> and <c>A picture in the style of
    /// &lt;new1&gt; art</c>.
    /// </summary>
    public string? Prompt { get; init; }

    /// <summary>
    /// Of styles: what things are put into for prompts, with <c>&lt;new1&gt;</c> and <c>{object}</c>; the paper has <c>A picture of ...</c> for one source and <c>A painting of ...</c> for another. Null, the
    /// default: the list's own.
    /// </summary>
    public string? ObjectPrompt { get; init; }

    /// <summary>How many prompts models draw, where that is not as of all sets (<see cref="AbcSampling"/>).</summary>
    public AbcDraws Draws { get; init; } = new();

    internal void Validate(string where)
    {
        Require(IsName(Name) && Name.Length <= 64, $"'{where}.name' is '{Name}', it must be 1 to 64 letters, digits and hyphens");
        Require(Enum.IsDefined(Kind), $"'{where}.kind' is {Kind}, it must be object or style");
        Require(Images.Count > 0 && Images.All(i => !string.IsNullOrWhiteSpace(i)), $"'{where}.images' is empty or has an empty entry");
        Require(Kind == AbcKind.StyleCentric || Category is not null, $"'{where}.category' is missing: name the column that says what an image shows");
        Require(Kind == AbcKind.ObjectCentric || Class is null, $"'{where}.class' is of objects only; take it away");
        Require(Kind == AbcKind.ObjectCentric || Group is not null, $"'{where}.group' is missing: name the column whose value images in one style share");
        InRange($"{where}.leastExemplars", LeastExemplars, 1, 1000);
        InRange($"{where}.mostExemplars", MostExemplars, LeastExemplars, 1000);
        Require(Kind == AbcKind.StyleCentric || !AllExemplars, $"'{where}.allExemplars' is of styles only: a model of an object has one; take it away");
        Require(Kind == AbcKind.ObjectCentric || Models.Unobserved == 0, $"'{where}.models.unobserved' is {Models.Unobserved}: of styles every split has styles of its own; give a source that is only tested with a set of its own");
        foreach (var (name, count) in Models.Named)
        {
            InRange($"{where}.models.{name}", count, 0, MostModels);
        }

        Require(Models.All > 0, $"'{where}.models' has none");
        Require(Prompt is null || Checked(Prompt), $"'{where}.prompt' is '{Prompt}', it must have <new1>, may have {{category}}{(Kind == AbcKind.ObjectCentric ? "" : $" where '{where}.category' names the column for it")}, and no other placeholder");
        Require(Kind == AbcKind.ObjectCentric || Category is null || Prompt?.Contains(PromptTemplate.Category, StringComparison.Ordinal) == true, $"'{where}.category' is of no use to a style whose 'prompt' has no {{category}}; take it away, or write it there");
        Require(ObjectPrompt is null || (Kind == AbcKind.StyleCentric && IsObjectPrompt(ObjectPrompt)), $"'{where}.objectPrompt' is '{ObjectPrompt}', it is of styles only and must have <new1> and {{object}}, and no other placeholder");
        Draws.Validate($"{where}.draws");
    }

    /// <summary>The prompt that the exemplars of a model are trained with.</summary>
    internal PromptTemplate ExemplarPrompt => PromptTemplate.Parse(Prompt ?? (Kind == AbcKind.ObjectCentric ? "<new1> {category}" : "A picture in the style of <new1> art"));

    /// <summary>Whether a text can be part of the names of files.</summary>
    internal static bool IsName(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private static bool IsObjectPrompt(string prompt) =>
        prompt.Contains(PromptTemplate.Token, StringComparison.Ordinal) && prompt.Contains(Thing, StringComparison.Ordinal) && PromptTemplate.Stranger(prompt, PromptTemplate.Token, Thing) is null;

    private bool Checked(string prompt)
    {
        try
        {
            return !PromptTemplate.Parse(prompt).NeedsCategory || Category is not null;
        }
        catch (WhenceException)
        {
            return false;
        }
    }
}

/// <summary>Models of each split.</summary>
public sealed record AbcCounts
{
    /// <summary>To train mappers with. Default 0.</summary>
    public int Train { get; init; }

    /// <summary>To choose between trainings with: of objects other instances of the trained categories. Default 0.</summary>
    public int Validation { get; init; }

    /// <summary>To test with: of objects other instances of the trained categories. Default 0.</summary>
    public int Test { get; init; }

    /// <summary>Of objects: to test with categories that no other split has. Default 0.</summary>
    public int Unobserved { get; init; }

    /// <summary>All models.</summary>
    internal long All => Named.Sum(n => (long)n.Count);

    internal IEnumerable<(string Name, int Count)> Named => [("train", Train), ("validation", Validation), ("test", Test), ("unobserved", Unobserved)];
}
