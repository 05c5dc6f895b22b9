using System.CommandLine;
using Spectre.Console;
using Whence.Cli.Output;
using Whence.Reports;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Cli.Commands;

/// <summary><c>whence info</c>: what an index holds.</summary>
internal static class InfoCommand
{
    private const int FailuresShown = 20;

    public static Command Create(Streams streams)
    {
        var folder = new Argument<string>("dir") { Description = "Folder of the index" };
        var command = new Command("info", "Show what an index holds") { folder };
        command.SetAction(parsed =>
        {
            Write(streams.OutputConsole, FeatureIndex.Open(parsed.GetRequiredValue(folder)));
            return 0;
        });
        return command;
    }

    private static void Write(IAnsiConsole console, FeatureIndex index)
    {
        var manifest = index.Manifest;
        var failures = index.ReadFailures();
        var grid = new Grid().AddColumn().AddColumn();
        Add("images", $"{index.Count - index.Removed.Count:N0}{(index.Removed.Count > 0 ? $" ({index.Removed.Count:N0} more removed)" : "")}");
        Add("failed", $"{failures.Count:N0}");
        Add("encoder", $"{manifest.Encoder}{(manifest.EncoderSpec is null ? " (imported, no spec)" : "")}");
        Add("features", $"{manifest.Dimension} x {(manifest.Type == ElementType.F16 ? "float16" : "float32")}, {(manifest.Normalized ? "already normalised" : "raw")}");
        Add("parts", $"{manifest.Parts.Count:N0}");
        Add("size", $"{Size(index.Folder) / 1e6:N1} MB");
        Add("search layout", index.FindLayouts() is { Count: > 0 } layouts ? string.Join(", ", layouts.Select(Describe)) : "none yet, the first search makes it");
        Add("format", $"version {manifest.Version}");
        if (manifest.EncoderSpec?.Licence is { } licence)
        {
            Add("licence", $"{licence} (weights)");
        }

        if (manifest.Parts.Count > 0)
        {
            Add("columns", string.Join(", ", index.FindColumns()));
        }

        console.Write(grid);
        foreach (var failure in failures.Take(FailuresShown))
        {
            console.WriteLine($"  failed: {ShownText.Clean(failure.Source)}: {ShownText.Clean(failure.Error)}");
        }

        if (failures.Count > FailuresShown)
        {
            console.WriteLine($"  and {failures.Count - FailuresShown:N0} more in {Path.Combine(index.Folder, "failures.parquet")}");
        }

        void Add(string name, string value) => grid.AddRow(new Text(name), new Text(ShownText.Clean(value)));
    }

    private static string Describe(LayoutState layout) =>
        $"{Path.GetFileName(layout.Folder)} {layout.Bytes / 1e6:N1} MB{(layout.IsComplete ? "" : $" ({layout.Parts:N0} of {layout.TotalParts:N0} parts)")}";

    private static long Size(string folder) =>
        new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);
}
