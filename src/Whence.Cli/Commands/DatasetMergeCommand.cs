using System.CommandLine;
using Whence.Cli.Output;
using Whence.Datasets.Abc;

namespace Whence.Cli.Commands;

/// <summary><c>whence dataset merge</c>: the parts that machines built of a data set become one.</summary>
internal static class DatasetMergeCommand
{
    public static Command Create(Streams streams)
    {
        var parts = new Argument<string[]>("DIR") { Description = "Folders that 'whence dataset build --shard' wrote", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--out") { Description = "Folder of the whole data set", HelpName = "DIR", Required = true };
        var command = new Command("merge", "Join the parts of a data set that were built with --shard; every file is checked") { parts, output };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetRequiredValue(output);
            streams.Output.WriteLine($"{folder}: {string.Join(", ", AbcParts.Join(parsed.GetRequiredValue(parts), folder))}.");
            OutcomeView.Print(streams, folder);
            return 0;
        });
        return command;
    }
}
