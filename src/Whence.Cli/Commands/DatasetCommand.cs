using System.CommandLine;
using Whence.Cli.Output;

namespace Whence.Cli.Commands;

/// <summary><c>whence dataset</c>: training sets of known origin, and images of known influence.</summary>
internal static class DatasetCommand
{
    public static Command Create(Streams streams) => new("dataset", "Make a training set of known origin, or images of known influence")
    {
        DatasetEmojiCommand.Create(streams),
        DatasetBuildCommand.Create(streams),
        DatasetMergeCommand.Create(streams),
        DatasetShowCommand.Create(streams),
        DatasetPromptsCommand.Create(streams),
        DatasetCaptionsCommand.Create(streams),
    };
}
