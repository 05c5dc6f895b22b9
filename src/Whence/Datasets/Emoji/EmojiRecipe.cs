using Whence.Datasets.Styles;
using Whence.Files;
using static Whence.Files.RecipeChecks;

namespace Whence.Datasets.Emoji;

/// <summary>How drawings become a data set of contents and styles (<c>docs/formats.md</c>).</summary>
public sealed record EmojiRecipe
{
    /// <summary>The version that this build reads.</summary>
    public const int CurrentVersion = 1;

    private const string FormatName = "whence-emoji";

    /// <summary>Always <c>whence-emoji</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Version of the format.</summary>
    public required int Version { get; init; }

    /// <summary>Side of the pictures in pixels, 16 to 1024. Default 64.</summary>
    public int Size { get; init; } = 64;

    /// <summary>White on each side of a drawing, in 64ths of the picture, 0 to 16. Default 2.</summary>
    public double Margin { get; init; } = 2;

    /// <summary>What is held out, and which treatment a drawing gets, follows from it.</summary>
    public int Seed { get; init; }

    /// <summary>Share of pixels that must differ from white, or a drawing counts as blank. Default 0.005.</summary>
    public double LeastInk { get; init; } = 0.005;

    /// <summary>Share of the objects that are held out, in [0, 1). Default 0.1.</summary>
    public double HeldOutObjects { get; init; } = 0.1;

    /// <summary>Styles of designers that are held out, as the lock file calls them.</summary>
    public IReadOnlyList<string> HeldOutDesigners { get; init; } = [];

    /// <summary>Treatments that are trained with (<see cref="Styles.Treatments"/>); all others are held out.</summary>
    public IReadOnlyList<string> TrainedTreatments { get; init; } = [];

    /// <summary>How many trained treatments each drawing of a trained designer gets. Default 0.</summary>
    public int TrainedPerDrawing { get; init; }

    /// <summary>How many held-out treatments each drawing of a trained designer gets. Default 0.</summary>
    public int HeldOutPerDrawing { get; init; }

    /// <summary>The sheet of styles.</summary>
    public EmojiSheetRecipe Sheet { get; init; } = new();

    /// <summary>The recipe that this build came with, <c>recipes/emoji64-dataset.json</c>.</summary>
    public static EmojiRecipe Shipped { get; } =
        RecipeJson.Parse<EmojiRecipe>(PackageLock.Resource("emoji64-dataset.json"), "recipes/emoji64-dataset.json", FormatName, CurrentVersion, recipe => recipe.Validate());

    /// <summary>Reads a recipe.</summary>
    /// <exception cref="WhenceException">Missing, damaged, of another version, with a key that there is none of, or a value out of its range; the message names it.</exception>
    public static EmojiRecipe Load(string path) => RecipeJson.Load<EmojiRecipe>(path, FormatName, CurrentVersion, recipe => recipe.Validate());

    internal IReadOnlyList<Treatment> Trained => [.. TrainedTreatments.Select(Treatments.Get)];

    internal IReadOnlyList<Treatment> HeldOut => [.. Treatments.All.Where(t => !TrainedTreatments.Contains(t.Name))];

    /// <summary>Refuses a recipe that cannot be, or whose designers are not among the packages; no package need be there.</summary>
    /// <param name="packages">The packages that it is for.</param>
    /// <exception cref="WhenceException">The message names the key and what it may be.</exception>
    public void Validate(PackageLock packages)
    {
        ArgumentNullException.ThrowIfNull(packages);
        Validate();
        var styles = packages.Drawings.Select(p => p.Style!).ToArray();
        foreach (var (key, style) in HeldOutDesigners.Select(d => ("heldOutDesigners", d)).Concat(Sheet.Designers.Select(d => ("sheet.designers", d))))
        {
            Require(styles.Contains(style), $"'{key}': there is no designer of the style '{style}', known are {string.Join(", ", styles)}");
        }
    }

    /// <summary>Refuses objects that the packages do not name.</summary>
    internal void Validate(EmojiArtwork artwork)
    {
        foreach (var label in Sheet.Objects)
        {
            Require(artwork.Objects.Any(o => o.Label == label), $"'sheet.objects': there is no object '{label}'; labels are those of the package of names");
        }
    }

    private void Validate()
    {
        Require(Size is >= 16 and <= 1024, $"'size' is {Size}, it must be 16 to 1024");
        Require(Margin is >= 0 and <= 16, $"'margin' is {Margin}, it must be 0 to 16");
        Require(LeastInk is >= 0 and < 1, $"'leastInk' is {LeastInk}, it must be at least 0 and below 1");
        Require(HeldOutObjects is >= 0 and < 1, $"'heldOutObjects' is {HeldOutObjects}, it must be at least 0 and below 1");
        Require(TrainedTreatments.Distinct(StringComparer.Ordinal).Count() == TrainedTreatments.Count, "'trainedTreatments' has one twice");
        Require(TrainedPerDrawing >= 0 && TrainedPerDrawing <= Trained.Count, $"'trainedPerDrawing' is {TrainedPerDrawing}, it must be at least 0 and at most the {Trained.Count} trained treatments");
        Require(HeldOutPerDrawing >= 0 && HeldOutPerDrawing <= HeldOut.Count, $"'heldOutPerDrawing' is {HeldOutPerDrawing}, it must be at least 0 and at most the {HeldOut.Count} other treatments");
        Require(Sheet.Objects.Count <= EmojiSheetRecipe.MaxObjects, $"'sheet.objects' has {Sheet.Objects.Count}, there is room for {EmojiSheetRecipe.MaxObjects}");
        Require(Sheet.Designers.Distinct(StringComparer.Ordinal).Count() == Sheet.Designers.Count, "'sheet.designers' has one twice");
    }
}

/// <summary>What the sheet of styles shows.</summary>
public sealed record EmojiSheetRecipe
{
    /// <summary>The most objects that a sheet has room for.</summary>
    public const int MaxObjects = 8;

    /// <summary>Styles of the designers that it shows, none twice; the first one's drawings are treated.</summary>
    public IReadOnlyList<string> Designers { get; init; } = [];

    /// <summary>Labels of the objects that it shows, at most 8; those that a designer lacks stay empty.</summary>
    public IReadOnlyList<string> Objects { get; init; } = [];
}
