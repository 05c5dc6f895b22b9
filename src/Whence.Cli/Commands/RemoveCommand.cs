using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Search;

namespace Whence.Cli.Commands;

/// <summary><c>whence remove</c>: takes images out of an index (opt-out).</summary>
internal static class RemoveCommand
{
    public static Command Create(Streams streams)
    {
        var index = CommonOptions.Index();
        var ids = new Option<long[]>("--id") { Description = "Ids to take out", HelpName = "ID", AllowMultipleArgumentsPerToken = true };
        var sources = new Option<string[]>("--source") { Description = "Sources or keys to take out; * in a source stands for anything", HelpName = "SOURCE", AllowMultipleArgumentsPerToken = true };
        var list = new Option<string?>("--list") { Description = "File with an id or a source on each line", HelpName = "FILE" };
        var command = new Command("remove", "Take images out of an index at once; they are never found again and never come back") { index, ids, sources, list };
        command.SetAction(parsed =>
        {
            var lines = parsed.GetValue(list) is { } file ? File.ReadLines(file).Select(l => l.Trim()).Where(l => l.Length > 0).ToArray() : [];
            var allIds = (parsed.GetValue(ids) ?? []).ToHashSet();
            var allSources = (parsed.GetValue(sources) ?? []).ToHashSet();
            foreach (var line in lines)
            {
                _ = long.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? allIds.Add(id) : allSources.Add(line);
            }

            if (allIds.Count + allSources.Count == 0)
            {
                throw new WhenceException("Nothing to remove: give --id, --source or --list.");
            }

            var folder = parsed.GetRequiredValue(index);
            var removed = IndexRemoval.Remove(folder, allIds, allSources);
            streams.Output.WriteLine($"{folder}: {removed:N0} images removed.");
            return 0;
        });
        return command;
    }
}
