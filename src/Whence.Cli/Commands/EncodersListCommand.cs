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
    // Narrower, it would leave a path only a few letters a line.
    private const int WidthForInput = 120;

    public static Command Create(Streams streams)
    {
        var command = new Command("list", "List the encoders that are found by name, and those that can be fetched");
        command.SetAction(_ =>
        {
            var registry = new EncoderRegistry();
            var found = registry.Find();
            streams.OutputConsole.Write(Here(registry, found, streams.OutputConsole.Profile.Width));
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

    private static Table Here(EncoderRegistry registry, IReadOnlyDictionary<string, string> found, int width)
    {
        var rows = found.Select(encoder => Describe(encoder.Key, encoder.Value)).ToArray();
        var registered = found.Keys.Select(name => string.Join(", ", new[] { registry.FindMapper(name), registry.FindCalibration(name) }.OfType<string>().Where(file => !EncoderRegistry.ComesAlong(file)))).ToArray();
        var table = NewTable(["dimension", .. width < WidthForInput ? Array.Empty<string>() : ["input"], "licence", "spec", .. registered.All(string.IsNullOrEmpty) ? Array.Empty<string>() : ["registered"]]);
        foreach (var (row, tuned) in rows.Zip(registered))
        {
            string[] cells = [.. row[..2], .. width < WidthForInput ? Array.Empty<string>() : [row[2]], .. row[3..], tuned];
            table.AddRow(cells.Take(table.Columns.Count).Select(cell => new Text(cell)));
        }

        return table;
    }

    private static Table ToFetch(IEnumerable<CatalogueEntry> entries)
    {
        var table = NewTable("dimension", "licence", "size", "what");
        foreach (var entry in entries)
        {
            table.AddRow(new[]
            {
                entry.Spec.Name,
                entry.Spec.Dimension.ToString(CultureInfo.InvariantCulture),
                entry.Spec.Licence ?? "",
                entry.Size is { } size ? DownloadView.Size(size) : "unknown",
                entry.Spec.Origin?.Split(';')[0] ?? "",
            }.Select(cell => new Text(cell)));
        }

        return table;
    }

    // A name that is broken over lines cannot be copied.
    private static Table NewTable(params string[] more) => new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("name").NoWrap()).AddColumns(more);

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
