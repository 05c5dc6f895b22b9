using System.Diagnostics;
using System.Globalization;
using Whence.Mapping;
using Whence.Reports;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Mapping;

/// <summary>How far a training is.</summary>
/// <param name="Epoch">The epoch at work, from 1.</param>
/// <param name="Epochs">Epochs in all.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Last">What the last whole epoch measured; null before the first.</param>
public readonly record struct TrainingProgress(int Epoch, int Epochs, long Step, long Steps, TrainingEpoch? Last);

/// <summary>What a training made.</summary>
/// <param name="Mappers">The mappers of the best epoch, or of the last one where nothing was validated, with their provenance.</param>
/// <param name="Curve">What each epoch measured, in order; with validation the first is epoch 0, before any training.</param>
public sealed record TrainedMappers(MapperPair Mappers, IReadOnlyList<TrainingEpoch> Curve);

/// <summary>
/// Trains mappers h and h~ on top of features that stay as they are (section 4.2 and appendix C.1 of the paper): every epoch takes one pair of
/// each model, and every step brings the pairs of a batch together and apart from each other's exemplars.
/// </summary>
public sealed class MapperTrainer
{
    private readonly MapperTrainingOptions _options;
    private readonly TrainingValidation? _validation;
    private readonly IReadOnlyList<TrainingFeatures> _features;
    private readonly TrainingSet _set;
    private readonly RecallMeter? _meter;
    private readonly Range[] _batches;

    /// <summary>A training that has not begun.</summary>
    /// <param name="features">Test cases, joined: objects, styles, or both.</param>
    /// <param name="options">Kind of mapper, epochs, ...; null for the paper's.</param>
    /// <param name="validation">What the best epoch is chosen by; null to keep the last one.</param>
    /// <exception cref="WhenceException">The features do not fit together, or are of different encoders.</exception>
    public MapperTrainer(IReadOnlyList<TrainingFeatures> features, MapperTrainingOptions? options = null, TrainingValidation? validation = null)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentOutOfRangeException.ThrowIfZero(features.Count, nameof(features));
        (_features, _options, _validation) = (features, options ?? new(), validation);
        _options.Validate();
        validation?.Validate();
        Encoder = CommonEncoder();
        var holdOut = validation is { TestCases.Count: 0 };
        bool[][] held = [.. features.Select(f =>
            holdOut ? HeldOut.Choose(f.Features, validation!.HoldOut, _options.Seed) : new bool[f.Features.Chunks.Count])];
        _set = new TrainingSet([.. features.Select(f => f.Features)], held, _options.MaskBy);
        _batches = [.. TrainingSet.Batches(_set.Count, _options.Batch)];
        if (validation is not null)
        {
            var cases = holdOut
                ? features.Zip(held, (f, h) => HeldOut.Part(f.Features, h)).Where(part => part is not null).Select(part => part!).ToArray()
                : [.. validation.TestCases.Select(t => t.Features)];
            _meter = cases.Length > 0
                ? new RecallMeter(cases, validation, _options.Threads)
                : throw new WhenceException("None of the models held out for validation has a synthesized image; give features to validate with.");
        }
    }

    /// <summary>Name of the encoder whose features are trained on; null where nobody says.</summary>
    public string? Encoder { get; }

    /// <summary>Models that give a pair each epoch.</summary>
    public int Models => _set.Count;

    /// <summary>Models without any synthesized image, which cannot be trained with.</summary>
    public int LeftOut => _set.LeftOut;

    /// <summary>Steps of the whole training.</summary>
    public long Steps => (long)_options.Epochs * _batches.Length;

    /// <summary>Trains, or goes on with a training that was interrupted: the result is the same to the bit, with the same number of threads.</summary>
    /// <param name="name">What to call the mappers in reports.</param>
    /// <param name="checkpoint">
    /// File that keeps the state; where it is there, the training goes on from it. It stays when the training is done. Null for none.
    /// </param>
    /// <param name="checkpointEvery">Least time between two checkpoints, which are written after whole epochs; null for 10 seconds.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <param name="cancellation">Stops between steps; what came after the last checkpoint is lost.</param>
    /// <exception cref="WhenceException">The checkpoint is another training's, a distractor is damaged, or the loss is not finite any more.</exception>
    public TrainedMappers Train(
        string name, string? checkpoint = null, TimeSpan? checkpointEvery = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        set_num_threads(_options.Threads);
        using var mappers = new MapperOptimization(_options, _set.Dimension);
        var (settings, curve, best) = (Settings(), new List<TrainingEpoch>(), (IReadOnlyList<TensorData>)[]);
        if (checkpoint is not null && File.Exists(checkpoint))
        {
            var saved = TrainingCheckpoint.Load(checkpoint, settings);
            mappers.Load(saved.Now, saved.Steps);
            curve.AddRange(saved.Curve);
            best = saved.Best;
        }
        else if (_meter is not null)
        {
            curve.Add(new TrainingEpoch { Epoch = 0, Recall = Measure(mappers, cancellation) });
            best = mappers.Save(withMoments: false);
        }

        var schedule = new CosineSchedule(_options.LearningRate, Steps);
        var sinceCheckpoint = Stopwatch.StartNew();
        for (var epoch = curve.Count == 0 ? 1 : curve[^1].Epoch + 1; epoch <= _options.Epochs; epoch++)
        {
            var measured = Run(mappers, epoch, schedule, curve.LastOrDefault(), progress, cancellation);
            if (_meter is not null && (epoch % _validation!.Every == 0 || epoch == _options.Epochs))
            {
                measured = measured with { Recall = Measure(mappers, cancellation) };
                best = curve.TrueForAll(e => !(e.Recall >= measured.Recall)) ? mappers.Save(withMoments: false) : best;
            }

            curve.Add(measured);
            if (checkpoint is not null && (sinceCheckpoint.Elapsed >= (checkpointEvery ?? TimeSpan.FromSeconds(10)) || epoch == _options.Epochs))
            {
                new TrainingCheckpoint { Settings = settings, Curve = curve, Steps = mappers.Steps, Now = mappers.Save(withMoments: true), Best = best }.Save(checkpoint);
                sinceCheckpoint.Restart();
            }
        }

        return Finish(name, mappers, settings, curve, best);
    }

    /// <summary>
    /// Trains to files: the mappers, the course of the training (<see cref="CurveOf"/>) beside them, and while it works its state
    /// (<see cref="CheckpointOf"/>), which an interrupted training goes on from.
    /// </summary>
    /// <param name="output">File of the mappers.</param>
    /// <param name="checkpointEvery">As for <see cref="Train"/>, as the others are.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="WhenceException">As for <see cref="Train"/>, or a file cannot be written.</exception>
    public TrainedMappers TrainTo(
        string output, TimeSpan? checkpointEvery = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(output);
        var checkpoint = CheckpointOf(output);
        var trained = Train(Path.GetFileName(output), checkpoint, checkpointEvery, progress, cancellation);
        trained.Mappers.Save(output);
        TrainingCurve.Write(CurveOf(output), trained.Curve, _validation?.RecallAt ?? 10);
        File.Delete(checkpoint);
        return trained;
    }

    /// <summary>The state of a training to a file of mappers: <c>NAME.checkpoint.safetensors</c>.</summary>
    public static string CheckpointOf(string output) => Path.ChangeExtension(output, ".checkpoint.safetensors");

    /// <summary>The course of a training to a file of mappers: <c>NAME.training.csv</c>.</summary>
    public static string CurveOf(string output) => Path.ChangeExtension(output, ".training.csv");

    private TrainedMappers Finish(
        string name, MapperOptimization mappers, Dictionary<string, string> settings, List<TrainingEpoch> curve, IReadOnlyList<TensorData> best)
    {
        var kept = curve[^1];
        if (_meter is not null)
        {
            mappers.Load(best, mappers.Steps);
            kept = curve.Where(e => e.Recall is not null).MaxBy(e => e.Recall)!; // of equals the first, as above
        }

        var pair = mappers.ToPair(name);
        return new TrainedMappers(
            new MapperPair(pair.Real, pair.Synth, name, new MapperProvenance
            {
                Encoder = Encoder,
                Features = [.. _features.Select(f => new MapperSource(f.Features.Name, f.Sha256))],
                Options = settings.Where(s => !s.Key.StartsWith("features", StringComparison.Ordinal)).ToDictionary(),
                Epoch = kept.Epoch,
                Recall = kept.Recall,
            }),
            curve);
    }

    private TrainingEpoch Run(
        MapperOptimization mappers, int epoch, CosineSchedule schedule, TrainingEpoch? last, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        var pairs = _set.Draw(_options.Seed, epoch);
        var rate = schedule.At(mappers.Steps);
        var (loss, synthToReal, realToSynth, regularizer) = (0.0, 0.0, 0.0, 0.0);
        foreach (var batch in _batches)
        {
            cancellation.ThrowIfCancellationRequested();
            var losses = Step(mappers, pairs.AsSpan(batch), schedule);
            if (!double.IsFinite(losses.Loss))
            {
                throw new WhenceException(
                    $"The loss became {losses.Loss} in epoch {epoch}; try a lower --learning-rate than {_options.LearningRate} or a higher --temperature than {_options.Temperature}.");
            }

            var share = (double)pairs.AsSpan(batch).Length / pairs.Length;
            loss += share * losses.Loss;
            synthToReal += share * losses.SynthToReal;
            realToSynth += share * losses.RealToSynth;
            regularizer += share * losses.Regularizer;
            progress?.Report(new TrainingProgress(epoch, _options.Epochs, mappers.Steps, Steps, last));
        }

        return new TrainingEpoch
        {
            Epoch = epoch,
            LearningRate = rate,
            Loss = loss,
            SynthToReal = synthToReal,
            RealToSynth = realToSynth,
            Regularizer = regularizer,
        };
    }

    private StepLosses Step(MapperOptimization mappers, ReadOnlySpan<Pair> pairs, CosineSchedule schedule)
    {
        using var scope = NewDisposeScope();
        var (real, synth) = (empty(pairs.Length, _set.Dimension), empty(pairs.Length, _set.Dimension));
        _set.Gather(pairs, TensorValues.Of(real), TensorValues.Of(synth));
        var groups = _options.MaskBy is null ? [] : new int[pairs.Length];
        for (var i = 0; i < groups.Length; i++)
        {
            groups[i] = pairs[i].Group;
        }

        return mappers.Step(real, synth, groups, schedule.At(mappers.Steps));
    }

    private double Measure(MapperOptimization mappers, CancellationToken cancellation) => _meter!.Recall(mappers.ToPair("in training"), cancellation);

    private string? CommonEncoder()
    {
        var known = _features.Concat(_validation?.TestCases ?? []).Where(f => f.Features.Encoder is not null).ToArray();
        if (known.FirstOrDefault(f => f.Features.Encoder != known[0].Features.Encoder) is { } other)
        {
            throw new WhenceException(
                $"test case '{other.Features.Name}': its features were made by encoder '{other.Features.Encoder}', those of '{known[0].Features.Name}' by '{known[0].Features.Encoder}'; a mapper belongs to one encoder.");
        }

        return known is [var first, ..] ? first.Features.Encoder : null;
    }

    /// <summary>All that the result follows from.</summary>
    private Dictionary<string, string> Settings()
    {
        var settings = new Dictionary<string, string>
        {
            ["kind"] = _options.Kind.ToString().ToLowerInvariant(),
            ["dimension"] = Text(_set.Dimension),
            ["models"] = Text(_set.Count),
            ["temperature"] = Text(_options.Temperature),
            ["regularizer"] = Text(_options.EffectiveRegularizer),
            ["epochs"] = Text(_options.Epochs),
            ["batch"] = Text(_options.Batch),
            ["learningRate"] = Text(_options.LearningRate),
            ["seed"] = Text(_options.Seed),
            ["features"] = Names(_features),
        };
        if (_options.Kind == MapperKind.Mlp)
        {
            settings["hidden"] = Text(_options.HiddenDimension);
            settings["output"] = Text(_options.OutputDimension);
        }

        if (_options.MaskBy is { } column)
        {
            settings["maskBy"] = column;
        }

        if (_validation is { } validation)
        {
            settings["validation"] = validation.TestCases.Count > 0 ? Names(validation.TestCases) : $"{Text(validation.HoldOut)} of the models";
            settings["validationEvery"] = Text(validation.Every);
            settings["recallAt"] = Text(validation.RecallAt);
            settings["validationDistractors"] = Text(validation.MostDistractors);
            settings["validationQueries"] = Text(validation.MostQueries);
            settings["distractors"] = validation.DistractorsKey();
        }

        return settings;

        static string Text<T>(T value) where T : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);
        static string Names(IEnumerable<TrainingFeatures> files) => string.Join(", ", files.Select(f => $"{f.Features.Name} {f.Sha256}".TrimEnd()));
    }
}
