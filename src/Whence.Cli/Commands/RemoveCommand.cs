using System.CommandLine;
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
        var sources = new Option<string[]>("--source") { Description = "Sources, keys, contents (sha256:HEX) or ids to take out; * in a source stands for anything", HelpName = "SOURCE", AllowMultipleArgumentsPerToken = true };
        var list = new Option<string?>("--list") { Description = "File with one of these on each line; what is a key is not taken for an id", HelpName = "FILE" };
        var command = new Command("remove", "Take images out of an index at once; they are never found again and never come back") { index, ids, sources, list };
        command.SetAction(parsed =>
        {
            var lines = parsed.GetValue(list) is { } file ? File.ReadLines(file).Select(l => l.Trim()).Where(l => l.Length > 0) : [];
            long[] given = parsed.GetValue(ids) ?? [];
            string[] names = [.. parsed.GetValue(sources) ?? [], .. lines];
            if (given.Length + names.Length == 0)
            {
                throw new WhenceException("Nothing to remove: give --id, --source or --list.");
            }

            var folder = parsed.GetRequiredValue(index);
            var removed = IndexRemoval.Remove(folder, given, names);
            streams.Output.WriteLine($"{folder}: {removed:N0} images removed.");
            return 0;
        });
        return command;
    }
}
