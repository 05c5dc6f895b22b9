using Whence.Datasets;
using Whence.Encoders;
using Whence.Evaluation;
using Whence.Images;
using Whence.Search;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;

namespace Whence.Torch.Study;

/// <summary>The files of a space: where they are, where those lie that images become, and whether they fit together.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="space">The space.</param>
/// <param name="root">The recipe's folder.</param>
/// <param name="folder">The space's folder.</param>
/// <param name="running">How encoders are run.</param>
/// <param name="captions">Of the images of test cases (<see cref="StudySources.Captions"/>).</param>
internal sealed class SpaceFiles(StudyRecipe recipe, StudySpace space, string root, string folder, ImageEncoderOptions running, MetadataTable? captions)
{
    private bool _captioned;

    /// <summary>The space's folder.</summary>
    public string Folder => folder;

    /// <summary>Where mappers are calibrated on; empty for no calibration.</summary>
    public IReadOnlyList<string> Calibration => space.Calibration.Count > 0 ? space.Calibration : space.Validation;

    /// <summary>The distractors, as features or an index.</summary>
    public string Distractors => DistractorsAreImages ? Path.Combine(folder, "distractors", "features", "distractors.safetensors") : Full(space.Distractors);

    /// <summary>Whether distractors must become features first.</summary>
    public bool DistractorsAreImages => SourceNames.AreImages(Full(space.Distractors));

    /// <summary>Test cases of images, each with the views that are wanted of it (null for none).</summary>
    public IReadOnlyList<(string Given, Augmentation? Views)> Images => [.. All().Where(f => SourceNames.IsTestCaseOfImages(f.Given)).Distinct()];

    /// <summary>What a path of the recipe stands for.</summary>
    public string Full(string given) => Path.GetFullPath(given, root);

    /// <summary>The features of a file of the recipe, there already or to be made.</summary>
    public string Features(string given, Augmentation? views = null)
    {
        if (!SourceNames.IsTestCaseOfImages(given))
        {
            return Full(given);
        }

        var name = TestCase.NameOf(given);
        return Path.Combine(folder, "features", views is { } which ? $"{name}.{which.ToString().ToLowerInvariant()}" : name, $"{name}.safetensors");
    }

    /// <summary>The features that a variant learns from.</summary>
    public IEnumerable<(string Given, string Path)> TrainedWith(StudyVariant variant) => space.FilesOf(variant).Select(given => (given, Features(given, ViewsOf(variant))));

    /// <summary>The features of files that are not learned from.</summary>
    public IEnumerable<(string Given, string Path)> Plain(IEnumerable<string> given) => given.Select(g => (g, Features(g)));

    /// <summary>Options of an extraction.</summary>
    public FeatureExtractionOptions Extraction(Augmentation? views, int threads) => new()
    {
        Views = views is null ? 0 : recipe.Extraction.Views,
        Augmentation = views ?? Augmentation.Mild,
        Seed = views is null ? 0 : recipe.Extraction.Seed,
        Threads = threads,
        Captions = _captioned ? captions : null,
    };

    /// <summary>Options of the extraction of the distractors.</summary>
    public FeatureExtractionOptions DistractorExtraction(int threads) => Extraction(null, threads) with { Captions = null, Where = space.DistractorsWhere is { } where ? MetadataPredicate.Parse(where) : null };

    /// <summary>Folder that relative paths of a test case of images begin at.</summary>
    public string ImagesOf(string given) => recipe.Extraction.Images is { } images ? Full(images) : Path.GetDirectoryName(Full(given))!;

    /// <summary>The encoder of images.</summary>
    /// <exception cref="WhenceException">None is named, or there is none of this name.</exception>
    public IImageEncoder OpenEncoder() => ImageEncoders.Open(new EncoderRegistry().Resolve(space.Encoder switch
    {
        null => throw new WhenceException("names no 'encoder', and there are images that must become features; name one that 'whence encoders list' shows"),
        var file when IsSpec(file) => Full(file),
        var name => name,
    }), running);

    /// <summary>Refuses files that are missing or do not fit together.</summary>
    /// <returns>The encoder's name; null where nobody says.</returns>
    /// <exception cref="WhenceException">Which, and why.</exception>
    public async Task<string?> CheckAsync(int threads, CancellationToken cancellation)
    {
        try
        {
            if (Images.GroupBy(i => Features(i.Given, i.Views), i => i.Given).FirstOrDefault(g => g.Count() > 1)?.ToArray() is [var one, var another, ..])
            {
                throw new WhenceException($"'{one}' and '{another}' have one name, which their features are called after; give one of them another");
            }

            if (space.DistractorsWhere is not null && !DistractorsAreImages)
            {
                throw new WhenceException($"'distractorsWhere' chooses among images, and '{space.Distractors}' is features already; take it away");
            }

            using var encoder = Images.Count > 0 || DistractorsAreImages ? OpenEncoder() : null;
            _captioned = encoder is ICaptionedImageEncoder;
            var first = await DistractorFactsAsync(encoder, threads, cancellation);
            var name = encoder?.Spec.Name ?? (space.Encoder is { } given && IsSpec(given) ? EncoderSpec.Load(Full(given)).Name : space.Encoder) ?? first.Encoder;
            var loaded = new Dictionary<string, TrainingFeatures>(StringComparer.Ordinal);
            foreach (var (file, views) in All().Distinct())
            {
                cancellation.ThrowIfCancellationRequested();
                var facts = SourceNames.IsTestCaseOfImages(file) ? OfImages(file, views, encoder!, threads) : OfFeatures(file, loaded);
                if (facts.Dimension != first.Dimension)
                {
                    throw new WhenceException($"'{file}' has features of {facts.Dimension} values, the distractors '{space.Distractors}' of {first.Dimension}; all must come from one encoder");
                }

                name ??= facts.Encoder;
                foreach (var (other, maker) in new[] { (file, facts.Encoder), (space.Distractors, first.Encoder) })
                {
                    if (maker is not null && maker != name)
                    {
                        throw new WhenceException($"'{other}' has features of encoder '{maker}', where '{name}' is expected; all must come from one encoder");
                    }
                }

                if (Calibration.Count > 0 && facts.MostExemplars >= recipe.Calibration.Top && (Calibration.Contains(file) || space.Test.Contains(file)))
                {
                    throw new WhenceException($"'{file}' has a model of {facts.MostExemplars} exemplars, no fewer than the {recipe.Calibration.Top} candidates of a query; raise 'calibration.top'");
                }

            }

            Summary.CheckNames([.. space.Test.Select(NameOf)]);
            Summary.CheckNames([.. Calibration.Select(NameOf)]);
            CheckTrainings(loaded, threads);
            return name;
        }
        catch (WhenceException e)
        {
            throw new WhenceException($"space '{space.Label}': {e.Message}", e);
        }

        string NameOf(string file) => Path.GetFileNameWithoutExtension(Features(file));
    }

    // What a training refuses, it refuses at once.
    private void CheckTrainings(Dictionary<string, TrainingFeatures> loaded, int threads)
    {
        foreach (var variant in recipe.Trained(space))
        {
            TrainingFeatures[] features = [.. space.FilesOf(variant).Where(loaded.ContainsKey).Select(f => loaded[f])];
            if (features.Length == space.FilesOf(variant).Count)
            {
                try
                {
                    _ = new MapperTrainer(features, recipe.Options(space, variant, threads));
                }
                catch (WhenceException e)
                {
                    throw new WhenceException($"variant '{variant.Name}': {e.Message}", e);
                }
            }
        }
    }

    private async Task<Facts> DistractorFactsAsync(IImageEncoder? encoder, int threads, CancellationToken cancellation)
    {
        if (DistractorsAreImages)
        {
            await new FeatureExtractor(encoder!, DistractorExtraction(threads)).CheckAsync([Full(space.Distractors)], cancellation);
            return new Facts(encoder!.Spec.Dimension, encoder.Spec.Name, 0);
        }

        if (!Directory.Exists(Distractors))
        {
            using var file = FeatureFile.Open(Distractors);
            return new Facts(file.Columns, file.Encoder, 0);
        }

        var index = FeatureIndex.Open(Distractors);
        return index.Manifest.Normalized && recipe.Trained(space).Count > 0
            ? throw new WhenceException($"the features of index '{space.Distractors}' were normalised before they came there, mappers work on raw ones; make the index from raw features")
            : new Facts(index.Manifest.Dimension, Evaluator.EncoderOf(index), 0);
    }

    private Facts OfImages(string file, Augmentation? views, IImageEncoder encoder, int threads)
    {
        var testCase = TestCase.Load(Full(file));
        new FeatureExtractor(encoder, Extraction(views, threads)).Check(testCase, ImagesOf(file));
        return new Facts(encoder.Spec.Dimension, encoder.Spec.Name, testCase.Models.Max(m => m.Exemplars.Count));
    }

    private Facts OfFeatures(string file, Dictionary<string, TrainingFeatures> loaded)
    {
        var features = TestCaseFeatures.Load(Full(file));
        if (recipe.Trained(space).Any(variant => space.FilesOf(variant).Contains(file)))
        {
            loaded[file] = new TrainingFeatures(features); // no checksum: nothing is trained yet
        }

        return new Facts(features.Dimension, features.Encoder, features.Chunks.Max(c => c.Count));
    }

    private static bool IsSpec(string encoder) => encoder.EndsWith(".json", StringComparison.OrdinalIgnoreCase);

    private Augmentation? ViewsOf(StudyVariant variant) => recipe.Extraction.Views > 0 ? variant.Augment : null;

    private IEnumerable<(string Given, Augmentation? Views)> All() =>
    [
        .. recipe.Trained(space).SelectMany(variant => space.FilesOf(variant).Select(file => (file, SourceNames.IsTestCaseOfImages(file) ? ViewsOf(variant) : null))),
        .. space.Validation.Concat(Calibration).Concat(space.Test).Select(file => (file, (Augmentation?)null)),
    ];

    private sealed record Facts(int Dimension, string? Encoder, int MostExemplars);
}
