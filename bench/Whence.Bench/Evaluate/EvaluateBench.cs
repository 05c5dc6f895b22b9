using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Bench.Search;

namespace Whence.Bench.Evaluate;

/// <summary>A whole evaluation from a features file, its steps, memory and time a query, beside the authors' way in torch.</summary>
internal static class EvaluateBench
{
    private const string Usage = "bench/run evaluate [--rows N] [--queries N] [--rounds N] [--folder DIR, which keeps the data]";
    private const int Dimension = 768, Threads = 2, SlowQueries = 16, Bar = 30;
    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(50);

    public static JsonObject Run(string[] args)
    {
        if (args is ["ours", var place])
        {
            return EvaluateProcess.Run(place, Threads);
        }

        string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
        int Number(string name, int fallback) => int.Parse(Option(name) ?? $"{fallback}", CultureInfo.InvariantCulture);
        if (args.Where((_, i) => i % 2 == 0).Except(["--rows", "--queries", "--rounds", "--folder"]).Any())
        {
            throw new ArgumentException(Usage);
        }

        var (rows, queries, rounds) = (Number("--rows", 1_000_000), Number("--queries", 2000), Number("--rounds", 3));
        var folder = Option("--folder") ?? Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            if (!File.Exists(Path.Combine(folder, "exemplars.npy")))
            {
                Directory.CreateDirectory(folder);
                EvaluateData.Make(folder, rows, Dimension, queries);
            }

            foreach (var file in Directory.GetFiles(folder, "*.npy"))
            {
                using var stream = File.OpenRead(file); // the disk is not what is measured
                stream.CopyTo(Stream.Null);
            }

            return Measure(folder, queries, rounds);
        }
        finally
        {
            if (Option("--folder") is null)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static JsonObject Measure(string folder, int queries, int rounds)
    {
        var report = new SearchReport();
        using var ours = new Peer(Threads, Environment.ProcessPath!, ["evaluate", "ours", folder]);
        var (steps, anonymous) = Watched(ours.ProcessId, () => JsonNode.Parse(ours.Ask("run"))!.AsObject());
        var memory = JsonNode.Parse(ours.Ask("memory"))!.AsObject();
        using var torch = new Peer("evaluate-torch.py", Threads, folder, $"{Threads}");
        var ready = torch.Ask("ready").Split(' ');
        Console.Error.WriteLine($"torch: {string.Join(' ', ready)}");
        var whole = steps.Sum(step => (double)step.Value!);

        Console.WriteLine($"a whole run: {queries:N0} queries of {EvaluateData.ExemplarsPerQuery} exemplars each, {long.Parse(ready[0], CultureInfo.InvariantCulture):N0} x {Dimension} float32 distractors in a file (in the page cache), {Threads} threads");
        foreach (var (name, what) in new[] { ("index", "index of the distractors"), ("layout", "search layout (quantising)"), ("ranks", "ranks"), ("summary", "metrics and intervals") })
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what,-34}{(double)steps[name]!,9:F2} s"));
            report.Keep("run", name + "Seconds", Math.Round((double)steps[name]!, 3));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {"all",-34}{whole,9:F2} s"));
        report.Keep("run", "seconds", Math.Round(whole, 3));
        report.Note("memory", "peak, mapped files included, GB", Math.Round((double)memory["peak"]! / 1e9, 3));
        report.Note("memory", "peak of the process's own, GB", Math.Round(anonymous / 1e9, 3));

        var times = report.Compare(
            "ranks",
            "times",
            $"ranks alone; torch on {SlowQueries} queries, scaled",
            new("Whence", queries, rounds, () => ours.Seconds("ranks")),
            new("torch matmul and argsort", SlowQueries, rounds, () => torch.Seconds($"argsort {SlowQueries}")));
        var slow = times["torch matmul and argsort"];
        report.Note("run", "torch, seconds to load and normalise the distractors", double.Parse(ready[1], CultureInfo.InvariantCulture));
        report.Note("run", "torch, seconds for all queries, scaled", Math.Round(slow * queries, 1));
        report.Note("run", "the latter / the whole run of Whence", Math.Round(slow * queries / whole, 2));

        var ranks = JsonSerializer.Deserialize<long[][]>(ours.Ask($"answers {queries}"))!;
        long[] sorted = [.. ranks.SelectMany(own => own).Order()];
        report.Note("ranks", "share within the first 100", Math.Round(sorted.Count(r => r <= 100) / (double)sorted.Length, 3));
        report.Note("ranks", "deciles", new JsonArray([.. Enumerable.Range(1, 9).Select(i => JsonValue.Create(sorted[i * sorted.Length / 10]))]));
        report.Check("ranks", "torch", SearchChecks.Ranks(ranks, torch.Ask($"ranks {SlowQueries}")));
        report.AtLeast("ranks, per query", "torch / Whence", Bar, slow / times["Whence"]);
        report.PrintBars();
        report.Figures["queries"] = queries;
        report.Figures["rounds"] = rounds;
        return report.Figures;
    }

    /// <summary>The result of an action, and the most memory that a process held itself meanwhile, looked at twenty times a second.</summary>
    private static (JsonObject Result, long Anonymous) Watched(int process, Func<JsonObject> action)
    {
        using var done = new ManualResetEventSlim();
        var watching = Task.Run(() =>
        {
            var most = 0L;
            do
            {
                most = Math.Max(most, Memory.Of(process)?.Anonymous ?? 0);
            }
            while (!done.Wait(SampleEvery));

            return most;
        });
        var result = action();
        done.Set();
        return (result, watching.Result);
    }
}
