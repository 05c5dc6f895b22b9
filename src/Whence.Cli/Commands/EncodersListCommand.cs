using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Whence.Cli.Output;
using Whence.Encoders;
using Whence.Images;

namespace Whence.Cli.Commands;

/// <summary><c>whence encoders list</c>: what is here, and what can be fetched.</summary>
internal static class EncodersListCommand
{
    public static Command Create(Streams streams)
    {
        var command = new Command("list", "List the encoders that are found by name, and those that can be fetched");
        command.SetAction(_ =>
        {
            var registry = new EncoderRegistry();
            var found = registry.Find();
            streams.OutputConsole.Write(Here(registry, found));
            var absent = EncoderCatalogue.Entries.Where(entry => !found.ContainsKey(entry.Spec.Name)).ToArray();
            if (absent.Length > 0)
            {
                streams.Output.WriteLine("To be fetched with 'whence encoders pull NAME':");
                streams.OutputConsole.Write(ToFetch(absent));
            }

            return 0;
        });
        return command;
    }

    private static Table Here(EncoderRegistry registry, IReadOnlyDictionary<string, string> found)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("name", "dimension", "input", "licence", "spec", "registered");
        foreach (var (name, path) in found)
        {
            var registered = new[] { registry.FindMapper(name), registry.FindCalibration(name) }.OfType<string>();
            table.AddRow(Describe(name, path).Append(string.Join(", ", registered)).Select(cell => new Text(cell)));
        }

        return table;
    }

    private static Table ToFetch(IEnumerable<CatalogueEntry> entries)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("name", "dimension", "input", "licence", "size", "what");
        foreach (var entry in entries)
        {
            table.AddRow(new[]
            {
                entry.Spec.Name,
                entry.Spec.Dimension.ToString(CultureInfo.InvariantCulture),
                Input(entry.Spec.Preprocessing),
                entry.Spec.Licence ?? "",
                entry.Size is { } size ? DownloadView.Size(size) : "unknown",
                entry.Spec.Origin ?? "",
            }.Select(cell => new Text(cell)));
        }

        return table;
    }

    // One bad file must not hide the others.
    private static string[] Describe(string name, string path)
    {
        try
        {
            var spec = EncoderSpec.Load(path);
            return [name, spec.Dimension.ToString(CultureInfo.InvariantCulture), Input(spec.Preprocessing), spec.Licence ?? "", path];
        }
        catch (WhenceException e)
        {
            return [name, "", "", "", $"unusable: {e.Message}"];
        }
    }

    private static string Input(PreprocessingSpec spec) =>
        $"{(spec.Stretch ? "both sides" : "short side")} {spec.Resize} {spec.Interpolation}, crop {spec.Crop}".ToLowerInvariant();
}
