using System.Globalization;
using System.Text;
using Whence.Calibration;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Files;
using Whence.Images;
using Whence.Mapping;
using Whence.Reports;
using Whence.Search;
using Whence.Torch.Mapping;

namespace Whence.Torch.Study;

/// <summary>The steps of a space, from images or features to calibrations.</summary>
internal sealed class SpaceSteps(StudyRecipe recipe, StudySpace space, SpaceFiles files, string? encoder, StudySettings settings, FileChecksums checksums) : IDisposable
{
    /// <summary>What the features as they are are called.</summary>
    public const string Pretrained = "pretrained";

    private DistractorIndex? _distractors;

    /// <summary>The steps in order; what comes between two of them is done where they are asked for.</summary>
    public IEnumerable<StudyStep> All()
    {
        if (files.DistractorsAreImages)
        {
            yield return ExtractDistractors();
        }

        foreach (var (given, views) in files.Images)
        {
            yield return Extract(given, views);
        }

        yield return Evaluate(null);
        if (files.Calibration.Count > 0)
        {
            yield return Calibrate(null);
        }

        foreach (var variant in recipe.Trained(space))
        {
            yield return Train(variant);
            yield return Evaluate(variant);
            if (files.Calibration.Count > 0 && variant.Calibrate)
            {
                yield return Calibrate(variant);
            }

            DropLayout(variant);
        }

        if (HasSheets)
        {
            yield return Sheets(recipe.Trained(space).FirstOrDefault(v => v.PaperMethod() == StudyVariant.Reference && v.Calibrate) ?? recipe.Trained(space).LastOrDefault(v => v.Calibrate));
        }
    }

    /// <summary>Whether there are images to draw.</summary>
    public bool HasSheets => recipe.Sheets > 0 && space.Test.All(SourceNames.IsTestCaseOfImages);

    /// <summary>Folder of the sheets.</summary>
    public string SheetsFolder => Path.Combine(files.Folder, "sheets");

    /// <summary>Folder of a variant's step; of the pretrained features where there is none.</summary>
    public string FolderOf(StudyVariant? variant, string step) => Path.Combine(files.Folder, StudyFolder.FolderName(variant?.Name ?? Pretrained), step);

    /// <summary>A variant's mappers.</summary>
    public string MapperOf(StudyVariant variant) => Path.Combine(FolderOf(variant, "mapper"), StudyFolder.FolderName(variant.Name) + ".safetensors");

    /// <summary>Closes the distractors.</summary>
    public void Dispose() => _distractors?.Dispose();

    private StudyStep ExtractDistractors() => new(
        $"{space.Label}: features of the distractors",
        Path.GetDirectoryName(files.Distractors)!,
        () => Inputs(("images", KeyOfImages(files.DistractorExtraction(settings.Threads), e => e.CheckAsync([files.Full(space.Distractors)]).GetAwaiter().GetResult()))),
        async cancellation =>
        {
            using var model = files.OpenEncoder();
            Tell(await new FeatureExtractor(model, files.DistractorExtraction(settings.Threads)).ExtractAsync(
                [files.Full(space.Distractors)], files.Distractors, settings.Extraction?.Invoke(), cancellation));
        });

    private StudyStep Extract(string given, Augmentation? views) => new(
        $"{space.Label}: features of {Path.GetFileName(given)}{(views is { } which ? $" with {which.ToString().ToLowerInvariant()} views" : "")}",
        Path.GetDirectoryName(files.Features(given, views))!,
        () => Inputs((given, checksums.Of(files.Full(given))), ("images", KeyOfImages(files.Extraction(views, settings.Threads), e => e.Check(TestCase.Load(files.Full(given)), files.ImagesOf(given))))),
        async cancellation =>
        {
            using var model = files.OpenEncoder();
            Tell(await new FeatureExtractor(model, files.Extraction(views, settings.Threads)).ExtractAsync(
                TestCase.Load(files.Full(given)), files.ImagesOf(given), files.Features(given, views), settings.Extraction?.Invoke(), cancellation));
        });

    private StudyStep Train(StudyVariant variant) => new(
        $"{space.Label}, {variant.Name}: train",
        FolderOf(variant, "mapper"),
        () =>
        {
            var options = recipe.Options(space, variant, settings.Threads);
            return Inputs(
            [
                ("distractors", checksums.OfDistractors(files.Distractors)),
                .. Checked("train", files.TrainedWith(variant)),
                .. Checked("validation", files.Plain(space.Validation)),
                ("kind", options.Kind.ToString()),
                ("regularizer", Text(options.EffectiveRegularizer)),
                ("epochs", Text(options.Epochs)),
                ("batch", Text(options.Batch)),
                ("learningRate", Text(options.LearningRate)),
                ("temperature", Text(options.Temperature)),
                ("maskBy", options.MaskBy ?? ""),
                ("seed", Text(options.Seed)),
                ("validated", Invariant($"every {recipe.Validation.Every}, recall@{recipe.Validation.RecallAt}, {recipe.Validation.Distractors} distractors, {recipe.Validation.Queries} queries, {recipe.Validation.HoldOut} held out")),
            ]);
        },
        Sync(cancellation =>
        {
            var validation = new TrainingValidation
            {
                Distractors = Distractors(cancellation),
                TestCases = [.. files.Plain(space.Validation).Select(f => TrainingFeatures.Load(f.Path))],
                Every = recipe.Validation.Every,
                RecallAt = recipe.Validation.RecallAt,
                MostDistractors = recipe.Validation.Distractors,
                MostQueries = recipe.Validation.Queries,
                HoldOut = recipe.Validation.HoldOut,
            };
            var trainer = new MapperTrainer(
                [.. files.TrainedWith(variant).Select(f => TrainingFeatures.Load(f.Path))], recipe.Options(space, variant, settings.Threads), validation);
            trainer.TrainTo(MapperOf(variant), settings.CheckpointEvery, settings.Training?.Invoke(validation.RecallAt), cancellation);
        }));

    private StudyStep Evaluate(StudyVariant? variant)
    {
        var (folder, pretrained) = (FolderOf(variant, "evaluation"), Path.Combine(FolderOf(null, "evaluation"), EvaluationFolder.ResultsFile));
        return new(
            $"{space.Label}, {variant?.Name ?? Pretrained}: evaluate",
            folder,
            () => Inputs(
            [
                ("distractors", checksums.OfDistractors(files.Distractors)),
                ("distractors' name", space.Distractors),
                .. Checked("test", files.Plain(space.Test)),
                .. Mapper(variant),
                .. variant is null ? [] : new[] { (Pretrained, checksums.Of(pretrained)) },
                ("recallAt", string.Join(',', recipe.Evaluation.RecallAt)),
                ("resamples", Text(recipe.Evaluation.Resamples)),
                ("seed", Text(recipe.Evaluation.Seed)),
            ]),
            Sync(cancellation =>
            {
                var options = new EvaluationOptions
                {
                    Mapper = variant is null ? null : MapperPair.Load(MapperOf(variant)),
                    RecallAt = recipe.Evaluation.RecallAt,
                    Resamples = recipe.Evaluation.Resamples,
                    Seed = recipe.Evaluation.Seed,
                    Threads = settings.Threads,
                };
                var testCases = Load(space.Test);
                using var evaluator = new Evaluator(Distractors(cancellation), options, settings.Layout?.Invoke(), cancellation);
                var progress = settings.Evaluation?.Invoke(testCases.Sum(t => t.Prompts.Sum(p => (long)p.Models.Count)));
                var ranks = Array.ConvertAll(testCases, testCase => evaluator.Rank(testCase, progress, cancellation));
                var info = new DistractorInfo(space.Distractors, evaluator.Distractors);
                EvaluationFolder.Write(folder, Summary.Of(ranks, info, options, variant is null ? null : (EvaluationResults.Load(pretrained), Pretrained)), ranks);
            }));
    }

    private StudyStep Calibrate(StudyVariant? variant)
    {
        var folder = FolderOf(variant, "calibration");
        return new(
            $"{space.Label}, {variant?.Name ?? Pretrained}: calibrate",
            folder,
            () => Inputs(
            [
                ("distractors", checksums.OfDistractors(files.Distractors)),
                .. Checked("calibration", files.Plain(files.Calibration)),
                .. Checked("test", files.Plain(space.Test)),
                .. Mapper(variant),
                ("encoder", encoder ?? ""),
                ("queries", Text(recipe.Calibration.Queries)),
                ("top", Text(recipe.Calibration.Top)),
                ("steps", Text(recipe.Calibration.Steps)),
                ("batch", Text(recipe.Calibration.BatchSize)),
                ("learningRate", Text(recipe.Calibration.LearningRate)),
                ("seed", Text(recipe.Calibration.Seed)),
                ("none", recipe.Calibration.None ? "fitted" : ""),
                ("domain", recipe.Calibration.Domain ?? ""),
            ]),
            Sync(cancellation =>
            {
                var run = new CalibrationRun(Distractors(cancellation), Calibration(variant), settings.Calibration?.Invoke());
                var (calibration, similarities) = (Load(files.Calibration), Path.Combine(folder, "similarities"));
                try
                {
                    var (calibrator, steps) = run.Fit(
                        calibration, similarities, [.. calibration.Zip(files.Plain(files.Calibration), (testCase, f) => new CalibrationSource(testCase.Name, checksums.Of(f.Path)))], cancellation);
                    var report = run.Measure(calibrator, Load(space.Test), heldOut: !files.Calibration.Intersect(space.Test).Any(), cancellation);
                    calibrator.Save(Path.Combine(folder, StudyOutcomes.CalibrationFile));
                    CalibrationFolder.Write(folder, calibrator, report, steps);
                }
                catch (NothingToFitException e)
                {
                    // A result, not a fault: the rest of the study goes on.
                    settings.Line?.Invoke($"{space.Label}, {variant?.Name ?? Pretrained}: not calibrated, {e.Message}");
                    AtomicFile.Write(Path.Combine(folder, StudyOutcomes.NotFittedFile), stream => stream.Write(Encoding.UTF8.GetBytes(e.Message + "\n")));
                }

                CalibrationRun.Forget(similarities);
            }));
    }

    // The features as they are beside those of one variant, each with the influences of its own calibration.
    private StudyStep Sheets(StudyVariant? variant)
    {
        StudyVariant?[] shown = variant is null ? [null] : [null, variant];
        return new(
            $"{space.Label}: sheets",
            SheetsFolder,
            () => Inputs(
            [
                ("distractors", checksums.OfDistractors(files.Distractors)),
                .. Checked("test", files.Plain(space.Test)),
                .. Mapper(variant),
                .. shown.Where(IsCalibrated).Select(v => ($"calibration of {v?.Name ?? Pretrained}", checksums.Of(CalibrationOf(v)))),
                ("shown", string.Join(", ", shown.Select(v => v?.Name ?? Pretrained))),
                ("queries", Text(recipe.Sheets)),
                ("seed", Text(recipe.Evaluation.Seed)),
            ]),
            Sync(cancellation =>
            {
                var images = files.Plain(space.Test).ToDictionary(f => f.Path, f => files.ImagesOf(f.Given));
                TestCaseFeatures[] testCases = Load(space.Test);
                var folders = testCases.Zip(images.Values).ToDictionary();
                SheetMethod[] methods = [.. shown.Select(v => new SheetMethod(
                    v is null ? Pretrained : $"tuned: {v.Name}",
                    new Evaluator(Distractors(cancellation), new EvaluationOptions { Mapper = v is null ? null : MapperPair.Load(MapperOf(v)), Threads = settings.Threads }, settings.Layout?.Invoke(), cancellation),
                    IsCalibrated(v) ? Calibrator.Load(CalibrationOf(v)) : Calibrator.Unfitted))];
                try
                {
                    SheetFolder.Draw(SheetsFolder, methods, testCases, recipe.Sheets, recipe.Evaluation.Seed, (testCase, image) => ReadImage(folders[testCase], image), cancellation);
                }
                finally
                {
                    Array.ForEach(methods, method => method.Evaluator.Dispose());
                }

                if (variant is not null)
                {
                    DropLayout(variant);
                }
            }));

        // What an earlier recipe left does not count.
        bool IsCalibrated(StudyVariant? which) => files.Calibration.Count > 0 && File.Exists(CalibrationOf(which));

        string CalibrationOf(StudyVariant? which) => Path.Combine(FolderOf(which, "calibration"), StudyOutcomes.CalibrationFile);
    }

    // Paths of test cases are relative to a folder, those of distractors whole.
    private static byte[]? ReadImage(string folder, string name)
    {
        try
        {
            return ImageSources.ReadAsync(Path.Combine(folder, name), DecodeLimits.Default.MaxFileBytes, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        }
        catch (WhenceException)
        {
            return null; // a field with its name
        }
    }

    private CalibrationOptions Calibration(StudyVariant? variant) => new()
    {
        Mapper = variant is null ? null : MapperPair.Load(MapperOf(variant)),
        Encoder = encoder,
        Queries = recipe.Calibration.Queries,
        Top = recipe.Calibration.Top,
        Seed = recipe.Calibration.Seed,
        None = recipe.Calibration.None,
        Domain = recipe.Calibration.Domain,
        LayoutProgress = settings.Layout?.Invoke(),
        Fit = new CalibrationFitOptions
        {
            Steps = recipe.Calibration.Steps,
            BatchSize = recipe.Calibration.BatchSize,
            LearningRate = recipe.Calibration.LearningRate,
            Threads = settings.Threads,
        },
    };

    private FeatureIndex Distractors(CancellationToken cancellation)
    {
        if (_distractors is null)
        {
            var keep = Path.Combine(files.Folder, "distractors", "index");
            _distractors = DistractorIndex.Open(files.Distractors, keep, settings.Layout?.Invoke(), cancellation);
            foreach (var other in Directory.Exists(keep) ? Directory.GetDirectories(keep) : [])
            {
                if (other != Path.GetFullPath(_distractors.Index.Folder))
                {
                    Directory.Delete(other, recursive: true); // of distractors that are not there any more
                }
            }
        }

        return _distractors.Index;
    }

    // Mapped rows of a million distractors are gigabytes a variant, and wanted for these two steps only.
    private void DropLayout(StudyVariant variant)
    {
        if (_distractors is not null && SearchLayout.FolderOf(_distractors.Index, MapperPair.Load(MapperOf(variant)).Real) is var layout && Directory.Exists(layout))
        {
            Directory.Delete(layout, recursive: true);
        }
    }

    private TestCaseFeatures[] Load(IEnumerable<string> given) => [.. files.Plain(given).Select(f => TestCaseFeatures.Load(f.Path))];

    private string KeyOfImages(FeatureExtractionOptions options, Func<FeatureExtractor, string> key)
    {
        using var model = files.OpenEncoder();
        return key(new FeatureExtractor(model, options));
    }

    private void Tell(ExtractionResult result)
    {
        if (result.Uncaptioned > 0)
        {
            settings.Line?.Invoke($"{space.Label}: {result.Uncaptioned} images have no caption, an empty one stands for it");
        }

        if (result.Unread.Count > 0)
        {
            settings.Line?.Invoke($"{space.Label}: {result.Unread.Count} images cannot be read and are left out, such as {result.Unread[0].Path}: {result.Unread[0].Error}");
        }
    }

    private IEnumerable<(string, string)> Mapper(StudyVariant? variant) => variant is null ? [] : [("mapper", checksums.Of(MapperOf(variant)))];

    private IEnumerable<(string, string)> Checked(string use, IEnumerable<(string Given, string Path)> given) =>
        given.Select((f, i) => (Invariant($"{use} {i + 1}"), $"{f.Given} {checksums.Of(f.Path)}"));

    // Work on another thread, so that an interruption is heard.
    private static Func<CancellationToken, Task> Sync(Action<CancellationToken> work) => cancellation => Task.Run(() => work(cancellation), cancellation);

    private static SortedDictionary<string, string> Inputs(params IEnumerable<(string Name, string Value)> inputs) =>
        new(inputs.ToDictionary(i => i.Name, i => i.Value), StringComparer.Ordinal);

    private static string Text<T>(T value) where T : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
