using System.CommandLine;
using Whence.Cli.Output;

namespace Whence.Cli.Commands;

/// <summary><c>whence dataset</c>: training sets of known origin.</summary>
internal static class DatasetCommand
{
    public static Command Create(Streams streams) => new("dataset", "Make a training set of known origin")
    {
        DatasetEmojiCommand.Create(streams),
        DatasetPromptsCommand.Create(streams),
        DatasetCaptionsCommand.Create(streams),
    };
}
