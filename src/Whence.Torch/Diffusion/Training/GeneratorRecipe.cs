using System.Text.Json;
using System.Text.Json.Serialization;
using Whence.Encoders.Text;
using Whence.Files;
using Whence.Search;

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

    /// <summary>Side of the images in pixels. Default 64: what two processor cores can learn in minutes to hours; the work grows with the square.</summary>
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

    /// <summary>What an interruption costs at most.</summary>
    public RecipeCheckpoint Checkpoint { get; init; } = new();

    /// <summary>What is looked at meanwhile.</summary>
    public RecipeSamples Samples { get; init; } = new();

    /// <summary>Reads a recipe.</summary>
    /// <exception cref="WhenceException">Missing, damaged, of another version, with a key that there is none of, or a value out of its range; the message names it.</exception>
    public static GeneratorRecipe Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var bytes = RegularFile.Guard(path, () => File.ReadAllBytes(path));
        try
        {
            var recipe = RecipeJson.Read<GeneratorRecipe>(bytes);
            if (recipe.Format != FormatName || recipe.Version != CurrentVersion)
            {
                throw new WhenceException($"it is '{recipe.Format}' version {recipe.Version}, this build reads '{FormatName}' version {CurrentVersion}");
            }

            recipe.Validate();
            return recipe;
        }
        catch (WhenceException e)
        {
            throw new WhenceException($"{path}: {e.Message}; docs/formats.md shows the format.", e);
        }
        catch (JsonException e)
        {
            throw new WhenceException($"{path}: {RegularFile.OneLine(e.Message)} docs/formats.md shows the format.", e);
        }
    }

    /// <summary>The recipe with every value, defaults too.</summary>
    internal string ToJson() => JsonSerializer.Serialize(this, RecipeJson.Options);

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

    /// <summary>The noise that the U-Net learns to take away.</summary>
    internal SchedulerSpec Scheduler() => new()
    {
        Kind = SchedulerKind.Ddim,
        BetaSchedule = UNet.Schedule,
        Prediction = UNet.Prediction,
    };

    private void Validate()
    {
        Require(Images.Count > 0 && Images.All(i => !string.IsNullOrWhiteSpace(i)), "'images' is empty, at least one source is needed");
        if (Where is not null)
        {
            MetadataPredicate.Parse(Where);
        }

        Require(Vocabulary.Reserved >= 0 && Vocabulary.LeastCount >= 1, "'vocabulary' has a number out of range");
        Require(
            Vocabulary.Most is <= 1_000_000 && Vocabulary.Most >= VocabularyOptions.Least + (long)Vocabulary.Reserved,
            $"'vocabulary.most' is {Vocabulary.Most}, it must be at least {VocabularyOptions.Least + (long)Vocabulary.Reserved} and at most 1000000: every byte has its symbols");
        Require(Vocabulary.Tokens is >= 4 and <= 1024, $"'vocabulary.tokens' is {Vocabulary.Tokens}, it must be from 4 to 1024");
        Require(Text.Width >= 1 && Text.Depth >= 1 && Text.Heads >= 1 && Text.Width % Text.Heads == 0, $"'text' has a width of {Text.Width}, which is no multiple of {Text.Heads} heads, or a number below 1");
        Require(Autoencoder.KlWeight >= 0 && Autoencoder.EdgeWeight >= 0 && Autoencoder.SquaredWeight >= 0, "'autoencoder' has a weight below 0");
        Require(UNet.CaptionDropout is >= 0 and < 1, $"'unet.captionDropout' is {UNet.CaptionDropout}, it must be from 0 up to, not including, 1");
        Require(UNet.Heads >= 1 && UNet.Attention.Count == UNet.Channels.Count, $"'unet.attention' has {UNet.Attention.Count} entries, 'unet.channels' has {UNet.Channels.Count}; each step needs one of both");
        Autoencoder.Training.Validate("autoencoder");
        UNet.Training.Validate("unet");
        Require(Checkpoint.Steps >= 1 && Checkpoint.Seconds is > 0 and <= 1e6, "'checkpoint' has a number out of range");
        Require(Samples.Every >= 0 && Samples.Each is >= 1 and <= 64 && Samples.Steps is >= 1 and <= 1000 && Samples.Guidance is >= 0 and <= 100, "'samples' has a number out of range");
        Checked("autoencoder", () => AutoencoderSpec().Validate());
        var factor = AutoencoderSpec().Factor;
        Require(Size is >= 8 and <= 4096 && Size % factor == 0, $"'size' is {Size}, it must be from 8 to 4096 and a multiple of {factor}, the autoencoder's patch times 2 for each step of its channels but the last");
        Checked("unet", () => UNetSpec().Validate());
        Require(Size / factor % UNetSpec().Factor == 0, $"latents have {Size / factor} cells a side, which 'unet.channels' with {UNet.Channels.Count} steps cannot halve {UNet.Channels.Count - 1} times");
    }

    private static void Checked(string where, Action check)
    {
        try
        {
            check();
        }
        catch (ArgumentException e)
        {
            throw new WhenceException($"'{where}': {e.Message}", e);
        }
    }

    internal static void Require(bool holds, string problem)
    {
        if (!holds)
        {
            throw new WhenceException(problem);
        }
    }
}
