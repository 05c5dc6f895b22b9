using System.Globalization;
using System.Text.Json;
using Whence.Calibration;
using Whence.Evaluation;
using Whence.Mapping;
using Whence.Reports;
using Whence.Torch.Mapping;

namespace Whence.Torch.Study;

/// <summary>What the steps left, for the report.</summary>
internal static class StudyOutcomes
{
    /// <summary>The calibration in its step's folder.</summary>
    public const string CalibrationFile = "calibration.json";

    /// <summary>What stands there instead where nothing could be fitted: why.</summary>
    public const string NotFittedFile = "not-fitted.txt";

    /// <summary>Reads the outcomes of a space whose steps are done: the features as they are, then the variants.</summary>
    public static IEnumerable<StudyOutcome> Read(StudyRecipe recipe, StudySpace space, string? encoder, SpaceSteps steps)
    {
        var calibrated = space.Calibration.Count + space.Validation.Count > 0;
        foreach (var variant in recipe.Trained(space).Prepend(null))
        {
            var calibration = steps.FolderOf(variant, "calibration");
            var (wanted, why) = (calibrated && (variant?.Calibrate ?? true), Path.Combine(calibration, NotFittedFile));
            var fitted = wanted && !File.Exists(why);
            yield return new StudyOutcome
            {
                Space = space.Label,
                Encoder = encoder,
                Variant = variant?.Name ?? SpaceSteps.Pretrained,
                PaperMethod = variant is null ? SpaceSteps.Pretrained : variant.PaperMethod(),
                Results = EvaluationResults.Load(Path.Combine(steps.FolderOf(variant, "evaluation"), EvaluationFolder.ResultsFile)),
                Training = variant is null ? null : Training(steps.MapperOf(variant), recipe.Validation.RecallAt),
                Calibration = fitted ? (Calibrator.Load(Path.Combine(calibration, CalibrationFile)), CalibrationFolder.Load(calibration)) : null,
                NotCalibrated = wanted && !fitted ? File.ReadAllText(why).TrimEnd() : null,
            };
        }
    }

    /// <summary>The sheets of a space whose steps are done.</summary>
    public static IEnumerable<StudySheet> Sheets(StudySpace space, SpaceSteps steps) => steps.HasSheets
        ? Directory.GetFiles(steps.SheetsFolder, "*.png").OrderBy(file => file[..file.LastIndexOf('-')], StringComparer.Ordinal).ThenBy(file => file.Length).ThenBy(file => file, StringComparer.Ordinal).Select(file => new StudySheet(space.Label, file))
        : [];

    /// <summary>What the report says that no step's files do.</summary>
    public static string Key(IReadOnlyList<StudyOutcome> outcomes, IReadOnlyList<string> notes) =>
        JsonSerializer.Serialize((string?[])[.. outcomes.SelectMany(o => new[] { o.Space, o.Encoder, o.Variant, o.PaperMethod }), .. notes]);

    /// <summary>What a reader has to know of what is not there.</summary>
    public static IEnumerable<string> Notes(StudyRecipe recipe)
    {
        foreach (var left in recipe.Variants is null ? StudyVariant.Paper.Except(recipe.Trained()) : [])
        {
            var (space, why) = recipe.Spaces.Select(s => (s.Label, s.Lacks(left))).First(s => s.Item2 is not null);
            yield return $"'{left.Name}' is left out: '{space}' lacks files for it ({why})";
        }

        foreach (var space in recipe.Spaces.Where(s => recipe.Trained(s).Count < recipe.Trained().Count))
        {
            yield return $"'{space.Label}' is left without {string.Join(", ", recipe.Trained().Except(recipe.Trained(space)).Select(v => $"'{v.Name}'"))}, as the recipe says";
        }

        foreach (var space in recipe.Spaces.Where(s => s.Calibration.Count + s.Validation.Count == 0))
        {
            yield return $"'{space.Label}' is not calibrated: it has no files of a validation or calibration split";
        }

        foreach (var space in recipe.Spaces.Where(s => s.Validation.Count == 0 && recipe.Trained(s).Count > 0))
        {
            yield return FormattableString.Invariant($"'{space.Label}' has no validation files: {recipe.Validation.HoldOut * 100:G4} % of the training's models are held out to choose the best epoch by");
        }
    }

    private static StudyTrainingOutcome Training(string mapper, int recallAt)
    {
        var provenance = MapperPair.Load(mapper).Provenance ?? throw new WhenceException($"{mapper}: does not say how it was trained; delete it, it is trained again.");
        return new StudyTrainingOutcome
        {
            Models = int.Parse(provenance.Options["models"], CultureInfo.InvariantCulture),
            Options = provenance.Options,
            Epoch = provenance.Epoch,
            Recall = provenance.Recall,
            RecallAt = recallAt,
            Curve = MapperTrainer.CurveOf(mapper),
        };
    }
}
