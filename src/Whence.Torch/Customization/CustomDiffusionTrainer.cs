using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Whence.Encoders.Text;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Torch.Customization;

/// <summary>How far a customization is.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">Of the exemplars, in the last step; see <see cref="CustomDiffusionOptions.MaskedLoss"/> for its scale.</param>
/// <param name="PriorLoss">Of the regularisation images; 0 without.</param>
/// <param name="GradientNorm">Before clipping.</param>
public readonly record struct CustomizationProgress(int Step, int Steps, double Loss, double PriorLoss, double GradientNorm);

/// <summary>
/// Customizes a diffusion model to concepts by a few exemplars of each (Custom Diffusion, Kumari et al. 2023), as the paper does to make images whose exemplars are known
/// (section 3). Several concepts are trained together, each with a token of its own, and all tokens learn: the authors' loop leaves the last one at its beginning by
/// a slip, which is not repeated.
/// </summary>
public sealed class CustomDiffusionTrainer
{
    private readonly DiffusionModel _model;
    private readonly CustomDiffusionOptions _options;
    private readonly IReadOnlyList<CustomizationConcept> _concepts;
    private readonly RegularizationImages? _prior;
    private readonly ClipTokenizer _tokenizer;
    private readonly NoiseSchedule _schedule;
    private readonly CustomizationImages _images;
    private readonly int[] _initial;
    private readonly string[] _tokens;
    private bool _done;

    /// <summary>A training that has not begun: everything that can be wrong with what is given is found here.</summary>
    /// <param name="model">The model. Training customizes it in place.</param>
    /// <param name="concepts">At least one, each with another token.</param>
    /// <param name="options">The recipe; null for the authors'.</param>
    /// <param name="prior">Regularisation images; null, as in the paper, for none.</param>
    /// <exception cref="WhenceException">A picture cannot be read, a token is taken, a prompt lacks its token or is too long, or sizes do not fit the model.</exception>
    public CustomDiffusionTrainer(
        DiffusionModel model, IReadOnlyList<CustomizationConcept> concepts, CustomDiffusionOptions? options = null, RegularizationImages? prior = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(concepts);
        ArgumentOutOfRangeException.ThrowIfZero(concepts.Count, nameof(concepts));
        (_model, _options, _concepts, _prior) = (model, options ?? new(), concepts, prior);
        _options.Validate();
        CheckFiles(concepts, prior);
        _tokens = [.. concepts.Select(concept => concept.Token)];
        CheckTokens();
        _tokenizer = model.Tokenizer.AddTokens(_tokens);
        _initial = [.. concepts.Select((concept, i) => concept.Initializer is { } word ? RareTokens.Of(model.Tokenizer, word) : RareTokens.Rare(model.Tokenizer, i))];
        CheckPrompts();
        _schedule = new NoiseSchedule(model.Scheduler);
        _images = new CustomizationImages(model, _tokenizer, _options, concepts, prior, _schedule.Count);
    }

    /// <summary>Exemplars of all concepts.</summary>
    public int Exemplars => _concepts.Sum(concept => concept.Exemplars.Count);

    /// <summary>Trains, or goes on with a training that was interrupted: the result is the same to the bit.</summary>
    /// <param name="checkpoint">File that keeps the state; where it is there, the training goes on from it. It stays when the training is done. Null for none.</param>
    /// <param name="checkpointEvery">Steps from one checkpoint to the next, at least 1. Default 25.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <param name="cancellation">Stops within a step; what came after the last checkpoint is lost. The model is left as far as it was trained.</param>
    /// <returns>What was trained. The model has it too.</returns>
    /// <exception cref="WhenceException">The checkpoint is another training's, a picture cannot be read any more, or the loss is not finite any more.</exception>
    public TrainedConcept Train(
        string? checkpoint = null, int checkpointEvery = 25, IProgress<CustomizationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(checkpointEvery, 1);
        if (_done)
        {
            throw new InvalidOperationException("The model is customized already; make another trainer.");
        }

        _done = true;
        TorchRuntime.Use(_options.Threads);
        var first = _model.Tokenizer.VocabularySize;
        int[] ids = [.. Enumerable.Range(first, _tokens.Length)];
        ConceptWeights before, after;
        using (var optimization = new CustomDiffusionOptimization(_model.UNet, _model.TextEncoder, _schedule, _options, ids, InitialRows()))
        {
            before = optimization.ToConcept(_tokens);
            var settings = checkpoint is null ? [] : Settings();
            if (checkpoint is not null && File.Exists(checkpoint))
            {
                var saved = TrainingCheckpoint.Load(checkpoint, settings);
                if (saved.Steps > _options.Steps)
                {
                    throw new WhenceException($"'{checkpoint}': is of step {saved.Steps} of {_options.Steps}, which is damaged; delete it to train anew.");
                }

                optimization.Load(saved.Now, saved.Steps);
            }

            while (optimization.Steps < _options.Steps)
            {
                cancellation.ThrowIfCancellationRequested();
                using var batch = _images.Draw(optimization.Steps);
                var losses = optimization.Step(batch, _images.MicroBatch, cancellation);
                if (checkpoint is not null && (optimization.Steps % checkpointEvery == 0 || optimization.Steps == _options.Steps))
                {
                    new TrainingCheckpoint { Settings = settings, Curve = [], Steps = optimization.Steps, Now = optimization.Save(), Best = [] }.Save(checkpoint);
                }

                progress?.Report(new CustomizationProgress((int)optimization.Steps, _options.Steps, losses.Exemplars, losses.Prior, losses.GradientNorm));
            }

            after = optimization.ToConcept(_tokens);
        }

        _model.Tokenizer = _tokenizer;
        return new TrainedConcept(after, before, _model.UNet.Spec);
    }

    /// <summary>The state of a training to a file of a concept: <c>NAME.checkpoint.safetensors</c>.</summary>
    public static string CheckpointOf(string output) => Path.ChangeExtension(output, ".checkpoint.safetensors");

    private static void CheckFiles(IReadOnlyList<CustomizationConcept> concepts, RegularizationImages? prior)
    {
        if (concepts.FirstOrDefault(concept => concept.Exemplars.Count == 0) is { } none)
        {
            throw new WhenceException($"The concept '{none.Token}' has no exemplar; give at least one image of it.");
        }

        if (concepts.FirstOrDefault(concept => concept.Prompts.Count != 1 && concept.Prompts.Count != concept.Exemplars.Count) is { } uneven)
        {
            throw new WhenceException($"The concept '{uneven.Token}' has {uneven.Exemplars.Count} exemplars and {uneven.Prompts.Count} prompts; give a prompt for all, or one for each.");
        }

        if (prior is not null && (prior.Images.Count == 0 || (prior.Captions.Count != 1 && prior.Captions.Count != prior.Images.Count)))
        {
            throw new WhenceException($"There are {prior.Images.Count} regularisation images and {prior.Captions.Count} captions; give a caption for all, or one for each.");
        }
    }

    private void CheckTokens()
    {
        if (ConceptWeights.Problem([.. _tokens.Select(token => new ConceptToken(token, [0]))]) is { } problem)
        {
            throw new WhenceException($"{char.ToUpperInvariant(problem[0])}{problem[1..]}; choose tokens such as '<new1>' and '<new2>'.");
        }
    }

    // A prompt that is cut would lose its token, and what has no token teaches none.
    private void CheckPrompts()
    {
        foreach (var (concept, prompt) in _concepts.SelectMany(concept => concept.Prompts.Select(prompt => (concept, prompt))))
        {
            var id = _model.Tokenizer.VocabularySize + Array.IndexOf(_tokens, concept.Token);
            var longest = _options.Augmentation.SmallPrefixes.Concat(_options.Augmentation.ZoomPrefixes).Append("").Select(prefix => _tokenizer.Encode($"{prefix} {prompt}")).ToArray();
            if (longest.FirstOrDefault(encoded => !encoded.Ids.Contains(id)) is { } without)
            {
                throw new WhenceException($"The prompt '{prompt}' does not hold the token '{concept.Token}' within {_tokenizer.ContextLength} tokens; write it into the prompt, or shorten it.");
            }
        }
    }

    private float[] InitialRows()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var rows = _model.TextEncoder.Tokens.index_select(0, tensor(_initial, dtype: ScalarType.Int64).to(_model.Device));
        return TensorValues.Of(rows.to(ScalarType.Float32, CPU).contiguous()).ToArray();
    }

    /// <summary>All that the result follows from.</summary>
    private Dictionary<string, string> Settings()
    {
        var augmentation = _options.Augmentation;
        var settings = new Dictionary<string, string>
        {
            ["steps"] = Text(_options.Steps),
            ["batch"] = Text(_options.Batch),
            ["learningRate"] = Text(_options.LearningRate),
            ["weightDecay"] = Text(_options.WeightDecay),
            ["maxGradientNorm"] = _options.MaxGradientNorm is { } norm ? Text(norm) : "none",
            ["train"] = FormattableString.Invariant($"queries {_options.TrainQueries}, first token detached {_options.DetachFirstToken}, masked {_options.MaskedLoss}, all tokens decay {_options.DecayAllTokens}"),
            ["augmentation"] = string.Create(CultureInfo.InvariantCulture, $"flip {augmentation.FlipChance}, small {augmentation.SmallChance} from {augmentation.SmallFrom}, pasted below {augmentation.PasteBelow} with margin {augmentation.Margin}, zoom {augmentation.ZoomFrom} to {augmentation.ZoomTo}, crop {augmentation.CenterCrop}, {augmentation.Interpolation}, upright {_options.AutoOrient}"),
            ["prefixes"] = string.Join(", ", augmentation.SmallPrefixes.Append("|").Concat(augmentation.ZoomPrefixes)),
            ["imageSize"] = Text(_images.Side),
            ["microBatch"] = Text(_images.MicroBatch),
            ["checkpointing"] = FormattableString.Invariant($"{_options.Checkpointing}"),
            ["seed"] = Text(_options.Seed),
            ["threads"] = Text(_options.Threads),
            ["concepts"] = string.Join(", ", _concepts.Zip(_initial, (concept, id) => FormattableString.Invariant($"{concept.Token} from {id}: {string.Join("; ", concept.Prompts)} ({concept.Exemplars.Count})"))),
            ["prior"] = _prior is null ? "none" : FormattableString.Invariant($"{_prior.Images.Count}, weight {_options.PriorWeight}: {string.Join(", ", _prior.Captions)}"),
            ["images"] = Hash(_images.Sha256.Select(sum => MemoryMarshal.AsBytes(sum.AsSpan()).ToArray())),
            ["noise"] = Hash([MemoryMarshal.AsBytes(_schedule.Betas.ToArray().AsSpan()).ToArray()]) + " " + _model.Scheduler.Prediction,
            ["device"] = _model.Device.ToString(),
            ["model"] = _model.WeightsSha256(),
        };
        return settings;

        static string Text<T>(T value) where T : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);

        static string Hash(IEnumerable<byte[]> parts)
        {
            var hash = new XxHash3();
            foreach (var part in parts)
            {
                hash.Append(part);
            }

            return Convert.ToHexStringLower(hash.GetCurrentHash());
        }
    }
}
