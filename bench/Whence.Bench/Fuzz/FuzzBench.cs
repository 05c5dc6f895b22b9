using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench.Fuzz;

/// <summary>
/// Damaged files of every format that Whence reads, each given to the entry a user's file would reach: a result or a
/// <see cref="WhenceException"/> of one line, within 10 seconds and 1 GB, and no file touched elsewhere.
/// </summary>
internal static class FuzzBench
{
    private const int SlowMilliseconds = 10_000, HangMilliseconds = 60_000, MostMegabytes = 1000;

    public static JsonObject Run(string[] args)
    {
        int Option(string name, int fallback) =>
            Array.IndexOf(args, name) is var at and >= 0 ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : fallback;

        var only = Array.IndexOf(args, "--only") is var at and >= 0 ? args[at + 1] : null;
        var seed = Option("--seed", 1);
        if (Option("--worker", -1) is var start and >= 0)
        {
            FuzzWorker.Run(seed, start, start + Option("--count", 1), only, args[Array.IndexOf(args, "--folder") + 1]);
            Environment.Exit(0);
        }

        var single = Option("--case", -1);
        var (first, count) = single >= 0 ? (single, 1) : (0, Option("--count", 30_000));
        var temporary = Directory.CreateTempSubdirectory("whence-fuzz-").FullName;
        try
        {
            CheckSound(FuzzFormat.Find(only), Path.Combine(temporary, "sound"));
            var run = new FuzzRun(seed, only, temporary);
            run.Cases(first, first + count, HangMilliseconds);
            return Report(run, seed, count, single >= 0);
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    /// <summary>A file that is refused before it is damaged tests little.</summary>
    private static void CheckSound(IReadOnlyList<FuzzFormat> formats, string folder)
    {
        foreach (var format in formats)
        {
            var refusals = format.Seeds.Select(seed => new FuzzCase(0, format, seed, seed.Bytes).Run(folder)).ToArray();
            Console.WriteLine($"{format.Name}: {refusals.Count(r => r is null)} of {refusals.Length} undamaged files are read {refusals.FirstOrDefault(r => r is not null)}");
            Directory.Delete(folder, recursive: true);
        }
    }

    private static JsonObject Report(FuzzRun run, int seed, int count, bool verbose)
    {
        var results = run.Results.Select(r =>
            r.Outcome == "failed" ? r
            : r.Milliseconds > SlowMilliseconds ? r with { Outcome = "failed", Detail = $"took {r.Milliseconds:F0} ms: {r.Detail}" }
            : r.Megabytes > MostMegabytes ? r with { Outcome = "failed", Detail = $"took {r.Megabytes:F0} MB: {r.Detail}" }
            : r).ToArray();
        foreach (var result in results.Where(r => verbose || r.Outcome == "failed").Take(60))
        {
            Console.WriteLine($"case {result.Number} {result.Format} {result.Outcome}: {result.Detail}");
        }

        Console.WriteLine($"\n{"format",-20}{"cases",7}{"accepted",10}{"refused",9}{"failures",10}{"slowest ms",12}{"peak MB",9}");
        var rows = new JsonArray();
        foreach (var group in results.GroupBy(r => r.Format).Append(results.GroupBy(_ => "all").Single()))
        {
            var (accepted, refused, failed) = (group.Count(r => r.Outcome == "accepted"), group.Count(r => r.Outcome == "refused"), group.Count(r => r.Outcome == "failed"));
            var (slowest, peak) = (group.Max(r => r.Milliseconds), group.Max(r => r.Megabytes));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{group.Key,-20}{group.Count(),7}{accepted,10}{refused,9}{failed,10}{slowest,12:F0}{peak,9:F0}"));
            rows.Add(new JsonObject
            {
                ["format"] = group.Key,
                ["cases"] = group.Count(),
                ["accepted"] = accepted,
                ["refused"] = refused,
                ["failures"] = failed,
                ["slowestMs"] = Math.Round(slowest),
                ["peakMB"] = peak,
            });
        }

        foreach (var (text, (times, number)) in run.Printed.OrderByDescending(p => p.Value.Times).Take(10))
        {
            Console.WriteLine($"printed by native code, {times} times, first about case {number}: {text}");
        }

        return new JsonObject { ["seed"] = seed, ["count"] = count, ["formats"] = rows, ["printedLines"] = run.Printed.Values.Sum(p => p.Times) };
    }
}
