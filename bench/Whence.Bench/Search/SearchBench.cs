using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench.Search;

/// <summary>
/// The exact search beside faiss, torch and libtorch, each with two threads over the same vectors: time, memory, growth, and
/// whether everybody finds the same.
/// </summary>
internal static class SearchBench
{
    private const string Usage =
        "bench/run search [--rows N] [--rounds N] [--only SECTION,...] [--folder DIR, which keeps the data]; sections: ";

    private static readonly OrderedDictionary<string, Action<SearchRun, string[]>> Sections = new()
    {
        ["one"] = (run, _) => SearchSections.One(run),
        ["batch"] = (run, _) => SearchSections.Batch(run),
        ["large-k"] = (run, _) => SearchSections.LargeK(run),
        ["ranks"] = (run, _) => SearchSections.Ranks(run),
        ["memory"] = (run, _) => SearchSizes.Memory(run),
        ["clustered"] = (run, _) => SearchSections.Clustered(run),
        ["growth"] = (run, all) => SearchSizes.Growth(run, keepLargest: all.Contains("disk")),
        ["disk"] = (run, _) => SearchSizes.Disk(run),
    };

    public static JsonObject Run(string[] args)
    {
        if (SearchProcesses.Run(args) is { } figures)
        {
            return figures;
        }

        string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
        int Number(string name, int fallback) => int.Parse(Option(name) ?? $"{fallback}", CultureInfo.InvariantCulture);

        var sections = Option("--only")?.Split(',') ?? [.. Sections.Keys];
        if (args.Where((_, i) => i % 2 == 0).Except(["--rows", "--rounds", "--only", "--folder"]).Any() || sections.Except(Sections.Keys).Any())
        {
            throw new ArgumentException(Usage + string.Join(", ", Sections.Keys));
        }

        var folder = Option("--folder") ?? Directory.CreateTempSubdirectory("whence-bench-").FullName;
        var run = new SearchRun(folder, Number("--rows", 1_000_000), Number("--rounds", 9));
        try
        {
            Console.WriteLine($"{run.Rows:N0} x {SearchRun.Dimension}, {SearchRun.Threads} threads each, medians{(run.Rows == 1_000_000 ? "" : "; the bars are those of 1,000,000 rows")}");
            foreach (var (name, section) in Sections.Where(section => sections.Contains(section.Key)))
            {
                section(run, sections);
            }

            run.Report.PrintBars();
            run.Report.Figures["rows"] = run.Rows;
            run.Report.Figures["rounds"] = run.Rounds;
            return run.Report.Figures;
        }
        finally
        {
            if (Option("--folder") is null)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }
}
