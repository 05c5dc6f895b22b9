using Whence.Files;
using Whence.Images;
using Whence.Reports;

namespace Whence.Torch.Study;

/// <summary>What a study did.</summary>
/// <param name="Report">Its page.</param>
/// <param name="Done">Steps done in this run.</param>
/// <param name="Before">Steps that were done before.</param>
public sealed record StudyResult(string Report, int Done, int Before);

/// <summary>
/// The whole loop of sections 4 and 5 of the paper: features, the evaluation of each feature space as it is, training, evaluation and calibration of each
/// variant, and a report. Each step is done once: what is there and follows from the same inputs is passed over, and an interrupted run goes on.
/// </summary>
public sealed class StudyRun
{
    private const string LockFile = ".lock";
    private readonly StudyRecipe _recipe;
    private readonly string _output;
    private readonly StudySettings _settings;
    private readonly IReadOnlyList<(StudySpace Space, SpaceFiles Files, string? Encoder)> _spaces;

    private StudyRun(StudyRecipe recipe, string output, StudySettings settings, IReadOnlyList<(StudySpace, SpaceFiles, string?)> spaces) =>
        (_recipe, _output, _settings, _spaces) = (recipe, output, settings, spaces);

    /// <summary>Reads a recipe and checks all that it names, before anything is written.</summary>
    /// <param name="recipe">The file.</param>
    /// <param name="output">Folder for everything; null for <see cref="FolderOf"/>.</param>
    /// <param name="settings">Threads, progress; null for the defaults.</param>
    /// <param name="cancellation">Stops the checks.</param>
    /// <exception cref="WhenceException">Something is missing, damaged, or does not fit; which and why.</exception>
    public static async Task<StudyRun> OpenAsync(string recipe, string? output = null, StudySettings? settings = null, CancellationToken cancellation = default)
    {
        var (read, folder) = (StudyRecipe.Load(recipe), Path.GetFullPath(output ?? FolderOf(recipe)));
        settings ??= new();
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.Threads, 1, nameof(settings));
        if (File.Exists(folder))
        {
            throw new WhenceException($"{folder}: is a file; name a folder with --out.");
        }

        var spaces = new List<(StudySpace, SpaceFiles, string?)>();
        var root = Path.GetDirectoryName(Path.GetFullPath(recipe))!;
        foreach (var space in read.Spaces)
        {
            try
            {
                var captions = space.Captions is { } table ? await MetadataTable.LoadAsync(Path.GetFullPath(table, root), cancellation).ConfigureAwait(false) : null;
                var files = new SpaceFiles(read, space, root, Path.Combine(folder, StudyFolder.FolderName(space.Label)), settings.Encoder, captions);
                spaces.Add((space, files, await files.CheckAsync(settings.Threads, cancellation).ConfigureAwait(false)));
            }
            catch (WhenceException e)
            {
                throw new WhenceException($"{recipe}: {e.Message.TrimEnd('.')}.", e);
            }
        }

        return new StudyRun(read, folder, settings, spaces);
    }

    /// <summary>Where a study is written where nobody says: beside its recipe, in a folder of its name with <c>-study</c>.</summary>
    public static string FolderOf(string recipe) =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(recipe))!, Path.GetFileNameWithoutExtension(recipe) + "-study");

    /// <summary>Does what is not done yet.</summary>
    /// <param name="cancellation">Stops it; the next run goes on, to the same report.</param>
    /// <exception cref="WhenceException">A step failed; what was done before stays.</exception>
    public async Task<StudyResult> RunAsync(CancellationToken cancellation = default)
    {
        EvaluationFolder.Create(_output);
        using var held = FolderLock.Acquire(_output, LockFile, "study");
        var (checksums, done, before, results) = (new FileChecksums(), 0, 0, new SortedDictionary<string, string>(StringComparer.Ordinal));
        var (outcomes, sheets, timings) = (new List<StudyOutcome>(), new List<StudySheet>(), new StudyTimings(_output));
        foreach (var (i, (space, files, encoder)) in _spaces.Index())
        {
            using var steps = new SpaceSteps(_recipe, space, files, encoder, _settings, checksums);
            foreach (var step in steps.All())
            {
                await RunAsync(step).ConfigureAwait(false);
                results[FormattableString.Invariant($"{i + 1} {space.Label}, {Path.GetRelativePath(files.Folder, step.Folder).Replace('\\', '/')}")] = step.Result();
            }

            outcomes.AddRange(StudyOutcomes.Read(_recipe, space, encoder, steps));
            sheets.AddRange(StudyOutcomes.Sheets(space, steps));
        }

        var report = Path.Combine(_output, "report");
        string[] notes = [.. StudyOutcomes.Notes(_recipe)];
        (string, string)[]? against = _recipe.Against is { } pairs ? [.. pairs.Select(pair => (pair.Across, pair.Up))] : null;
        results["all"] = StudyOutcomes.Key(outcomes, [.. notes, .. (against ?? []).Select(pair => $"{pair}")]);
        await RunAsync(new StudyStep("report", report, () => results, _ => Task.Run(() => StudyFolder.Write(report, outcomes, against, sheets, notes), cancellation))).ConfigureAwait(false);
        return new StudyResult(Path.Combine(report, StudyFolder.PageFile), done, before);

        async Task RunAsync(StudyStep step)
        {
            if (await timings.MeasureAsync(step.Name, () => step.RunAsync(checksums, _settings.Line, cancellation)).ConfigureAwait(false))
            {
                done++;
            }
            else
            {
                before++;
            }
        }
    }
}
