using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Whence.Tests.Cli;

/// <summary>The real command line in a process of its own, for what belongs to a process: its environment, its memory, its end.</summary>
internal static partial class CliProcess
{
    /// <summary>Asks a process to stop, as Ctrl-C does.</summary>
    public const int Interrupt = 2;

    /// <summary>Ends a process at once.</summary>
    public const int Kill = 9;

    /// <summary>Sends a signal from here: to start a program for it takes as long as what is to be interrupted.</summary>
    public static void Signal(Process process, int signal) => Assert.Equal(0, Send(process.Id, signal));

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int process, int signal);

    public static Process Start(IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Whence.Cli.dll"), .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    public static async Task<(int Code, string Output, string Error)> RunAsync(IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        using var process = Start(environment, args);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output, await error);
    }
}
