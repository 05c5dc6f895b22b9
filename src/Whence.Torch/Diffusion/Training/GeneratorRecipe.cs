using System.Text.Json.Serialization;
using Whence.Files;
using Whence.Search;
using Whence.Torch.Encoders;
using Whence.Torch.Training;
using static Whence.Files.RecipeChecks;

namespace Whence.Torch.Diffusion.Training;

/// <summary>
/// What a text-to-image model is trained from nothing with, as its JSON file says (<c>docs/formats.md</c>); each value with the reason for its default. Paths are relative
/// to the file's folder.
/// </summary>
public sealed record GeneratorRecipe
{
    /// <summary>The version that this build reads.</summary>
    public const int CurrentVersion = 1;

    private const string FormatName = "whence-generator";

    private const int MostSize = 2048; // so that dozens of images fit into one array

    /// <summary>Always <c>whence-generator</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Version of the format.</summary>
    public required int Version { get; init; }

    /// <summary>Folders, tar files, ... with captioned images (<see cref="Datasets.CaptionedImages"/>), at least one.</summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>Table with the column <c>caption</c> and others; null where captions stand beside the images.</summary>
    public string? Metadata { get; init; }

    /// <summary>Which images to train with, as a filter over their metadata (<see cref="MetadataPredicate"/>): what is held out stays out. Null for all.</summary>
    public string? Where { get; init; }

    /// <summary>Side of the images in pixels, 8 to 2048. Default 64: what two processor cores can learn in minutes to hours; the work grows with the square.</summary>
    public int Size { get; init; } = 64;

    /// <summary>Seed of all that is drawn. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>The vocabulary, learned from the captions.</summary>
    public RecipeVocabulary Vocabulary { get; init; } = new();

    /// <summary>The text encoder.</summary>
    public RecipeText Text { get; init; } = new();

    /// <summary>The autoencoder and its training.</summary>
    public RecipeAutoencoder Autoencoder { get; init; } = new();

    /// <summary>The U-Net and its training, together with the text encoder.</summary>
    [JsonPropertyName("unet")]
    public RecipeUNet UNet { get; init; } = new();

    /// <summary>How the trained model is written.</summary>
    public RecipeModel Model { get; init; } = new();

    /// <summary>What an interruption costs at most.</summary>
    public RecipeCheckpoint Checkpoint { get; init; } = new();

    /// <summary>What is looked at meanwhile.</summary>
    public RecipeSamples Samples { get; init; } = new();

    /// <summary>What every key that may be left out means where it is; of those of a training, where that is given.</summary>
    internal static GeneratorRecipe Defaults
    {
        get
        {
            var training = new RecipeTraining { Steps = 1, Batch = 1, LearningRate = 1 };
            return new() { Format = FormatName, Version = CurrentVersion, Images = [], Autoencoder = new() { Training = training }, UNet = new() { Training = training } };
        }
    }

    /// <summary>Reads a recipe.</summary>
    /// <exception cref="WhenceException">Missing, damaged, of another version, with a key that there is none of, or a value out of its range; the message names it.</exception>
    public static GeneratorRecipe Load(string path) => RecipeJson.Load<GeneratorRecipe>(path, FormatName, CurrentVersion, recipe => recipe.Validate());

    /// <summary>Sizes of the autoencoder, its scaling not yet known.</summary>
    internal AutoencoderSpec AutoencoderSpec() => new()
    {
        SampleSize = Size,
        LatentChannels = Autoencoder.LatentChannels,
        BlockChannels = Autoencoder.Channels,
        LayersPerBlock = Autoencoder.Layers,
        NormGroups = Autoencoder.NormGroups,
        PatchSize = Autoencoder.Patch,
        ScalingFactor = 1,
    };

    /// <summary>Sizes of the U-Net.</summary>
    internal UNetSpec UNetSpec() => new()
    {
        SampleSize = Size / AutoencoderSpec().Factor,
        InChannels = Autoencoder.LatentChannels,
        OutChannels = Autoencoder.LatentChannels,
        BlockChannels = UNet.Channels,
        DownAttention = UNet.Attention,
        UpAttention = [.. UNet.Attention.Reverse()],
        LayersPerBlock = UNet.Layers,
        TransformerLayers = UNet.TransformerLayers,
        CrossAttentionWidth = Text.Width,
        Heads = [.. UNet.Channels.Select(_ => UNet.Heads)],
        NormGroups = UNet.NormGroups,
    };

    /// <summary>Sizes of the text encoder.</summary>
    /// <param name="vocabulary">Symbols that were learned.</param>
    internal ClipTextSpec TextSpec(int vocabulary) => new()
    {
        VocabularySize = vocabulary,
        ContextLength = Vocabulary.Tokens,
        Width = Text.Width,
        Depth = Text.Depth,
        Heads = Text.Heads,
        Dimension = null,
    };

    /// <summary>The noise that the U-Net learns to take away.</summary>
    internal SchedulerSpec Scheduler() => new()
    {
        Kind = SchedulerKind.Ddim,
        BetaSchedule = UNet.Schedule,
        Prediction = UNet.Prediction,
    };

    /// <summary>Refuses what cannot be trained, or what no reader of the trained model would take.</summary>
    /// <exception cref="WhenceException">A value is out of its range; the message has its key, the value and the range.</exception>
    internal void Validate()
    {
        RecipeImages.Validate(Images, Metadata, Where);
        Vocabulary.Validate();
        Text.Validate();
        Autoencoder.Validate();
        Checked("autoencoder", () => AutoencoderSpec().Validate());
        var factor = AutoencoderSpec().Factor;
        Require(Size is >= 8 and <= MostSize && Size % factor == 0, $"'size' is {Size}, it must be from 8 to {MostSize} and a multiple of {factor}, the autoencoder's patch times 2 for each step of its channels but the last");
        UNet.Validate();
        Checked("unet", () => UNetSpec().Validate());
        Require(Size / factor % UNetSpec().Factor == 0, $"latents have {Size / factor} cells a side, which 'unet.channels' with {UNet.Channels.Count} steps cannot halve {UNet.Channels.Count - 1} times");
        Autoencoder.Training.Validate("autoencoder.training", 3L * Size * Size);
        Require(LatentValues <= Array.MaxLength, $"'unet' gives an image {LatentValues} numbers, at most {Array.MaxLength} can be held; a larger 'autoencoder.patch' or fewer 'autoencoder.latentChannels' are less");
        UNet.Training.Validate("unet.training", LatentValues);
        Require(Enum.IsDefined(Model.Precision), $"'model.precision' is {Model.Precision}, it must be float32 or float16");
        Checkpoint.Validate();
        Samples.Validate(Size, Scheduler());
    }

    /// <summary>Numbers that are kept of an image between the two trainings: mean and variance of each value of its latent.</summary>
    internal long LatentValues => 2L * Autoencoder.LatentChannels * (Size / AutoencoderSpec().Factor) * (Size / AutoencoderSpec().Factor);
}
