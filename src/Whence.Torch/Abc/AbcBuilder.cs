using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Whence.Datasets.Abc;
using Whence.Datasets.Prompts;
using Whence.Files;
using Whence.Images;
using Whence.Torch.Customization;
using Whence.Torch.Diffusion;

namespace Whence.Torch.Abc;

/// <summary>How far the building of a data set is.</summary>
/// <param name="Done">Models that are whole, of those that this run makes or has found.</param>
/// <param name="Models">Models of this run.</param>
/// <param name="Made">Models that this run has made.</param>
/// <param name="Customizing">Seconds that it customized.</param>
/// <param name="Sampling">Seconds that it drew.</param>
public readonly record struct AbcProgress(int Done, int Models, int Made, double Customizing, double Sampling);

/// <summary>
/// Builds a data set for Attribution by Customization (section 3 of the paper): customizes a model on each choice of exemplars, and draws with it. What is there already is kept, so that a run that
/// was interrupted, or killed, goes on; a model is made whole or not at all.
/// </summary>
public sealed class AbcBuilder
{
    private const string ExemplarsName = "exemplars", SamplesName = "samples", ConceptName = "concept.safetensors";

    private readonly AbcPlan _plan;
    private readonly string _base, _folder;

    /// <summary>A data set that is begun, or goes on.</summary>
    /// <param name="plan">What is made.</param>
    /// <param name="model">Folder of the model that is customized.</param>
    /// <param name="folder">Where the data set is written.</param>
    public AbcBuilder(AbcPlan plan, string model, string folder)
    {
        ArgumentNullException.ThrowIfNull(plan);
        (_plan, _base, _folder) = (plan, model, folder);
    }

    private AbcRecipe Recipe => _plan.Recipe;

    /// <summary>Makes the models that are not there; when all of the plan are, the lists of test cases and the manifest too.</summary>
    /// <param name="shard">Which part of the models, from 0: each whose number leaves this remainder.</param>
    /// <param name="shards">Parts in all, at least 1.</param>
    /// <param name="progress">Told after each model; null for nobody.</param>
    /// <param name="cancellation">Stops within a model, which is made anew the next time.</param>
    /// <returns>The names of the lists; none where models of other parts are missing.</returns>
    /// <exception cref="WhenceException">The folder holds another data set, another process writes it, or a model cannot be made.</exception>
    public IReadOnlyList<string> Build(int shard = 0, int shards = 1, IProgress<AbcProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, shards);
        Directory.CreateDirectory(_folder);
        using var held = FolderLock.Acquire(_folder, AbcFolder.LockName, "data set");
        using (var model = Open())
        {
            CheckPrompts(model);
            AbcFolder.Begin(_folder, AbcFolder.HeaderOf(_plan, $"{model.WeightsSha256()} {JsonSerializer.Serialize(model.Scheduler, RecipeJson.Options)}"));
        }

        AbcModel[] own = [.. _plan.Models.Where((_, i) => i % shards == shard)];
        var state = new AbcProgress(own.Count(IsThere), own.Length, 0, 0, 0);
        progress?.Report(state);
        foreach (var model in own.Where(model => !IsThere(model)))
        {
            var (customizing, sampling) = Make(model, cancellation);
            state = new(state.Done + 1, state.Models, state.Made + 1, state.Customizing + customizing, state.Sampling + sampling);
            progress?.Report(state);
        }

        return _plan.Models.All(IsThere) ? AbcFolder.End(_folder, _plan.Models.Select(m => m.Id)) : [];
    }

    /// <summary>How many models of a part are not there.</summary>
    internal int Missing(int shard, int shards) => _plan.Models.Where((model, i) => i % shards == shard && !IsThere(model)).Count();

    // Its images name it as the recipe does, wherever it lies.
    private DiffusionModel Open()
    {
        var model = DiffusionModel.Open(_base);
        model.Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Recipe.Model));
        return model;
    }

    // What is beyond a model's context is cut off: an image without the concept would be listed as one of it.
    private void CheckPrompts(DiffusionModel model)
    {
        var (tokenizer, token) = (model.Tokenizer.AddTokens([PromptTemplate.Token]), model.Tokenizer.VocabularySize);
        var prompts = _plan.Models.SelectMany(m => m.Samples.Select(s => s.Prompt).Prepend(m.Prompt)).Distinct(StringComparer.Ordinal);
        if (prompts.FirstOrDefault(prompt => !tokenizer.Encode(prompt).Ids.Contains(token)) is { } without)
        {
            throw new WhenceException($"The prompt '{without}' does not hold {PromptTemplate.Token} within the model's {tokenizer.ContextLength} tokens; shorten it in '{Recipe.Prompts}' or in the recipe, or take the category out.");
        }
    }

    private bool IsThere(AbcModel model) => AbcRecord.IsThere(_folder, model.Id);

    private (double Customizing, double Sampling) Make(AbcModel model, CancellationToken cancellation)
    {
        var folder = AbcRecord.FolderOf(model.Id);
        if (Directory.Exists(In(folder)))
        {
            Directory.Delete(In(folder), recursive: true); // what an interruption has left
        }

        var clock = Stopwatch.StartNew();
        AbcExemplarRecord[] exemplars = [.. model.Exemplars.Select((image, i) => Exemplar(folder, image, i))];
        using var network = Open();
        var concept = new CustomizationConcept { Exemplars = [.. exemplars.Select(e => In(e.Path))], Prompt = model.Prompt };
        var losses = new Losses();
        var trained = new CustomDiffusionTrainer(network, [concept], Customization(Recipe, model.Seed)).Train(progress: losses, cancellation: cancellation);
        var kept = Recipe.Customization.Keep ? $"{folder}/{ConceptName}" : null;
        if (kept is not null)
        {
            trained.Save(In(kept));
        }

        var customizing = clock.Elapsed.TotalSeconds;
        var samples = Draw(folder, network, model, cancellation);
        new AbcRecord
        {
            Id = model.Id,
            Set = model.Set,
            Kind = model.Kind,
            Split = model.Split,
            Category = model.Category,
            Group = model.Group,
            Prompt = model.Prompt,
            Seed = model.Seed,
            Loss = losses.Last,
            Exemplars = exemplars,
            Samples = samples,
            Concept = kept is null ? null : new AbcFileRecord(kept, Checksum.Of(In(kept))),
        }.Save(_folder);
        return (customizing, clock.Elapsed.TotalSeconds - customizing);
    }

    private AbcExemplarRecord Exemplar(string folder, AbcImage image, int number)
    {
        var bytes = ImageSources.ReadAsync(image.Source, DecodeLimits.Default.MaxFileBytes, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        var extension = ImageFile.HasImageName(image.Source) ? Path.GetExtension(image.Source).ToLowerInvariant() : ".img";
        var path = string.Create(CultureInfo.InvariantCulture, $"{folder}/{ExemplarsName}/{number:D2}{extension}");
        Directory.CreateDirectory(Path.GetDirectoryName(In(path))!);
        AtomicFile.Write(In(path), stream => stream.Write(bytes));
        return new AbcExemplarRecord(path, image.Name, Checksum.Of(In(path)), image.Caption);
    }

    private AbcSampleRecord[] Draw(string folder, DiffusionModel network, AbcModel model, CancellationToken cancellation)
    {
        var generator = new ImageGenerator(network, Sampling(Recipe, network));
        GenerationRequest[] requests = [.. model.Samples.Select(sample => new GenerationRequest { Prompt = sample.Prompt, Seed = sample.Seed })];
        var records = new List<AbcSampleRecord>();
        Directory.CreateDirectory(Path.Combine(In(folder), SamplesName));
        foreach (var (sample, image) in model.Samples.Zip(generator.Generate(requests, cancellation: cancellation)))
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"{folder}/{SamplesName}/{sample.Type}-{records.Count(r => r.Type == sample.Type):D3}.png");
            generator.Describe(image.Request).Save(image.Image, In(path));
            records.Add(new AbcSampleRecord(path, sample.Type, sample.Prompt, sample.Seed, Checksum.Of(In(path))));
        }

        return [.. records];
    }

    /// <summary>How a model of a recipe is customized.</summary>
    internal static CustomDiffusionOptions Customization(AbcRecipe recipe, long seed) => new()
    {
        Steps = recipe.Customization.Steps,
        Batch = recipe.Customization.Batch,
        LearningRate = recipe.Customization.LearningRate,
        Augmentation = recipe.Customization.Augment ? new() : ExemplarAugmentation.None,
        Seed = seed,
    };

    /// <summary>How models of a recipe draw.</summary>
    internal static GenerationOptions Sampling(AbcRecipe recipe, DiffusionModel network) => new()
    {
        Steps = recipe.Sampling.Steps,
        Guidance = recipe.Sampling.Guidance,
        Eta = recipe.Sampling.Eta,
        Scheduler = network.Scheduler.As(SchedulerKind.Ddim),
        Batch = recipe.Sampling.Batch,
        Exact = false, // the same images are always drawn beside each other
    };

    private string In(string path) => Path.Combine(_folder, path);

    /// <summary>The mean loss of the last tenth of the steps.</summary>
    private sealed class Losses : IProgress<CustomizationProgress>
    {
        private double _sum;
        private int _count;

        public double Last => _sum / Math.Max(1, _count);

        public void Report(CustomizationProgress value)
        {
            if (value.Step > value.Steps - Math.Max(1, value.Steps / 10))
            {
                _sum += value.Loss;
                _count++;
            }
        }
    }
}
