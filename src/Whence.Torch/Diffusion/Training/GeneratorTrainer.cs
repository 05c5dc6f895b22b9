using System.Text.Json;
using TorchSharp;
using Whence.Datasets;
using Whence.Encoders.Text;
using Whence.Reports;
using Whence.Torch.Mapping;
using Whence.Torch.Training;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion.Training;

/// <summary>
/// Trains a text-to-image model from nothing, as a recipe says: a vocabulary from the captions, then the autoencoder, then the U-Net and the text encoder on its latents. What is kept of
/// each is the moving average of its weights. With the same recipe, images, machine and number of threads every byte comes out the same, however often it was interrupted.
/// </summary>
public sealed class GeneratorTrainer
{
    /// <summary>What is trained first.</summary>
    private const string AutoencoderStage = "autoencoder";

    private const string StateFormat = "whence-generator-training", UNetStage = "unet", MomentsName = "moments", ModelName = "model";

    private readonly GeneratorRecipe _recipe;
    private readonly CaptionedImages _images;
    private readonly string _sha256;
    private readonly int _threads;
    private readonly ClipTokenizer _tokenizer;
    private byte[]? _file; // that the recipe was read from; then the images are this trainer's own

    /// <summary>A training that has not begun.</summary>
    /// <param name="recipe">How.</param>
    /// <param name="images">Of the recipe's <see cref="GeneratorRecipe.Size"/>.</param>
    /// <param name="threads">Threads of libtorch; null for one a core. The last bits of what is learned depend on it.</param>
    /// <exception cref="ArgumentException">The images have another size, or there is none.</exception>
    /// <exception cref="WhenceException">A value of the recipe is out of its range, or the latents or the weights are more numbers than one array holds.</exception>
    public GeneratorTrainer(GeneratorRecipe recipe, CaptionedImages images, int? threads = null)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(images);
        if (images.Size != recipe.Size || images.Count == 0)
        {
            throw new ArgumentException($"{images.Count} images of {images.Size} pixels are not what the recipe is for: {recipe.Size} pixels.", nameof(images));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(threads ?? 1, 1);
        GeneratorLimits.Check(recipe, images.Count);
        (_recipe, _images, _sha256, _threads) = (recipe, images, images.Sha256(), threads ?? Environment.ProcessorCount);
        _tokenizer = recipe.Vocabulary.Learn(images.Captions);
        var captions = _tokenizer.Encode(images.Captions);
        (CutCaptions, LongestCaption) = (captions.Truncated, captions.Tokens.Max());
    }

    /// <summary>Reads a recipe and its images.</summary>
    /// <param name="path">File of the recipe.</param>
    /// <param name="threads">As for the constructor.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="WhenceException">The recipe is wrong, or there are no images to train with.</exception>
    public static async Task<GeneratorTrainer> OpenAsync(string path, int? threads = null, CancellationToken cancellation = default)
    {
        var recipe = GeneratorRecipe.Load(path);
        var file = await File.ReadAllBytesAsync(path, cancellation);
        recipe = recipe with { Images = [.. recipe.Images.Select(source => RecipeImages.Rooted(path, source))], Metadata = recipe.Metadata is { } table ? RecipeImages.Rooted(path, table) : null };
        var images = await RecipeImages.LoadAsync(recipe.Images, recipe.Metadata, recipe.Where, recipe.Size, threads, cancellation);
        return new GeneratorTrainer(recipe, images, threads) { _file = file };
    }

    /// <summary>The images that are trained with. Where the trainer read them itself, their pixels are let go once the U-Net learns from latents.</summary>
    public CaptionedImages Images => _images;

    /// <summary>How it is trained. Where it was read from a file, its paths are absolute.</summary>
    public GeneratorRecipe Recipe => _recipe;

    /// <summary>Captions of more tokens than the recipe's <see cref="RecipeVocabulary.Tokens"/>, of which the model sees only the beginning.</summary>
    public int CutCaptions { get; }

    /// <summary>Tokens of the longest caption, start and end included: with so many none is cut.</summary>
    public int LongestCaption { get; }

    /// <summary>The trained model, below a training's folder.</summary>
    public static string ModelIn(string folder) => Path.Combine(folder, ModelName);

    /// <summary>
    /// Trains, or goes on with a training that was interrupted. The folder receives <c>model/</c> in diffusers' layout, <c>training.csv</c> and a figure of it, the recipe with all its values,
    /// sheets of samples and of reconstructions, and meanwhile the state.
    /// </summary>
    /// <param name="folder">Is made where it is missing.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <param name="cancellation">Stops between steps; what is done is kept.</param>
    /// <returns>What was measured.</returns>
    /// <exception cref="WhenceException">
    /// The folder holds a trained model, another training's state or a <c>recipe.json</c> that is not this training's, a file cannot be written, memory does not suffice, or the loss is not finite
    /// any more.
    /// </exception>
    /// <exception cref="InvalidOperationException">The trainer read its images itself and has trained already: it has no pixels for a second autoencoder.</exception>
    public IReadOnlyList<LossPoint> Train(string folder, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var place = new TrainingFolder(folder, ModelName, StateFormat, StateFile.CheckpointName, StateFile.AutoencoderName);
        using var exclusive = place.Acquire();
        Record(folder).RefuseOthers(begun: place.HasState);
        Directory.CreateDirectory(Path.Combine(folder, "samples"));
        using var model = CreateModel(Path.Combine(folder, StateFile.AutoencoderName), folder, progress, cancellation, out var latents, out var measured);
        if (_file is not null)
        {
            _images.ReleasePixels();
        }

        var points = TrainUNet(model, latents, folder, measured, progress, cancellation);
        place.Finish("Training of a generator", points, path => model.Save(path, _recipe.Model.Type));
        return points;
    }

    private RecipeRecord<GeneratorRecipe> Record(string folder) => new(_recipe, GeneratorRecipe.Load, _file, folder);

    private TrainingSettings Settings(params string[] sections) => TrainingSettings.Of(StateFormat, _recipe, GeneratorRecipe.Defaults, _sha256, _threads, sections);

    /// <summary>The model before its U-Net has learned anything, with the trained autoencoder.</summary>
    private DiffusionModel CreateModel(
        string path, string folder, IProgress<StepProgress>? progress, CancellationToken cancellation, out LatentCache latents, out IReadOnlyList<LossPoint> measured)
    {
        var settings = Settings("size", "seed", "autoencoder");
        if (!File.Exists(path))
        {
            TrainAutoencoder(path, folder, settings, progress, cancellation);
        }

        using var file = SafetensorsFile.Open(path);
        measured = StateFile.State<LossPoint[]>(file, path, AutoencoderStage, settings);
        var side = _recipe.UNetSpec().SampleSize;
        long[] shape = [_images.Count, 2 * _recipe.Autoencoder.LatentChannels, side, side];
        latents = new LatentCache(StateFile.Values(file, path, MomentsName, shape), shape);
        var model = DiffusionModel.Create(
            _recipe.UNetSpec(),
            _recipe.AutoencoderSpec() with { ScalingFactor = latents.ScalingFactor },
            _recipe.TextSpec(_tokenizer.VocabularySize),
            _tokenizer,
            _recipe.Seed);
        try
        {
            model.Scheduler = _recipe.Scheduler();
            using var none = no_grad();
            foreach (var (name, parameter) in model.Autoencoder.named_parameters())
            {
                StateFile.Values(file, path, name, parameter.shape).CopyTo(TensorValues.Of(parameter));
            }

            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private void TrainAutoencoder(string path, string folder, TrainingSettings settings, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        using var network = new Autoencoder(_recipe.AutoencoderSpec(), CPU);
        FirstWeights.Fill(network, _recipe.Seed);
        network.to(_recipe.Autoencoder.Training.Type);
        using var training = new AutoencoderTraining(_recipe, _images, network, _threads);
        var weights = TrainedWeights.OfParts(training.Networks.Select(one => (nn.Module[])[one]), _threads);
        var loop = new TrainingLoop(AutoencoderStage, "autoencoder.training", _recipe.Autoencoder.Training, weights, folder, _recipe.Checkpoint, _threads, settings, [])
        {
            IsFirst = true,
            Keeping = Record(folder).Write, // no sooner: who mends the recipe of a training that failed at once may begin again
        };
        loop.Run(training.Backward, progress, cancellation);

        using var trained = new Autoencoder(_recipe.AutoencoderSpec(), CPU);
        weights.CopyAverageTo(trained);
        using var final = new AutoencoderTraining(_recipe with { Autoencoder = _recipe.Autoencoder with { Training = _recipe.Autoencoder.Training with { Precision = Whence.Encoders.EncoderPrecision.F32 } } }, _images, trained, _threads);
        var (shown, givenBack) = final.Reconstruct(Spread(_images.Count, 24));
        ImageSheet.Draw("reconstructions", "Training images and what the autoencoder gives back", "", [.. shown.Zip(givenBack, (a, b) => new ImageRow("", [a, b]))], columns: 6).Save(folder);
        var (moments, shape) = final.Moments(cancellation);
        SafetensorsFile.Write(
            path,
            [.. ModuleState.Save("", trained), TensorData.FromMatrix(MomentsName, new FeatureMatrix(1, moments.Length, moments), shape)],
            StateFile.Metadata(AutoencoderStage, settings, JsonSerializer.Serialize(loop.Points)));
    }

    private IReadOnlyList<LossPoint> TrainUNet(
        DiffusionModel model, LatentCache latents, string folder, IReadOnlyList<LossPoint> before, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        model.UNet.to(_recipe.UNet.Training.Type);
        model.TextEncoder.to(_recipe.UNet.Training.Type);
        var settings = Settings("size", "seed", "vocabulary", "text", "autoencoder", "unet");
        using var training = new UNetTraining(_recipe, latents, _images.Captions, model, _threads);
        var weights = TrainedWeights.OfParts(training.Networks, _threads);
        var loop = new TrainingLoop(UNetStage, "unet.training", _recipe.UNet.Training, weights, folder, _recipe.Checkpoint, _threads, settings, before);
        Record(folder).Write(); // once the state was found to be this training's
        var samples = new SampleSheets(_recipe, model, _images.Captions, _threads);
        loop.Run(
            training.Backward,
            progress,
            cancellation,
            _recipe.Samples.Every,
            done =>
            {
                weights.Write(weights.Average);
                samples.Draw(done, cancellation).Save(Path.Combine(folder, "samples"));
                weights.Write(weights.Values);
            });
        model.UNet.to(ScalarType.Float32);
        model.TextEncoder.to(ScalarType.Float32);
        weights.CopyAverageTo(model.UNet, model.TextEncoder);
        samples.Draw(_recipe.UNet.Training.Steps, cancellation).Save(Path.Combine(folder, "samples"));
        return loop.Points;
    }

    private static int[] Spread(int count, int most) => [.. Enumerable.Range(0, Math.Min(count, most)).Select(i => (int)((long)i * count / Math.Min(count, most)))];
}
