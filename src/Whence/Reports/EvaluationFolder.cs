using Whence.Evaluation;
using Whence.Files;

namespace Whence.Reports;

/// <summary>The files of an evaluation: <c>queries.parquet</c>, <c>results.csv</c>, <c>results.md</c>, <c>results.json</c> (<c>docs/formats.md</c>), and its figures in <c>plots</c>.</summary>
public static class EvaluationFolder
{
    /// <summary>Name of the file that holds the results in full.</summary>
    public const string ResultsFile = "results.json";

    /// <summary>Name of the folder in it that holds the figures.</summary>
    public const string PlotsFolder = "plots";

    /// <summary>Makes the folder where it is missing.</summary>
    /// <exception cref="WhenceException">It is a file, or may not be made.</exception>
    public static void Create(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (File.Exists(folder))
        {
            throw new WhenceException($"{folder}: is a file; name a folder for the results.");
        }

        RegularFile.Guard(folder, () => Directory.CreateDirectory(folder));
    }

    /// <summary>Writes each file beside its place and renames it, <c>results.json</c> last, so that where this one is new all are.</summary>
    /// <param name="folder">An existing folder; other files in it stay.</param>
    /// <param name="results">The results.</param>
    /// <param name="testCases">The ranks that they were made of.</param>
    /// <exception cref="WhenceException">A file cannot be written.</exception>
    public static void Write(string folder, EvaluationResults results, IReadOnlyList<TestCaseRanks> testCases)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(results);
        QueryResultsFile.Write(Path.Combine(folder, "queries.parquet"), testCases, results.RecallAt);
        AtomicFile.Write(Path.Combine(folder, "results.csv"), stream => EvaluationCsv.Write(stream, results));
        AtomicFile.Write(Path.Combine(folder, "results.md"), stream => EvaluationMarkdown.Write(stream, results));
        var plots = Path.Combine(folder, PlotsFolder);
        Create(plots);
        foreach (var earlier in Directory.EnumerateFiles(plots, EvaluationFigures.GainsName + ".*"))
        {
            RegularFile.Guard(earlier, () =>
            {
                File.Delete(earlier); // of a run that was compared with another
                return true;
            });
        }

        foreach (var figure in EvaluationPlots.Draw([new EvaluationRun(results.Mapper?.Name ?? "features as they are", results)]))
        {
            figure.Save(plots);
        }

        results.Save(Path.Combine(folder, ResultsFile));
    }
}
