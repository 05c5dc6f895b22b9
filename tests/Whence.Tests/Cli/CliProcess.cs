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

    /// <summary>
    /// Runs the real command and sends it a signal when something has changed in a folder so many times; from here, since to start a program for it
    /// takes as long as what is to be interrupted.
    /// </summary>
    /// <param name="watcher">The folder, and which changes count; disposed here.</param>
    /// <param name="change">Whether a change counts.</param>
    /// <param name="at">The how-manieth change; null never stops it.</param>
    /// <param name="signal">What is sent then.</param>
    /// <param name="environment">Added to the environment.</param>
    /// <param name="args">The command.</param>
    /// <returns>The exit code (137 of a killed process) and standard error.</returns>
    public static async Task<(int Code, string Error)> StopAsync(
        FileSystemWatcher watcher, WatcherChangeTypes change, int? at, int signal, IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        Assert.SkipWhen(signal == Interrupt && IgnoresInterrupt(), "SIGINT is ignored here, as it is by what a shell starts in the background");
        using (var process = new Process { StartInfo = StartInfo(environment, args) })
        using (watcher)
        {
            var changes = 0;
            watcher.Changed += Count;
            watcher.Renamed += Count;
            watcher.EnableRaisingEvents = true;
            process.Start();
            var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, await error);

            void Count(object sender, FileSystemEventArgs e)
            {
                try
                {
                    if (e.ChangeType == change && Interlocked.Increment(ref changes) == at && !process.HasExited)
                    {
                        _ = Send(process.Id, signal); // fails where it has just ended
                    }
                }
                catch (InvalidOperationException)
                {
                    // A change that is told when the process is let go already: thrown here it would end all tests.
                }
            }
        }
    }

    // What ignores a signal hands that down to its children.
    private static bool IgnoresInterrupt() => OperatingSystem.IsLinux()
        && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } ignored
        && (Convert.ToUInt64(ignored.Split('\t')[1], 16) & (1UL << (Interrupt - 1))) != 0;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int process, int signal);

    public static Process Start(IReadOnlyDictionary<string, string> environment, params string[] args) => Process.Start(StartInfo(environment, args))!;

    public static Task<(int Code, string Output, string Error)> RunAsync(IReadOnlyDictionary<string, string> environment, params string[] args) => RunAsync(StartInfo(environment, args));

    /// <summary>Runs the real command where files cannot be long: writing fails on the way, as where a disk is full. Not on Windows.</summary>
    /// <param name="length">Bytes of a file, rounded down to 512.</param>
    /// <param name="args">The command.</param>
    public static Task<(int Code, string Output, string Error)> RunWithLimitAsync(long length, params string[] args)
    {
        // The limit would otherwise end the process by a signal, and the runtime asks for a large file in memory where pages are never both written and executed.
        var start = StartInfo(new Dictionary<string, string> { ["DOTNET_EnableWriteXorExecute"] = "0" }, args);
        string[] command = [start.FileName, .. start.ArgumentList];
        start.FileName = "sh";
        start.ArgumentList.Clear();
        foreach (var argument in (string[])["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", $"{length / 512}", .. command])
        {
            start.ArgumentList.Add(argument);
        }

        return RunAsync(start);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(ProcessStartInfo start)
    {
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output, await error);
    }

    private static ProcessStartInfo StartInfo(IReadOnlyDictionary<string, string> environment, string[] args)
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

        return start;
    }
}
