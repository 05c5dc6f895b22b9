using Whence.Calibration;
using Whence.Datasets;
using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>A feature space whose first images a sheet shows.</summary>
/// <param name="Name">What it is called beside its strips.</param>
/// <param name="Evaluator">Ranks its candidates.</param>
/// <param name="Calibrator">Turns its similarities into influences.</param>
public sealed record SheetMethod(string Name, Evaluator Evaluator, Calibrator Calibrator);

/// <summary>Sheets of test cases: queries with what each of several methods ranks first (Figures 4, 8 and 15 of the paper).</summary>
public static class SheetFolder
{
    /// <summary>Most queries of a test case.</summary>
    public const int MostQueries = 600;

    private const int QueriesPerSheet = 6;
    private const int ImagesPerStrip = 7;

    /// <summary>Draws the sheets, <c>TESTCASE-N.png</c>; those that an earlier run drew beyond them go.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="methods">The strips of a query, from top to bottom.</param>
    /// <param name="testCases">The test cases.</param>
    /// <param name="queries">Queries of each, 1 to <see cref="MostQueries"/>.</param>
    /// <param name="seed">Of the draw of queries, one of each model first.</param>
    /// <param name="read">Reads an image of a test case or a distractor by its name; null where there is none.</param>
    /// <param name="cancellation">Stops it between two sheets.</param>
    /// <exception cref="WhenceException">A file cannot be written, or a test case does not fit.</exception>
    public static void Draw(
        string folder, IReadOnlyList<SheetMethod> methods, IReadOnlyList<TestCaseFeatures> testCases, int queries, int seed, Func<TestCaseFeatures, string, byte[]?> read, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(methods);
        ArgumentNullException.ThrowIfNull(testCases);
        ArgumentNullException.ThrowIfNull(read);
        ArgumentOutOfRangeException.ThrowIfLessThan(queries, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(queries, MostQueries);
        var origin = methods.Select(m => m.Calibrator).Distinct().Count() == 1
            ? $"Influence: {Explain(methods[0].Calibrator)}."
            : string.Join(' ', methods.Select(m => $"Influence, {m.Name.Split(':')[0]}: {Explain(m.Calibrator)}."));
        foreach (var (number, testCase) in testCases.Index())
        {
            var drawn = QueryChoice.Draw(testCase, queries, seed).SelectMany(choice =>
            {
                var found = methods.Select(m => m.Evaluator.Nearest(testCase, choice.Prompts, choice.Queries, ImagesPerStrip, m.Calibrator, cancellation)).ToArray();
                return choice.Queries.Select((_, q) => SheetQuery.Of([.. methods.Select((m, i) => (m.Name, found[i][q]))]));
            }).ToArray();
            var name = FileName(testCase.Name, number);
            foreach (var (page, part) in drawn.Chunk(QueriesPerSheet).Index())
            {
                cancellation.ThrowIfCancellationRequested();
                RankedSheet.Draw($"{name}-{page + 1}", $"Ranked first for queries of {testCase.Name}", origin, part, image => read(testCase, image)).Save(folder);
            }

            // An earlier run may have drawn more queries.
            for (var page = (drawn.Length + QueriesPerSheet - 1) / QueriesPerSheet; File.Exists(Path.Combine(folder, $"{name}-{page + 1}.png")); page++)
            {
                File.Delete(Path.Combine(folder, $"{name}-{page + 1}.png"));
            }
        }
    }

    private static string Explain(Calibrator calibrator) =>
        $"tau {Format.Parameter(calibrator.Tau)} and lambda {Format.Parameter(calibrator.Lambda)}, {calibrator.Origin}{(calibrator.Fitted ? "" : ", not fitted to these features")}";

    private static string FileName(string testCase, int number)
    {
        var name = string.Concat(testCase.Where(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'));
        return name.Length > 0 && name.Length == testCase.Length ? name : $"{name}{number}";
    }
}
