using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench.Search;

/// <summary>The sections about memory, growth and disk; what is measured by itself runs in a process of its own.</summary>
internal static class SearchSizes
{
    private const int Top = 100, Grown = 4;
    private const long LeastLimit = 256_000_000; // a process on .NET needs some memory before it searches

    /// <summary>Resident memory of a fresh process that opens an index and answers one query.</summary>
    public static void Memory(SearchRun run)
    {
        var data = run.Random;
        Console.WriteLine($"\nmemory: one query, top {Top}, in a fresh process");
        var whence = SearchRun.Child("memory", data.Folder);
        using var peer = SearchPeers.Faiss(data.Folder, SearchRun.Threads);
        peer.Ask($"search 1 {Top}");
        var faiss = Bench.Memory.Of(peer.ProcessId)!;
        run.Report.Note("memory", "Whence", whence.DeepClone());
        run.Report.Note("memory", "faiss", faiss.ToJson());
        run.Report.AtMost("memory resident, one query", "GB, anonymous + file pages", 0.9, (double)whence["resident"]! / 1e9);
        run.Report.AtMost("memory resident, one query", "GB, the most at any instant", 0.9, (double)whence["peak"]! / 1e9);
    }

    /// <summary>Time against the number of rows and their length.</summary>
    public static void Growth(SearchRun run, bool keepLargest)
    {
        var sizes = new[] { 0.01, 0.1, 1, Grown }.Select(part => (Rows: (int)(part * run.Rows), SearchRun.Dimension))
            .Concat(new[] { 256, 512, 1280 }.Select(dimension => (run.Rows, dimension)));
        Console.WriteLine($"\ngrowth: top {Top}, medians of {run.Rounds}\n{"rows",12}{"length",8}{"1 query ms",12}{"ns a row",10}{"64 queries ms",15}{"ns a row",10}{"scanned MB",12}{"GB/s, 1",9}");
        foreach (var (rows, dimension) in sizes)
        {
            var data = run.Prepare("random", rows, dimension, false);
            using (var engine = data.Open())
            {
                var bytes = engine.ScannedFiles.Sum(file => new FileInfo(file).Length);
                var times = new[] { 1, 64 }.Select(count =>
                {
                    var queries = data.Queries(count);
                    return Rounds.Median(Rounds.Seconds(run.Rounds, 2, () => Rounds.Time(() => engine.Nearest(queries, Top)))[0]);
                }).ToArray();
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{rows,12:N0}{dimension,8}{times[0] * 1e3,12:F2}{times[0] * 1e9 / rows,10:F2}{times[1] * 1e3,15:F2}{times[1] * 1e9 / rows / 64,10:F2}{bytes / 1e6,12:F1}{bytes / times[0] / 1e9,9:F1}"));
                run.Report.Keep("growth", $"{rows} x {dimension}", new JsonObject
                {
                    ["oneMs"] = Math.Round(times[0] * 1e3, 3),
                    ["sixtyFourMs"] = Math.Round(times[1] * 1e3, 3),
                    ["scannedBytes"] = bytes,
                });
            }

            if ((rows, dimension) != (run.Rows, SearchRun.Dimension) && !(keepLargest && rows > run.Rows))
            {
                data.Delete();
            }
        }
    }

    /// <summary>An index three times as large as the memory it may use, beside the disk's own rate.</summary>
    public static void Disk(SearchRun run)
    {
        var data = run.Prepare("random", Grown * run.Rows, SearchRun.Dimension, false);
        long bytes;
        using (var engine = data.Open())
        {
            bytes = engine.ScannedFiles.Sum(file => new FileInfo(file).Length);
        }

        var limit = Math.Max(bytes / 3, LeastLimit);
        Console.WriteLine($"\ndisk: one query, top {Top}, of {Grown * run.Rows:N0} rows; {bytes / 1e6:F0} MB are scanned");
        using var group = ControlGroup.Create(limit, out var reason);
        if (group is null)
        {
            run.Report.Note("disk", "withoutLimit", $"{reason}; so instead the files are put out of the page cache before every round");
        }
        else
        {
            run.Report.Note("disk", "limitBytes", limit);
        }

        var rounds = $"{run.SlowRounds}";
        var (always, once) = ("always", "once");
        var own = SearchRun.Child(group, "read", data.Folder, rounds, group is null ? always : once);
        var scan = SearchRun.Child(group, "scan", data.Folder, rounds, group is null ? always : once);
        run.Report.Note("disk", "reading", own.DeepClone());
        run.Report.Note("disk", "Whence", scan.DeepClone());
        run.Report.Note("disk", "Whence / reading", Math.Round((double)scan["seconds"]! / (double)own["seconds"]!, 3));
        if (group is not null)
        {
            run.Report.Note("disk", "group", group.Figures());
        }
    }
}
