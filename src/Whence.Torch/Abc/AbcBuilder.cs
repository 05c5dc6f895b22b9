using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using Whence.Datasets.Abc;
using Whence.Datasets.Prompts;
using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Torch.Customization;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;

namespace Whence.Torch.Abc;

/// <summary>How far the building of a data set is.</summary>
/// <param name="Done">Models that are whole, of those that this run makes or has found.</param>
/// <param name="Models">Models of this run.</param>
/// <param name="Made">Models that this run has made.</param>
/// <param name="Customizing">Seconds that it customized, those of each model added up.</param>
/// <param name="Sampling">Seconds that it drew, and checked what was drawn, added up likewise.</param>
/// <param name="AtOnce">Models that are made at once.</param>
/// <param name="Measuring">Whether models that were there are measured anew, by other encoders: of these so many are done.</param>
public readonly record struct AbcProgress(int Done, int Models, int Made, double Customizing, double Sampling, int AtOnce, bool Measuring = false)
{
    /// <summary>Time that the other models take, as many at once, each as long as those that were made; null before one was.</summary>
    public TimeSpan? Left => Made == 0 ? null : TimeSpan.FromSeconds((Customizing + Sampling) / Made * Math.Max((Models - Done) / (double)AtOnce, Models > Done ? 1 : 0));
}

/// <summary>
/// Builds a data set for Attribution by Customization (section 3 of the paper): customizes a model on each choice of exemplars, draws with it, and checks what came of it. What is there already is kept,
/// so that a run that was interrupted, or killed, goes on; a model is made whole or not at all.
/// </summary>
public sealed class AbcBuilder
{
    private const string ExemplarsName = "exemplars", SamplesName = "samples", BeforeName = "before", ConceptName = "concept.safetensors";

    private readonly AbcPlan _plan;
    private readonly string _base, _folder;
    private readonly EncoderDevice _device;

    /// <summary>A data set that is begun, or goes on.</summary>
    /// <param name="plan">What is made.</param>
    /// <param name="model">Folder of the model that is customized.</param>
    /// <param name="folder">Where the data set is written.</param>
    /// <param name="device">Where models are customized and draw; they are checked on the processor.</param>
    public AbcBuilder(AbcPlan plan, string model, string folder, EncoderDevice device = EncoderDevice.Cpu)
    {
        ArgumentNullException.ThrowIfNull(plan);
        (_plan, _base, _folder, _device) = (plan, model, folder, device);
        AtOnce = device == EncoderDevice.Cpu ? Math.Max(1, Environment.ProcessorCount / ThreadsOf(plan.Recipe)) : 1;
    }

    /// <summary>Models that are made at once: as many as there are cores for, on a graphics card one. No bit depends on it.</summary>
    internal int AtOnce { get; init; }

    private AbcRecipe Recipe => _plan.Recipe;

    /// <summary>Makes the models that are not there; when all of the plan are, the lists of test cases and the manifest too.</summary>
    /// <param name="shard">Which part of the models, from 0: each whose number leaves this remainder.</param>
    /// <param name="shards">Parts in all, at least 1.</param>
    /// <param name="progress">Told after each model, by one thread at a time; null for nobody.</param>
    /// <param name="cancellation">Stops within models, which are made anew the next time.</param>
    /// <returns>The names of the lists; none where models of other parts are missing.</returns>
    /// <exception cref="WhenceException">The folder holds another data set, another process writes it, there is no such encoder for the check or no such device, or a model cannot be made: others at work then stop too.</exception>
    public IReadOnlyList<string> Build(int shard = 0, int shards = 1, IProgress<AbcProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, shards);
        Directory.CreateDirectory(_folder);
        using var held = FolderLock.Acquire(_folder, AbcFolder.LockName, "data set");
        using var encoder = Encoder(check => check.Encoder);
        using var styles = Encoder(check => check.StyleEncoder);
        var checker = encoder is null || styles is null ? null : new AbcChecker(encoder, styles);
        AbcHeader header;
        using (var model = Open())
        {
            CheckPrompts(model);
            header = AbcFolder.HeaderOf(
                _plan, $"{model.WeightsSha256()} {JsonSerializer.Serialize(model.Scheduler, RecipeJson.Options)}{(_device == EncoderDevice.Cpu ? "" : " on a graphics card")}", checker?.Specs ?? []);
        }

        if (AbcFolder.Begin(_folder, header, measures: true))
        {
            MeasureAnew(checker!, progress, cancellation); // where there is no check, there are no encoders to be others
            AbcFolder.EndMeasuring(_folder, header);
        }

        MakeAll([.. _plan.Models.Where((_, i) => i % shards == shard)], checker, progress, cancellation);
        return _plan.Models.All(IsThere) ? AbcFolder.End(_folder, _plan.Models.Select(m => m.Id)) : [];
    }

    /// <summary>The models of a part that are not there.</summary>
    internal IEnumerable<AbcModel> Missing(int shard, int shards) => _plan.Models.Where((model, i) => i % shards == shard && !IsThere(model));

    private IImageEncoder? Encoder(Func<AbcCheck, string> name) => Recipe.Check is { } check ? ImageEncoders.Open(new EncoderRegistry().Resolve(name(check))) : null;

    // Its images name it as the recipe does, wherever it lies.
    private DiffusionModel Open()
    {
        var model = DiffusionModel.Open(_base, new DiffusionOptions { Device = _device, Precision = Recipe.Precision });
        model.Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Recipe.Model));
        return model;
    }

    // What is beyond a model's context is cut off: an image without the concept would be listed as one of it.
    private void CheckPrompts(DiffusionModel model)
    {
        if (Recipe.Customization.Initializer is { } word)
        {
            RareTokens.Of(model.Tokenizer, word);
        }

        var (tokenizer, token) = (model.Tokenizer.AddTokens([PromptTemplate.Token]), model.Tokenizer.VocabularySize);
        var prompts = _plan.Models.Where(m => m.Prompt is not null).SelectMany(m => m.Samples.Select(s => s.Prompt).Concat(m.ExemplarPrompts)).Distinct(StringComparer.Ordinal);
        if (prompts.FirstOrDefault(prompt => !tokenizer.Encode(prompt).Ids.Contains(token)) is { } without)
        {
            throw new WhenceException($"The prompt '{without}' does not hold {PromptTemplate.Token} within the model's {tokenizer.ContextLength} tokens; shorten it in '{Recipe.Prompts}' or in the recipe, or take the category out.");
        }
    }

    private bool IsThere(AbcModel model) => AbcRecord.IsThere(_folder, model.Id);

    // As many at once, each on a thread of its own with a base model of its own: libtorch keeps for each thread how many more that one computes with. Encoders may be asked by all of them.
    private void MakeAll(AbcModel[] models, AbcChecker? checker, IProgress<AbcProgress>? progress, CancellationToken cancellation)
    {
        var missing = new ConcurrentQueue<AbcModel>(models.Where(model => !IsThere(model)));
        var state = new AbcProgress(models.Length - missing.Count, models.Length, 0, 0, 0, AtOnce);
        progress?.Report(state);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var (telling, first) = (new Lock(), (Exception?)null);
        Task[] workers = [.. Enumerable.Range(0, Math.Min(AtOnce, missing.Count)).Select(_ => Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        Task.WaitAll(workers, CancellationToken.None);
        if (first is not null)
        {
            ExceptionDispatchInfo.Throw(first);
        }

        void Work()
        {
            try
            {
                while (missing.TryDequeue(out var model))
                {
                    var (customizing, sampling) = Make(model, checker, stop.Token);
                    lock (telling)
                    {
                        state = state with { Done = state.Done + 1, Made = state.Made + 1, Customizing = state.Customizing + customizing, Sampling = state.Sampling + sampling };
                        progress?.Report(state);
                    }
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref first, e, null); // others then fail since they are stopped
                stop.Cancel();
            }
        }
    }

    private (double Customizing, double Sampling) Make(AbcModel model, AbcChecker? checker, CancellationToken cancellation)
    {
        var folder = AbcRecord.FolderOf(model.Id);
        if (Directory.Exists(In(folder)))
        {
            Directory.Delete(In(folder), recursive: true); // what an interruption has left
        }

        var (clock, drawing) = (Stopwatch.StartNew(), new Stopwatch());
        string[] prompts = [.. model.ExemplarPrompts];
        AbcExemplarRecord[] exemplars = [.. model.Exemplars.Select((image, i) => Exemplar(folder, image, i, prompts.Length > 0 && prompts[i] != model.Prompt ? prompts[i] : null))];
        using var network = Open();
        drawing.Start();
        var before = Draw(folder, BeforeName, network, checker is null ? [] : Recipe.Check!.Before(model), sample => sample.Plain!, cancellation);
        drawing.Stop();
        var (loss, concept) = prompts.Length > 0 ? Customize(folder, network, exemplars, prompts, model.Seed, cancellation) : default;
        drawing.Start();
        var record = new AbcRecord
        {
            Id = model.Id,
            Set = model.Set,
            Kind = model.Kind,
            Split = model.Split,
            Category = model.Category,
            Group = model.Group,
            Prompt = model.Prompt,
            Seed = model.Seed,
            Loss = loss,
            Exemplars = exemplars,
            Samples = Draw(folder, SamplesName, network, model.Samples, sample => sample.Prompt, cancellation),
            Before = before.Count > 0 ? before : null,
            Concept = concept,
        };
        (checker is null ? record : Measured(record, model, checker)).Save(_folder);
        drawing.Stop();
        return ((clock.Elapsed - drawing.Elapsed).TotalSeconds, drawing.Elapsed.TotalSeconds);
    }

    private (double? Loss, AbcFileRecord? Concept) Customize(string folder, DiffusionModel network, AbcExemplarRecord[] exemplars, string[] prompts, long seed, CancellationToken cancellation)
    {
        var concept = new CustomizationConcept { Exemplars = [.. exemplars.Select(e => In(e.Path))], Prompts = prompts, Initializer = Recipe.Customization.Initializer };
        var losses = new Losses();
        var trained = new CustomDiffusionTrainer(network, [concept], Customization(Recipe, seed)).Train(progress: losses, cancellation: cancellation);
        if (!Recipe.Customization.Keep)
        {
            return (losses.Last, null);
        }

        var kept = $"{folder}/{ConceptName}";
        trained.Save(In(kept));
        return (losses.Last, new AbcFileRecord(kept, Checksum.Of(In(kept))));
    }

    private AbcExemplarRecord Exemplar(string folder, AbcImage image, int number, string? prompt)
    {
        var bytes = ImageSources.ReadAsync(image.Source, DecodeLimits.Default.MaxFileBytes, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        var extension = ImageFile.HasImageName(image.Source) ? Path.GetExtension(image.Source).ToLowerInvariant() : ".img";
        var path = string.Create(CultureInfo.InvariantCulture, $"{folder}/{ExemplarsName}/{number:D2}{extension}");
        Directory.CreateDirectory(Path.GetDirectoryName(In(path))!);
        AtomicFile.Write(In(path), stream => stream.Write(bytes));
        return new AbcExemplarRecord(path, image.Name, Checksum.Of(In(path)), image.Caption, prompt);
    }

    // By other encoders than before: nothing is drawn anew.
    private void MeasureAnew(AbcChecker checker, IProgress<AbcProgress>? progress, CancellationToken cancellation)
    {
        AbcModel[] models = [.. _plan.Models.Where(IsThere)];
        foreach (var (i, model) in models.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            Measured(Loaded(model), model, checker).Save(_folder);
            progress?.Report(new AbcProgress(i + 1, models.Length, 0, 0, 0, 1, Measuring: true));
        }
    }

    // A stranger may have made it.
    private AbcRecord Loaded(AbcModel model)
    {
        var (record, advice) = (AbcRecord.Load(_folder, model.Id), $"delete the folder '{In(AbcRecord.FolderOf(model.Id))}', and the model is made anew");
        if (record.Exemplars.Count != model.Exemplars.Count || !Same(record.Samples, model.Samples, sample => sample.Prompt) || !Same(record.Before ?? [], Recipe.Check!.Before(model), sample => sample.Plain!))
        {
            throw new WhenceException($"{model.Id}: its record is not of the pictures that the recipe asks for; {advice}.");
        }

        foreach (var file in record.Files)
        {
            Checksum.Check(In(file.Path), file.Sha256, advice);
        }

        return record;

        static bool Same(IEnumerable<AbcSampleRecord> drawn, IEnumerable<AbcSample> asked, Func<AbcSample, string> prompt) =>
            drawn.Select(d => (d.Type, d.Prompt, d.Seed)).SequenceEqual(asked.Select(a => (a.Type, prompt(a), a.Seed)));
    }

    private AbcRecord Measured(AbcRecord record, AbcModel model, AbcChecker checker)
    {
        var (samples, check) = checker.Measure(
            model.Kind, [.. record.Exemplars.Select(exemplar => Picture(exemplar.Path))], Pictures(model.Samples, record.Samples), Pictures(Recipe.Check!.Before(model), record.Before ?? []));
        return record with { Samples = [.. record.Samples.Zip(samples, (sample, measured) => sample with { Similarity = measured.Similarity, Pixels = measured.Pixels })], Check = check };

        AbcPicture[] Pictures(IEnumerable<AbcSample> asked, IEnumerable<AbcSampleRecord> drawn) => [.. asked.Zip(drawn, (sample, file) => new AbcPicture(sample, Picture(file.Path)))];

        RgbImage Picture(string path) => ImageDecoder.Decode(File.ReadAllBytes(In(path)));
    }

    private List<AbcSampleRecord> Draw(
        string folder, string name, DiffusionModel network, IEnumerable<AbcSample> samples, Func<AbcSample, string> prompt, CancellationToken cancellation)
    {
        var generator = new ImageGenerator(network, Sampling(Recipe, network));
        GenerationRequest[] requests = [.. samples.Select(sample => new GenerationRequest { Prompt = prompt(sample), Seed = sample.Seed })];
        var drawn = new List<AbcSampleRecord>();
        foreach (var (sample, image) in samples.Zip(generator.Generate(requests, cancellation: cancellation)))
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"{folder}/{name}/{sample.Type}-{drawn.Count(d => d.Type == sample.Type):D3}.png");
            Directory.CreateDirectory(Path.Combine(In(folder), name));
            generator.Describe(image.Request).Save(image.Image, In(path));
            drawn.Add(new AbcSampleRecord(path, sample.Type, prompt(sample), sample.Seed, Checksum.Of(In(path))));
        }

        return drawn;
    }

    /// <summary>How a model of a recipe is customized.</summary>
    internal static CustomDiffusionOptions Customization(AbcRecipe recipe, long seed) => new()
    {
        Steps = recipe.Customization.Steps,
        Batch = recipe.Customization.Batch,
        LearningRate = recipe.Customization.LearningRate,
        Augmentation = recipe.Customization.Augment ? new() : ExemplarAugmentation.None,
        Seed = seed,
        Threads = ThreadsOf(recipe),
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
        Threads = ThreadsOf(recipe),
    };

    private static int ThreadsOf(AbcRecipe recipe) => recipe.Threads ?? Environment.ProcessorCount;

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
