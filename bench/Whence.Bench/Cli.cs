using System.Diagnostics;

namespace Whence.Bench;

/// <summary>The real command line in a process of its own.</summary>
internal static class Cli
{
    public static Process Start(params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Whence.Cli.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.ErrorDataReceived += (_, line) =>
        {
            // Progress lines start with a number; an error is for whoever reads the bench.
            if (line.Data is { Length: > 0 } text && !char.IsAsciiDigit(text[0]))
            {
                Console.Error.WriteLine(text);
            }
        };
        return process;
    }

    /// <summary>Runs to the end; the peak of resident memory in bytes, looked at twenty times a second.</summary>
    public static long PeakOf(params string[] arguments)
    {
        using var process = Start(arguments);
        var peak = 0L;
        do
        {
            peak = Math.Max(peak, Memory.Of(process.Id)?.Peak ?? 0);
        }
        while (!process.WaitForExit(50));

        return process.ExitCode == 0 ? peak : throw new InvalidOperationException($"whence {string.Join(' ', arguments)} ended with {process.ExitCode}.");
    }
}
