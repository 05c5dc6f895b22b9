using Whence.Datasets;
using Whence.Evaluation;
using Whence.Files;
using Whence.Images;
using Whence.Reports;
using Whence.Search;
using Whence.Torch.Mapping;

namespace Whence.Torch.Study;

/// <summary>
/// What a study does, as its JSON file says (<c>docs/formats.md</c>): feature spaces, the variants of mappers to train for each, and options. Paths are
/// relative to the file's folder.
/// </summary>
public sealed record StudyRecipe
{
    /// <summary>The version that this build reads.</summary>
    public const int CurrentVersion = 1;

    private const string FormatName = "whence-study";

    /// <summary>Always <c>whence-study</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Version of the format.</summary>
    public required int Version { get; init; }

    /// <summary>Data sets that <c>whence study</c> makes first, in this order; what of them is there stays. Default none.</summary>
    public IReadOnlyList<StudyDataset> Datasets { get; init; } = [];

    /// <summary>What spaces without distractors of their own are made of, as far as they do not say otherwise.</summary>
    public StudySources Sources { get; init; } = new();

    /// <summary>The feature spaces, at least one.</summary>
    public required IReadOnlyList<StudySpace> Spaces { get; init; }

    /// <summary>What to train in each space; null for <see cref="StudyVariant.Paper"/>, as far as every space has the files for it.</summary>
    public IReadOnlyList<StudyVariant>? Variants { get; init; }

    /// <summary>Training, where variants and spaces do not say otherwise.</summary>
    public StudyTraining Training { get; init; } = new();

    /// <summary>What the best epoch is chosen by.</summary>
    public StudyValidation Validation { get; init; } = new();

    /// <summary>Evaluation.</summary>
    public StudyEvaluation Evaluation { get; init; } = new();

    /// <summary>Calibration.</summary>
    public StudyCalibration Calibration { get; init; } = new();

    /// <summary>How images become features.</summary>
    public StudyExtraction Extraction { get; init; } = new();

    /// <summary>Queries of each test case of images that sheets show with what stands first for them, 0 to 600. Default 6.</summary>
    public int Sheets { get; init; } = 6;

    /// <summary>Test cases that figures draw against each other; null for the paper's pairs, or the only two that there are.</summary>
    public IReadOnlyList<StudyPair>? Against { get; init; }

    /// <summary>Reads a recipe.</summary>
    /// <exception cref="WhenceException">Missing, damaged, of another version, with a key that there is none of, or a value out of its range; the message names it.</exception>
    public static StudyRecipe Load(string path) => RecipeJson.Load<StudyRecipe>(path, FormatName, CurrentVersion, recipe => recipe.Joined().Validate()).Joined();

    /// <summary>The variants to train.</summary>
    public IReadOnlyList<StudyVariant> Trained() => Variants ?? [.. StudyVariant.Paper.Where(v => Spaces.All(space => !space.Trains(v) || space.Lacks(v) is null))];

    /// <summary>Those of them that are trained in a space.</summary>
    public IReadOnlyList<StudyVariant> Trained(StudySpace space) => [.. Trained().Where(space.Trains)];

    /// <summary>The options that a variant is trained with in a space.</summary>
    /// <param name="space">The space.</param>
    /// <param name="variant">The variant.</param>
    /// <param name="threads">Threads of libtorch.</param>
    internal MapperTrainingOptions Options(StudySpace space, StudyVariant variant, int threads)
    {
        var options = new MapperTrainingOptions
        {
            Kind = variant.Kind,
            Epochs = variant.Epochs ?? Training.Epochs,
            Batch = variant.Batch ?? space.Batch ?? Training.Batch,
            LearningRate = variant.LearningRate ?? Training.LearningRate,
            Temperature = variant.Temperature ?? Training.Temperature,
            MaskBy = variant.MaskBy ?? Training.MaskBy,
            Seed = variant.Seed ?? Training.Seed,
            Threads = threads,
        };
        return options with { Regularizer = variant.Regularizer ?? options.Regularizer };
    }

    private StudyRecipe Joined() => this with { Spaces = [.. Spaces.Select(space => space.With(Sources))] };

    private void Validate()
    {
        Require(Datasets.All(d => !string.IsNullOrWhiteSpace(d.Emoji ?? d.Build) && (d.Emoji is null) != (d.Build is null) && !string.IsNullOrWhiteSpace(d.Out)), "each entry of 'datasets' needs 'out' and a recipe, 'emoji' or 'build'");
        Require(Spaces.Count > 0, "'spaces' is empty, at least one is needed");
        Names("spaces", Spaces.Select(s => s.Label), ["report"]);
        foreach (var space in Spaces)
        {
            Require(space.Distractors.Length > 0, $"space '{space.Label}' has no 'distractors', neither of its own nor in 'sources'");
            Require(space.Test.Count > 0, $"space '{space.Label}' has no 'test' files, nothing could be evaluated");
            Require(space.Batch is null or >= 2, $"space '{space.Label}': 'batch' is {space.Batch}, it must be at least 2");
            _ = space.DistractorsWhere is { } where ? MetadataPredicate.Parse(where) : null;
            foreach (var variant in Variants ?? [])
            {
                Require(!space.Trains(variant) || space.Lacks(variant) is null, $"variant '{variant.Name}' cannot be trained in space '{space.Label}': {space.Lacks(variant)}");
            }
        }

        Require(Trained().Count > 0 || Variants is not null, "no variant of the paper's can be trained with these files; give 'train' files, or an empty list of 'variants' to evaluate the features as they are");
        Names("variants", Trained().Select(v => v.Name), ["pretrained", "features", "distractors", "sheets"]);
        foreach (var space in Spaces)
        {
            var unknown = space.Variants?.FirstOrDefault(name => !Trained().Any(v => v.Name == name));
            Require(unknown is null, $"space '{space.Label}': no variant '{unknown}' is trained; there are {string.Join(", ", Trained().Select(v => $"'{v.Name}'"))}");
        }

        foreach (var variant in Trained())
        {
            CheckTraining($"variant '{variant.Name}'", variant.Epochs, variant.Batch, variant.LearningRate, variant.Temperature);
            Require(variant.Regularizer is null or (>= 0 and <= double.MaxValue), $"variant '{variant.Name}': 'regularizer' is {variant.Regularizer}, it must be at least 0");
            Require(!(variant.Regularizer > 0) || variant.Kind == MapperKind.Linear, $"variant '{variant.Name}': a regularizer is for linear mappers, others have no square W that could be a rotation");
        }

        CheckTraining("'training'", Training.Epochs, Training.Batch, Training.LearningRate, Training.Temperature);
        Require(Validation.Every >= 1 && Validation.RecallAt >= 1 && Validation.Distractors >= 0 && Validation.Queries >= 0 && Validation.HoldOut is > 0 and < 1, "'validation' has a number out of range");
        string[] tested = [.. Spaces.SelectMany(space => space.Test).Select(test => SourceNames.IsTestCaseOfImages(test) ? TestCase.NameOf(test) : Path.GetFileNameWithoutExtension(test))];
        foreach (var name in (Against ?? []).SelectMany(pair => (string[])[pair.Across, pair.Up]))
        {
            Require(tested.Contains(name), $"'against' names '{name}', which no space is tested with; there are {string.Join(", ", tested.Distinct())}");
        }

        Require(Sheets is >= 0 and <= SheetFolder.MostQueries, $"'sheets' must be from 0 to {SheetFolder.MostQueries}");
        Require(Evaluation.RecallAt.Count > 0 && Evaluation.RecallAt[0] >= 1 && Evaluation.RecallAt.SequenceEqual(Evaluation.RecallAt.Distinct().Order()), "'evaluation.recallAt' must be whole numbers from 1 on, ascending");
        Require(Evaluation.Resamples is >= 1 and <= EvaluationOptions.MostResamples, $"'evaluation.resamples' must be from 1 to {EvaluationOptions.MostResamples}");
        Require(Calibration.Queries >= 1 && Calibration.Steps >= 1 && Calibration.BatchSize >= 1 && Calibration.Top is >= 2 and <= CalibrationOptions.MostTop && Calibration.LearningRate is > 0 and <= 1e6, "'calibration' has a number out of range");
        Require(Calibration.Domain is null || !string.IsNullOrWhiteSpace(Calibration.Domain), "'calibration.domain' is empty; say what images these are, or leave it out");
        Require(Extraction.Views is >= 0 and <= FeatureExtractionOptions.MostViews, $"'extraction.views' must be from 0 to {FeatureExtractionOptions.MostViews}");
    }

    private static void CheckTraining(string where, int? epochs, int? batch, double? rate, double? temperature)
    {
        Require(epochs is null or >= 1, $"{where}: 'epochs' is {epochs}, it must be at least 1");
        Require(batch is null or >= 2, $"{where}: 'batch' is {batch}, it must be at least 2");
        Require(rate is null or (> 0 and <= double.MaxValue), $"{where}: 'learningRate' is {rate}, it must be above 0");
        Require(temperature is null or (> 0 and <= double.MaxValue), $"{where}: 'temperature' is {temperature}, it must be above 0");
    }

    // Each gives its name to a folder.
    private static void Names(string what, IEnumerable<string> names, string[] taken)
    {
        var folders = new HashSet<string>(taken, StringComparer.Ordinal);
        foreach (var name in names)
        {
            var folder = StudyFolder.FolderName(name);
            Require(folder.Length > 0, $"'{what}' has the name '{name}', which has no letter or digit to name a folder after");
            Require(folders.Add(folder), $"'{what}' has the name '{name}', whose folder '{folder}' is taken; give each another");
        }
    }

    private static void Require(bool holds, string problem)
    {
        if (!holds)
        {
            throw new WhenceException(problem);
        }
    }
}

/// <summary>Two test cases that figures draw against each other.</summary>
/// <param name="Across">Name of the test case on the lower axis: objects, or the training's own domain.</param>
/// <param name="Up">Name of that on the left axis.</param>
public sealed record StudyPair(string Across, string Up);

/// <summary>A data set that is made before anything is studied.</summary>
public sealed record StudyDataset
{
    /// <summary>Recipe of <c>whence dataset emoji</c>; null where it is a data set of customized models.</summary>
    public string? Emoji { get; init; }

    /// <summary>Recipe of <c>whence dataset build</c>; null where it is a data set of drawings.</summary>
    public string? Build { get; init; }

    /// <summary>The data set's folder.</summary>
    public required string Out { get; init; }
}

/// <summary>What a feature space is made of: test cases and distractors, as features or as images that become features.</summary>
public record StudySources
{
    /// <summary>Features of the distractors, an index, or images.</summary>
    public string Distractors { get; init; } = "";

    /// <summary>Of distractors that are images: which of them, as a filter over their metadata. Null, the default, for all.</summary>
    public string? DistractorsWhere { get; init; }

    /// <summary>Captions of the images of test cases, for encoders that look at them; others pass it over. A table with a column <c>caption</c>; null, the default, for none.</summary>
    public string? Captions { get; init; }

    /// <summary>What mappers learn from.</summary>
    public StudyFiles Train { get; init; } = new();

    /// <summary>The same with views of strong augmentation; where <see cref="Train"/> is images, these views are made of it.</summary>
    public StudyFiles? TrainStrong { get; init; }

    /// <summary>Models that were not customized (appendix B.5), for <see cref="StudyVariant.Uncustomized"/>.</summary>
    public StudyFiles? TrainUncustomized { get; init; }

    /// <summary>What the best epoch is chosen by; empty holds models out of the training's.</summary>
    public IReadOnlyList<string> Validation { get; init; } = [];

    /// <summary>What calibrations are fitted to; empty takes <see cref="Validation"/>, and where that is empty too nothing is calibrated.</summary>
    public IReadOnlyList<string> Calibration { get; init; } = [];

    /// <summary>What is evaluated, and calibrations are measured on.</summary>
    public IReadOnlyList<string> Test { get; init; } = [];
}

/// <summary>A feature space: an encoder's features of everything. What it does not say of its sources is the recipe's <see cref="StudyRecipe.Sources"/>, unless it has distractors of its own.</summary>
public sealed record StudySpace : StudySources
{
    /// <summary>What it is called in the report.</summary>
    public required string Label { get; init; }

    /// <summary>Name or spec file of the encoder; needed where images become features, or where the paper's own figures are wanted and no file tells it.</summary>
    public string? Encoder { get; init; }

    /// <summary>Pairs a step in this space; null for the training's.</summary>
    public int? Batch { get; init; }

    /// <summary>Names of the variants that are trained in this space; null, the default, for all, empty for none.</summary>
    public IReadOnlyList<string>? Variants { get; init; }

    /// <summary>Whether a variant is trained in this space.</summary>
    internal bool Trains(StudyVariant variant) => Variants?.Contains(variant.Name) ?? true;

    /// <summary>The space with what it does not say itself; one with distractors of its own has all of its sources itself, which may be of another encoder.</summary>
    internal StudySpace With(StudySources all) => Distractors.Length > 0 ? this : this with
    {
        Distractors = all.Distractors,
        DistractorsWhere = DistractorsWhere ?? all.DistractorsWhere,
        Captions = Captions ?? all.Captions,
        Train = Train.Of(StudyTrain.Both).Count > 0 ? Train : all.Train,
        TrainStrong = TrainStrong ?? all.TrainStrong,
        TrainUncustomized = TrainUncustomized ?? all.TrainUncustomized,
        Validation = Validation.Count > 0 ? Validation : all.Validation,
        Calibration = Calibration.Count > 0 ? Calibration : all.Calibration,
        Test = Test.Count > 0 ? Test : all.Test,
    };

    /// <summary>The files that a variant learns from.</summary>
    internal IReadOnlyList<string> FilesOf(StudyVariant variant) => SourceOf(variant).Files?.Of(variant.Train) ?? [];

    /// <summary>What a variant needs and the space does not have; null where nothing is missing.</summary>
    internal string? Lacks(StudyVariant variant)
    {
        var (files, key) = SourceOf(variant);
        return files is null ? $"it has no '{key}'"
            : variant.Train != StudyTrain.Styles && files.Objects.Count == 0 ? $"its '{key}' has no 'objects'"
            : variant.Train != StudyTrain.Objects && files.Styles.Count == 0 ? $"its '{key}' has no 'styles'"
            : variant.Augment == Augmentation.Strong && files != TrainStrong && !files.Of(variant.Train).All(SourceNames.IsTestCaseOfImages) ? $"its '{key}' files are features already, and there is no 'trainStrong'"
            : null;
    }

    private (StudyFiles? Files, string Key) SourceOf(StudyVariant variant) => variant.Uncustomized ? (TrainUncustomized, "trainUncustomized")
        : variant.Augment == Augmentation.Strong && TrainStrong is not null ? (TrainStrong, "trainStrong")
        : (Train, "train");
}

/// <summary>Files of test cases by what their models were customized to.</summary>
public sealed record StudyFiles
{
    /// <summary>Object-centric models.</summary>
    public IReadOnlyList<string> Objects { get; init; } = [];

    /// <summary>Artistic-style models.</summary>
    public IReadOnlyList<string> Styles { get; init; } = [];

    internal IReadOnlyList<string> Of(StudyTrain train) => train switch
    {
        StudyTrain.Objects => Objects,
        StudyTrain.Styles => Styles,
        _ => [.. Objects, .. Styles],
    };
}
