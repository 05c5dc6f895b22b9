using System.Text.Json.Serialization;
using Whence.Encoders;
using Whence.Files;
using static Whence.Files.RecipeChecks;

namespace Whence.Datasets.Abc;

/// <summary>
/// How a data set for Attribution by Customization is built (section 3 of the paper; <c>docs/formats.md</c>): which images become exemplars, how a model is customized on them, and what it is asked to
/// draw. Paths are relative to the file's folder.
/// </summary>
public sealed record AbcRecipe
{
    /// <summary>The version that this build reads.</summary>
    public const int CurrentVersion = 1;

    private const string FormatName = "whence-abc";

    /// <summary>Always <c>whence-abc</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Version of the format.</summary>
    public required int Version { get; init; }

    /// <summary>Seed of all that is chosen and drawn. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>The model that is customized: a folder in diffusers' layout.</summary>
    public required string Model { get; init; }

    /// <summary>
    /// What its U-Net and text encoder compute with, while they are customized and while they draw. Default float32; bfloat16 takes half the time or less on processors that multiply it in matrices (AMX), and
    /// makes other pictures of the same kind.
    /// </summary>
    public EncoderPrecision Precision { get; init; }

    /// <summary>
    /// Threads that a model is made with, 1 to 1,024; null, the default, for one a core. The last bits of what is drawn depend on it. As many models are made at once as there are cores for, which changes
    /// no bit but takes the memory of each. A small model is made faster on one thread, since a second one mostly waits.
    /// </summary>
    public int? Threads { get; init; }

    /// <summary>Folder of the lists of prompts (<see cref="Whence.Datasets.Prompts.PromptFolder"/>).</summary>
    public required string Prompts { get; init; }

    /// <summary>Where exemplars come from and how many models each gives, at least one.</summary>
    public required IReadOnlyList<AbcSet> Sets { get; init; }

    /// <summary>How a model is customized.</summary>
    public AbcCustomization Customization { get; init; } = new();

    /// <summary>What customized models draw, and how.</summary>
    public AbcSampling Sampling { get; init; } = new();

    /// <summary>How it is checked that customizations took; null for no check.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)] // left out it would be the default
    public AbcCheck? Check { get; init; } = new();

    /// <summary>Models without customization, to compare with; null, the default, for none.</summary>
    public AbcBaseline? Baseline { get; init; }

    /// <summary>Reads a recipe.</summary>
    /// <exception cref="WhenceException">Missing, damaged, of another version, with a key that there is none of, or a value out of its range; the message names it.</exception>
    public static AbcRecipe Load(string path) => RecipeJson.Load<AbcRecipe>(path, FormatName, CurrentVersion, recipe => recipe.Validate());

    internal void Validate()
    {
        Require(!string.IsNullOrWhiteSpace(Model), "'model' is empty, name the folder of a model");
        Require(Enum.IsDefined(Precision), $"'precision' is {Precision}, it must be float32 or bfloat16");
        InRange("threads", Threads ?? 1, 1, 1024);
        Require(!string.IsNullOrWhiteSpace(Prompts), "'prompts' is empty, name the folder of the lists of prompts");
        Require(Sets.Count > 0, "'sets' is empty, at least one is needed");
        foreach (var (i, set) in Sets.Index())
        {
            set.Validate($"sets[{i}]");
        }

        string[] names = [.. Sets.Select(set => set.Name), .. Baseline is null ? (string[])[] : [.. Sets.Select(set => BaselineOf(set.Name))]];
        Require(names.Distinct(StringComparer.OrdinalIgnoreCase).Count() == names.Length, $"'sets' has two of one name{(Baseline is null ? "" : ", or one that is called as another's baseline")}");
        Customization.Validate();
        Sampling.Validate();
        Check?.Validate();
        Baseline?.Validate();
    }

    /// <summary>Name of the baseline of a set.</summary>
    internal static string BaselineOf(string set) => $"{set}-baseline";
}
