using Spectre.Console;

namespace Whence.Cli.Output;

/// <summary>Where things go: results to standard output, progress and remarks to standard error.</summary>
internal sealed class Streams(TextWriter output, TextWriter error)
{
    // In a pipe or a file nobody wraps lines.
    private const int WidthWithoutTerminal = 1000;

    public TextWriter Output { get; } = output;

    public TextWriter Error { get; } = error;

    public IAnsiConsole OutputConsole { get; } = CreateConsole(output, ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected);

    public IAnsiConsole ErrorConsole { get; } = CreateConsole(error, ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected);

    /// <summary>Standard output as bytes, for formats that are written as UTF-8.</summary>
    public void WriteBytes(Action<Stream> write)
    {
        if (ReferenceEquals(Output, Console.Out))
        {
            Output.Flush();
            using var stream = Console.OpenStandardOutput();
            write(stream);
            return;
        }

        using var memory = new MemoryStream();
        write(memory);
        Output.Write(System.Text.Encoding.UTF8.GetString(memory.ToArray()));
    }

    private static IAnsiConsole CreateConsole(TextWriter writer, bool terminal)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = terminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!terminal)
        {
            console.Profile.Width = WidthWithoutTerminal;
        }

        return console;
    }
}
