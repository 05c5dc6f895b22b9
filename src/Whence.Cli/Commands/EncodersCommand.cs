using System.CommandLine;
using Whence.Cli.Output;

namespace Whence.Cli.Commands;

/// <summary><c>whence encoders</c>: which encoders there are and where they come from, and whether one works as it should, and how fast.</summary>
internal static class EncodersCommand
{
    public static Command Create(Streams streams) => new("encoders", "List and fetch encoders, check and measure one")
    {
        EncodersListCommand.Create(streams),
        EncodersPullCommand.Create(streams),
        EncodersDescribeCommand.Create(streams),
        EncodersVerifyCommand.Create(streams),
        EncodersBenchCommand.Create(streams),
        EncodersRegisterCommand.Create(streams),
    };
}
