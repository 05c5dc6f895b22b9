using System.CommandLine;
using Whence.Cli.Commands;
using Whence.Cli.Output;

namespace Whence.Cli;

/// <summary>The command <c>whence</c>: parses, runs one command, turns errors into one line and an exit code.</summary>
internal static class WhenceCommand
{
    /// <summary>Exit code of a command that was interrupted, as shells have it.</summary>
    public const int Interrupted = 130;

    private const int BadInput = 2;
    private const int Unexpected = 1;

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        var streams = new Streams(output, error);
        var root = new RootCommand("Which training images made this picture, and how much did each contribute?")
        {
            IndexCommand.Create(streams),
            AttributeCommand.Create(streams),
            ExplainCommand.Create(streams),
            RemoveCommand.Create(streams),
            InfoCommand.Create(streams),
            VerifyCommand.Create(streams),
            AnnCommand.Create(streams),
            FeaturesCommand.Create(streams),
            EvaluateCommand.Create(streams),
            TrainCommand.Create(streams),
            TrainGeneratorCommand.Create(streams),
            TrainEncoderCommand.Create(streams),
            CustomizeCommand.Create(streams),
            GenerateCommand.Create(streams),
            CalibrateCommand.Create(streams),
            StudyCommand.Create(streams),
            PlotCommand.Create(streams),
            EncodersCommand.Create(streams),
            DatasetCommand.Create(streams),
            DemoCommand.Create(streams),
        };
        try
        {
            var parsed = root.Parse(args.Length == 0 ? ["--help"] : args, new ParserConfiguration { ResponseFileTokenReplacer = null }); // prompts and files may begin with an @
            if (parsed.Errors.Count > 0 && parsed.Action is not System.CommandLine.Help.HelpAction)
            {
                var name = string.Join(' ', Names(parsed.CommandResult));
                return Fail(error, $"{string.Join(' ', parsed.Errors.Select(e => e.Message))} See '{name} --help'.");
            }

            // Long enough after Ctrl-C to write the part in hand.
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = TimeSpan.FromSeconds(30),
            });
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("interrupted: what was finished is kept; the same command goes on from there.");
            return Interrupted;
        }
        catch (WhenceException e)
        {
            return Fail(error, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Fail(error, $"{e.Message.TrimEnd('.')}. Check the path, its permissions and the free space.");
        }
        catch (Exception e)
        {
            await error.WriteLineAsync($"error: unexpected, please report it with the command: {e}");
            return Unexpected;
        }
    }

    private static int Fail(TextWriter error, string message)
    {
        error.WriteLine($"error: {message.ReplaceLineEndings(" ")}");
        return BadInput;
    }

    private static IEnumerable<string> Names(System.CommandLine.Parsing.CommandResult command) =>
        command.Parent is System.CommandLine.Parsing.CommandResult parent
            ? [.. Names(parent), command.Command.Name]
            : ["whence"];
}
