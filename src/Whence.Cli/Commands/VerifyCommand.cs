using System.CommandLine;
using Whence.Cli.Output;
using Whence.Search;

namespace Whence.Cli.Commands;

/// <summary><c>whence verify</c>: checks every checksum of an index.</summary>
internal static class VerifyCommand
{
    public static Command Create(Streams streams)
    {
        var folder = new Argument<string>("dir") { Description = "Folder of the index" };
        var command = new Command("verify", "Check every file of an index against its checksum") { folder };
        command.SetAction((parsed, cancellation) =>
        {
            var path = parsed.GetRequiredValue(folder);
            var problems = IndexVerification.Verify(path, cancellation: cancellation);
            foreach (var problem in problems)
            {
                streams.Output.WriteLine(problem);
            }

            return problems.Count == 0
                ? Ok()
                : throw new WhenceException(
                    $"{path}: {problems.Count} damaged files; restore them from a backup, or index again into a new folder.");

            Task<int> Ok()
            {
                streams.Output.WriteLine($"{path}: every file is as it was written.");
                return Task.FromResult(0);
            }
        });
        return command;
    }
}
