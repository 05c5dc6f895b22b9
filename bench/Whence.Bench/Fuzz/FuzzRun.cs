using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Whence.Bench.Fuzz;

/// <summary>What became of one case; <paramref name="Megabytes"/> is the process's peak while it ran.</summary>
internal sealed record FuzzResult(int Number, string Format, string Outcome, double Milliseconds, double Megabytes, string Detail);

/// <summary>Drives workers through a range of cases: one that dies or hangs is replaced, and the case it was at is a failure.</summary>
internal sealed class FuzzRun(int seed, string? only, string temporary)
{
    public List<FuzzResult> Results { get; } = [];

    /// <summary>Lines that no code of ours printed: how often, and at or just before which case first.</summary>
    public ConcurrentDictionary<string, (int Times, int Case)> Printed { get; } = new();

    public void Cases(int first, int end, int hangMilliseconds)
    {
        while (first < end)
        {
            first = Work(first, end, hangMilliseconds);
        }
    }

    /// <summary>Returns the next case that is still to be run.</summary>
    private int Work(int first, int end, int hangMilliseconds)
    {
        using var worker = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath!,
            ["fuzz", "--worker", $"{first}", "--count", $"{end - first}", "--seed", $"{seed}", "--folder", Path.Combine(temporary, $"from-{first}"), .. only is null ? Array.Empty<string>() : ["--only", only]])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (number, format, hangs) = (first, "?", false);
        worker.ErrorDataReceived += (_, line) => Count(line.Data ?? "", number);
        worker.BeginErrorReadLine();
        var clock = Stopwatch.StartNew();
        using var watch = new Timer(
            _ =>
            {
                if (clock.ElapsedMilliseconds > hangMilliseconds)
                {
                    hangs = true;
                    worker.Kill();
                }
            },
            null, 1000, 1000);
        while (worker.StandardOutput.ReadLine() is { } line)
        {
            clock.Restart();
            var parts = line.Split('\t', 7);
            if (parts is ["begin", var begun, var name])
            {
                (number, format) = (int.Parse(begun, CultureInfo.InvariantCulture), name);
            }
            else if (parts is ["end", _, _, var outcome, var milliseconds, var megabytes, var detail])
            {
                Results.Add(new FuzzResult(
                    number++, format, outcome, double.Parse(milliseconds, CultureInfo.InvariantCulture), double.Parse(megabytes, CultureInfo.InvariantCulture), detail));
            }
            else
            {
                Count(line, number);
            }
        }

        worker.WaitForExit();
        if (number < end)
        {
            Results.Add(new FuzzResult(number, format, "failed", hangs ? hangMilliseconds : 0, 0, hangs ? "hangs" : $"the process ended with code {worker.ExitCode}"));
        }

        return number + 1;
    }

    private void Count(string line, int number)
    {
        if (line.Length > 0)
        {
            Printed.AddOrUpdate(line, (1, number), (_, known) => (known.Times + 1, known.Case));
        }
    }
}
