using TorchSharp;
using Whence.Datasets;
using Whence.Encoders.Text;
using Whence.Files;
using Whence.Reports;
using Whence.Torch.Training;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders.Training;

/// <summary>
/// Trains an encoder of images and texts from nothing, as a recipe says: a vocabulary from the captions, then CLIP's two towers (Radford et al. 2021). What is kept is the moving average of the
/// weights. With the same recipe, images, machine and number of threads every byte comes out the same, however often it was interrupted.
/// </summary>
public sealed class ImageTextTrainer
{
    private const string StateFormat = "whence-image-text-training", Stage = "encoder", ResultName = "encoder", WeightsName = "model.safetensors";

    private readonly ImageTextRecipe _recipe;
    private readonly CaptionedImages _images;
    private readonly int _threads;
    private readonly ClipTokenizer _tokenizer;
    private byte[]? _file; // that the recipe was read from

    /// <summary>A training that has not begun.</summary>
    /// <param name="recipe">How.</param>
    /// <param name="images">Of the recipe's <see cref="ImageTextRecipe.Size"/>.</param>
    /// <param name="threads">Threads of libtorch; null for one a core. The last bits of what is learned depend on it.</param>
    /// <exception cref="ArgumentException">The images have another size, or there is none.</exception>
    /// <exception cref="WhenceException">A value of the recipe is out of its range, all captions are the same, or the weights are more numbers than one array holds.</exception>
    public ImageTextTrainer(ImageTextRecipe recipe, CaptionedImages images, int? threads = null)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(images);
        if (images.Size != recipe.Size || images.Count == 0)
        {
            throw new ArgumentException($"{images.Count} images of {images.Size} pixels are not what the recipe is for: {recipe.Size} pixels.", nameof(images));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(threads ?? 1, 1);
        recipe.Validate();
        (_recipe, _images, _threads) = (recipe, images, threads ?? Environment.ProcessorCount);
        _tokenizer = recipe.Vocabulary.Learn(images.Captions);
        var captions = _tokenizer.Encode(images.Captions);
        (CutCaptions, LongestCaption) = (captions.Truncated, captions.Tokens.Max());
        RecipeChecks.Require(
            ImageTextTraining.Texts(captions).Distinct().Count() > 1, "all captions are the same, from which nothing can be learned; give images with different ones, or raise 'vocabulary.tokens' where they differ further on");
        var numbers = TrainedWeights.CountOf(() => Network(META));
        RecipeChecks.Require(numbers <= Array.MaxLength, $"the weights are {numbers} numbers, at most {Array.MaxLength} can be held; lower 'image.width', 'text.width' or 'vocabulary.most'");
    }

    /// <summary>Reads a recipe and its images.</summary>
    /// <param name="path">File of the recipe.</param>
    /// <param name="threads">As for the constructor.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="WhenceException">The recipe is wrong, or there are no images to train with.</exception>
    public static async Task<ImageTextTrainer> OpenAsync(string path, int? threads = null, CancellationToken cancellation = default)
    {
        var recipe = ImageTextRecipe.Load(path);
        var file = await File.ReadAllBytesAsync(path, cancellation);
        recipe = recipe with { Images = [.. recipe.Images.Select(source => RecipeImages.Rooted(path, source))], Metadata = recipe.Metadata is { } table ? RecipeImages.Rooted(path, table) : null };
        var images = await RecipeImages.LoadAsync(recipe.Images, recipe.Metadata, recipe.Where, recipe.Size, threads, cancellation);
        return new ImageTextTrainer(recipe, images, threads) { _file = file };
    }

    /// <summary>The images that are trained with.</summary>
    public CaptionedImages Images => _images;

    /// <summary>How it is trained. Where it was read from a file, its paths are absolute.</summary>
    public ImageTextRecipe Recipe => _recipe;

    /// <summary>Captions of more tokens than the recipe's <see cref="RecipeVocabulary.Tokens"/>, of which the encoder sees only the beginning.</summary>
    public int CutCaptions { get; }

    /// <summary>Tokens of the longest caption, start and end included: with so many none is cut.</summary>
    public int LongestCaption { get; }

    /// <summary>Name of the spec of the trained encoder, below a training's folder: what <c>--encoder</c> takes.</summary>
    public string SpecIn(string folder) => Path.Combine(folder, ResultName, _recipe.Name + ".json");

    /// <summary>
    /// Trains, or goes on with a training that was interrupted. The folder receives <c>encoder/</c> with the spec, and both towers and the vocabulary as Hugging Face's CLIPModel has them,
    /// <c>training.csv</c> and a figure of it, the recipe with all its values, and meanwhile the state.
    /// </summary>
    /// <param name="folder">Is made where it is missing.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <param name="cancellation">Stops between steps; what is done is kept.</param>
    /// <returns>What was measured.</returns>
    /// <exception cref="WhenceException">
    /// The folder holds a trained encoder, another training's state or a <c>recipe.json</c> that is not this training's, a file cannot be written, memory does not suffice, or the loss is not finite
    /// any more.
    /// </exception>
    public IReadOnlyList<LossPoint> Train(string folder, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var place = new TrainingFolder(folder, ResultName, StateFormat, StateFile.CheckpointName);
        using var exclusive = place.Acquire();
        var record = new RecipeRecord<ImageTextRecipe>(_recipe, ImageTextRecipe.Load, _file, folder);
        record.RefuseOthers(begun: place.HasState);

        using var network = Network(CPU);
        network.Initialise(_recipe.Seed);
        network.to(_recipe.Training.Type);
        using var training = new ImageTextTraining(_recipe, _images, _tokenizer, network, _threads);
        var weights = TrainedWeights.OfParts(training.Networks.Select(one => (nn.Module[])[one]), _threads);
        var settings = TrainingSettings.Of(
            StateFormat, _recipe, ImageTextRecipe.Defaults, _images.Sha256(), _threads, "size", "seed", "vocabulary", "text", "image", "dimension", "augmentation", "training");
        var loop = new TrainingLoop(Stage, "training", _recipe.Training, weights, folder, _recipe.Checkpoint, _threads, settings, [])
        {
            IsFirst = true,
            Keeping = record.Write,
        };
        if (place.HasState)
        {
            record.Write(); // what does not bear on the state may differ
        }

        loop.Run(training.Backward, progress, cancellation);

        using var trained = Network(CPU);
        weights.CopyAverageTo(trained);
        place.Finish("Training of an encoder of images and texts", loop.Points, path => Save(path, trained));
        return loop.Points;
    }

    private ImageTextNetwork Network(Device device) => new(_recipe.ImageSpec(), _recipe.TextSpec(_tokenizer.VocabularySize), device);

    private void Save(string folder, ImageTextNetwork network)
    {
        Directory.CreateDirectory(folder);
        var weights = Path.Combine(folder, WeightsName);
        SafetensorsFile.Write(weights, network.Save(_recipe.Model.Type));
        ImageTextConfig.Save(Path.Combine(folder, "config.json"), _recipe, _tokenizer);
        _tokenizer.Save(folder);
        _recipe.Spec(WeightsName, Checksum.Of(weights)).Save(Path.Combine(folder, _recipe.Name + ".json"));
    }
}
