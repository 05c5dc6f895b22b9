using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench.Diffusion;

/// <summary>Stable Diffusion 1.x in its full size with random weights that our own code writes: loading, steps, memory, each in a process of its own.</summary>
internal static class FullSizeBench
{
    private static readonly string[] Measures =
    [
        "load float32", "load float16", "unet", "unet bfloat16", "decode", "encode", "customize 1", "customize 1 bfloat16", "customize 1 checkpointing", "customize 1 bfloat16 checkpointing",
        "customize 4 together", "customize 4 together checkpointing", "customize 8", "customize 8 bfloat16",
    ];

    public static JsonObject Run(string[] args)
    {
        if (args is ["--measure", var what, var folder, var repetitions])
        {
            var (seconds, loading, peak) = FullSizeModel.Measure(what, folder, int.Parse(repetitions, CultureInfo.InvariantCulture));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seconds} {loading} {peak}"));
            Environment.Exit(0);
        }

        var (chosen, kept) = (new List<string>(), (string?)null);
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] == "--folder")
            {
                kept = args[++i];
            }
            else
            {
                chosen.Add(args[i]);
            }
        }

        var temporary = kept ?? Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            var (float32, float16) = (Path.Combine(temporary, "float32"), Path.Combine(temporary, "float16"));
            var figures = new JsonObject();
            if (!Directory.Exists(float16))
            {
                var seconds = Rounds.Time(() => FullSizeModel.Write(float32, float16));
                figures["writeSeconds"] = seconds;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"random weights made and written in both precisions in {seconds:F1} s"));
            }

            Console.WriteLine($"\n{"",-36}{"seconds",10}{"peak GB, loading",18}{"from then on",18}");
            var rows = new JsonArray();
            foreach (var measure in Measures.Where(m => chosen.Count == 0 || chosen.Contains(m)))
            {
                var answer = InItsOwnProcess(measure, measure == "load float16" ? float16 : float32, measure.StartsWith("customize", StringComparison.Ordinal) && !measure.StartsWith("customize 1", StringComparison.Ordinal) ? 0 : 2);
                var (seconds, loading, peak) = (
                    double.Parse(answer[0], CultureInfo.InvariantCulture), long.Parse(answer[1], CultureInfo.InvariantCulture), long.Parse(answer[2], CultureInfo.InvariantCulture));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{measure,-36}{seconds,10:F2}{loading / 1e9,18:F2}{peak / 1e9,18:F2}"));
                rows.Add(new JsonObject { ["what"] = measure, ["seconds"] = seconds, ["loadingPeakBytes"] = loading, ["peakBytes"] = peak });
            }

            Console.WriteLine();
            figures["rows"] = rows;
            return figures;
        }
        finally
        {
            if (kept is null)
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    private static string[] InItsOwnProcess(string what, string folder, int repetitions)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["diffusion-full", "--measure", what, folder, $"{repetitions}"]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var answer = process.StandardOutput.ReadToEnd().Split(' ', StringSplitOptions.TrimEntries);
        process.WaitForExit();
        return answer is [_, _, _] ? answer : throw new InvalidOperationException($"'{what}' ended without an answer.");
    }
}
