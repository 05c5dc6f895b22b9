using System.Text;
using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Torch.Training;
using static Whence.Files.RecipeChecks;

namespace Whence.Torch.Encoders.Training;

/// <summary>
/// What an encoder of images and texts is trained from nothing with, as its JSON file says (<c>docs/formats.md</c>); each value with the reason for its default. Paths are relative to the
/// file's folder.
/// </summary>
public sealed record ImageTextRecipe
{
    /// <summary>The version that this build reads.</summary>
    public const int CurrentVersion = 1;

    private const string FormatName = "whence-image-text";

    private const int MostSize = 1024, MostWidth = 1 << 16, MostName = 200;

    private const int MostBatch = 1 << 15; // every image is compared with every caption

    // Beside the spec lie files of these names.
    private static readonly string[] Taken = ["config", "vocab", "tokenizer_config", "added_tokens"];

    /// <summary>Always <c>whence-image-text</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Version of the format.</summary>
    public required int Version { get; init; }

    /// <summary>The encoder's name, a plain word.</summary>
    public required string Name { get; init; }

    /// <summary>Folders, tar files, ... with captioned images (<see cref="Datasets.CaptionedImages"/>), at least one.</summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>Table with the column <c>caption</c> and others; null where captions stand beside the images.</summary>
    public string? Metadata { get; init; }

    /// <summary>Which images to train with, as a filter over their metadata (<see cref="Search.MetadataPredicate"/>). Null for all.</summary>
    public string? Where { get; init; }

    /// <summary>Side of the images in pixels, 8 to 1024, a multiple of <see cref="RecipeImageTower.Patch"/>. Default 64.</summary>
    public int Size { get; init; } = 64;

    /// <summary>Seed of all that is drawn. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>The vocabulary, learned from the captions.</summary>
    public RecipeVocabulary Vocabulary { get; init; } = new();

    /// <summary>The text tower.</summary>
    public RecipeText Text { get; init; } = new();

    /// <summary>The image tower.</summary>
    public RecipeImageTower Image { get; init; } = new();

    /// <summary>Values of a feature, 1 to 65536. Default 128.</summary>
    public int Dimension { get; init; } = 128;

    /// <summary>How images are changed before they are shown.</summary>
    public RecipeAugmentation Augmentation { get; init; } = new();

    /// <summary>The training. Large batches: every other caption of a batch is one that an image is told from.</summary>
    public RecipeTraining Training { get; init; } = new() { Steps = 2000, Batch = 256, LearningRate = 1e-3, Warmup = 100, Average = 0.998 };

    /// <summary>How the trained encoder is written.</summary>
    public RecipeModel Model { get; init; } = new();

    /// <summary>What an interruption costs at most.</summary>
    public RecipeCheckpoint Checkpoint { get; init; } = new();

    /// <summary>SPDX identifier or name of the licence of the weights, for the encoder's spec; null says nothing of it.</summary>
    public string? Licence { get; init; }

    /// <summary>What every key that may be left out means where it is; of those of a training, where that is given.</summary>
    internal static ImageTextRecipe Defaults =>
        new() { Format = FormatName, Version = CurrentVersion, Name = "", Images = [], Training = new() { Steps = 1, Batch = 1, LearningRate = 1 } };

    /// <summary>Reads a recipe.</summary>
    /// <exception cref="WhenceException">Missing, damaged, of another version, with a key that there is none of, or a value out of its range; the message names it.</exception>
    public static ImageTextRecipe Load(string path) => RecipeJson.Load<ImageTextRecipe>(path, FormatName, CurrentVersion, recipe => recipe.Validate());

    /// <summary>Sizes of the image tower.</summary>
    internal VisionTransformerSpec ImageSpec() => new()
    {
        Family = VisionTransformerFamily.Clip,
        ImageSize = Size,
        PatchSize = Image.Patch,
        Width = Image.Width,
        Depth = Image.Depth,
        Heads = Image.Heads,
    };

    /// <summary>Sizes of the text tower.</summary>
    /// <param name="vocabulary">Symbols that were learned.</param>
    internal ClipTextSpec TextSpec(int vocabulary) => new()
    {
        VocabularySize = vocabulary,
        ContextLength = Vocabulary.Tokens,
        Width = Text.Width,
        Depth = Text.Depth,
        Heads = Text.Heads,
        Dimension = Dimension,
    };

    /// <summary>The trained encoder: what <see cref="ImageEncoders"/> opens.</summary>
    /// <param name="file">Name of the file of its weights, beside the spec.</param>
    /// <param name="sha256">Checksum of that file.</param>
    internal EncoderSpec Spec(string file, string sha256) => new()
    {
        Name = Name,
        Dimension = Dimension,
        Preprocessing = new() { Resize = Size, Crop = Size, Interpolation = Interpolation.Bicubic, Mean = [0.5f, 0.5f, 0.5f], Std = [0.5f, 0.5f, 0.5f] }, // -1 to 1, as in training
        Network = ImageSpec(),
        Model = new() { File = file, Sha256 = sha256 },
        Licence = Licence,
        Origin = "trained by whence train-encoder",
    };

    /// <summary>Refuses what cannot be trained, or what no reader of the trained encoder would take.</summary>
    /// <exception cref="WhenceException">A value is out of its range; the message has its key, the value and the range.</exception>
    internal void Validate()
    {
        RecipeImages.Validate(Images, Metadata, Where);
        Vocabulary.Validate();
        Text.Validate();
        InRange("image.patch", Image.Patch, 1, MostSize);
        Require(Size is >= 8 and <= MostSize && Size % Image.Patch == 0, $"'size' is {Size}, it must be from 8 to {MostSize} and a multiple of 'image.patch', which is {Image.Patch}");
        InRange("image.depth", Image.Depth, 1, 64);
        InRange("image.heads", Image.Heads, 1, 1024);
        InRange("image.width", Image.Width, 1, MostWidth);
        Require(Image.Width % Image.Heads == 0, $"'image.width' is {Image.Width}, it must be a multiple of 'image.heads', which is {Image.Heads}");
        InRange("dimension", Dimension, 1, MostWidth);
        InRange("augmentation.shift", Augmentation.Shift, 0, Size - 1);
        Training.Validate("training", 3L * Size * Size);
        InRange("training.batch", Training.Batch, 2, MostBatch); // an image learns by the captions of others
        Require(Enum.IsDefined(Model.Precision), $"'model.precision' is {Model.Precision}, it must be float32 or float16");
        Checkpoint.Validate();
        Require(
            !Taken.Contains(Name, StringComparer.OrdinalIgnoreCase) && Encoding.UTF8.GetByteCount(Name) <= MostName,
            $"'name' is '{Name}', it must have at most {MostName} bytes and not be {string.Join(", ", Taken)}, which are names of other files in the encoder's folder");
        Checked("name", () => Spec("weights", new string('0', 64)).Validate());
    }
}

/// <summary>The image tower, a vision transformer of CLIP's kind.</summary>
public sealed record RecipeImageTower
{
    /// <summary>Side of a patch in pixels. Default 8: 64 patches of 64 x 64 pixels.</summary>
    public int Patch { get; init; } = 8;

    /// <summary>Values of a token, 1 to 65536. Default 128.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Blocks, 1 to 64. Default 4: small images of single things need few.</summary>
    public int Depth { get; init; } = 4;

    /// <summary>Heads, a divisor of the width. Default 4: 32 values each.</summary>
    public int Heads { get; init; } = 4;
}

/// <summary>How images are changed before they are shown, so that few of them say more.</summary>
public sealed record RecipeAugmentation
{
    /// <summary>Whether every second one, at random, is shown as in a mirror. Default true: captions seldom tell left from right.</summary>
    public bool Flip { get; init; } = true;

    /// <summary>Pixels that one is moved at most, along each axis, less than the size; what comes in repeats the edge. Default 4.</summary>
    public int Shift { get; init; } = 4;
}
