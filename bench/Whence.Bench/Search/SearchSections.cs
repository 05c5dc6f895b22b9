using System.Text.Json;
using Whence.Search;

namespace Whence.Bench.Search;

/// <summary>The sections that time Whence beside peers, in the same run on the same vectors.</summary>
internal static class SearchSections
{
    private const int Top = 100, LargeTop = 100_000, BatchQueries = 256, Planted = 12, DeepestRank = 10_000;

    /// <summary>One query, top 100.</summary>
    public static void One(SearchRun run)
    {
        var data = run.Random;
        using var engine = data.Open();
        using var faiss = SearchPeers.Faiss(data.Folder, SearchRun.Threads);
        using var torch = SearchPeers.Torch(data.Folder, SearchRun.Threads);
        using var floor = new ReadFloor(engine.ScannedFiles, SearchRun.Threads);
        var query = data.Queries(1);
        Match[][] found = [];
        var times = run.Report.Compare(
            "one",
            "times",
            $"one query, top {Top}",
            new("Whence", 1, run.Rounds, () => Rounds.Time(() => found = engine.Nearest(query, Top))),
            new("faiss", 1, run.Rounds, () => faiss.Seconds($"search 1 {Top}")),
            new("faiss, BLAS", 1, run.Rounds, () => faiss.Seconds($"blas 1 {Top}")),
            new("torch matmul alone", 1, run.Rounds, () => torch.Seconds("matmul 1")),
            new("reading, mapped files", 1, run.Rounds, floor.Mapped),
            new("reading, own memory", 1, run.Rounds, floor.Own));
        var bytes = Math.Min(times["reading, mapped files"], times["reading, own memory"]);
        run.Report.Note("one", "scannedBytes", floor.Bytes);
        run.Report.Note("one", "readingGBs", Math.Round(floor.Bytes / bytes / 1e9, 2));
        CheckExact(run, data, "one", "float64", found, Top);
        run.Report.Check("one", "faiss", SearchChecks.Found(engine, query, found, faiss.Ask($"found 1 {Top}")));
        run.Report.AtLeast("one query, top 100", "faiss / Whence", 8, times["faiss"] / times["Whence"]);
        run.Report.AtLeast("one query, top 100", "torch matmul alone / Whence", 3, times["torch matmul alone"] / times["Whence"]);
        run.Report.AtMost("one query, top 100", "Whence / reading the scanned bytes (faster way)", 1.5, times["Whence"] / bytes);
    }

    /// <summary>256 queries, top 100.</summary>
    public static void Batch(SearchRun run)
    {
        var data = run.Random;
        using var engine = data.Open();
        using var faiss = SearchPeers.Faiss(data.Folder, SearchRun.Threads);
        using var libtorch = SearchPeers.Libtorch(data.Folder, SearchRun.Threads, "float32");
        using var bfloat = SearchPeers.Libtorch(data.Folder, SearchRun.Threads, "bfloat16");
        var queries = data.Queries(BatchQueries);
        Match[][] found = [];
        var times = run.Report.Compare(
            "batch",
            "times",
            $"{BatchQueries} queries, top {Top}; from 20 queries on faiss takes BLAS by itself",
            new("Whence", BatchQueries, run.Rounds, () => Rounds.Time(() => found = engine.Nearest(queries, Top))),
            new("faiss", BatchQueries, run.SlowRounds, () => faiss.Seconds($"search {BatchQueries} {Top}")),
            new("faiss, without BLAS", SearchRun.SlowQueries, run.SlowRounds, () => faiss.Seconds($"search {SearchRun.SlowQueries} {Top}")),
            new("libtorch float32 matmul and topk", BatchQueries, run.Rounds, () => libtorch.Seconds($"search {BatchQueries} {Top}")),
            new("libtorch bfloat16 matmul and topk", BatchQueries, run.Rounds, () => bfloat.Seconds($"search {BatchQueries} {Top}")));
        run.Report.Check("batch", "faiss", SearchChecks.Found(engine, queries, found, faiss.Ask($"found {BatchQueries} {Top}")));
        CheckExact(run, data, "batch", "float64", found, Top);
        run.Report.Check("batch", "libtorch float32", SearchChecks.Found(engine, queries, found, libtorch.Ask($"found {BatchQueries} {Top}")));
        run.Report.Note("batch", "libtorch bfloat16, recall", Math.Round(SearchChecks.Recall(found, bfloat.Ask($"found {BatchQueries} {Top}")), 4));
        run.Report.AtLeast("256 queries, top 100", "faiss / Whence", 5, times["faiss"] / times["Whence"]);
        run.Report.AtLeast("256 queries, top 100", "libtorch float32 matmul and topk / Whence", 1, times["libtorch float32 matmul and topk"] / times["Whence"]);
    }

    /// <summary>256 queries, top 100,000.</summary>
    public static void LargeK(SearchRun run)
    {
        var data = run.Random;
        using var engine = data.Open();
        using var faiss = SearchPeers.Faiss(data.Folder, SearchRun.Threads);
        var top = run.Scaled(LargeTop);
        var queries = data.Queries(BatchQueries);
        Match[][] found = [];
        var times = run.Report.Compare(
            "large-k",
            "times",
            $"{BatchQueries} queries, top {top:N0}; faiss on {SearchRun.SlowQueries} queries, scaled",
            new("Whence", BatchQueries, run.Rounds, () => Rounds.Time(() => found = engine.Nearest(queries, top))),
            new("faiss", SearchRun.SlowQueries, run.SlowRounds, () => faiss.Seconds($"search {SearchRun.SlowQueries} {top}")),
            new("faiss, BLAS", SearchRun.SlowQueries, run.SlowRounds, () => faiss.Seconds($"blas {SearchRun.SlowQueries} {top}")));
        const int Checked = 4;
        CheckExact(run, data, "large-k", "float64", found[..Checked], top);
        run.Report.Check("large-k", "faiss", SearchChecks.Found(engine, data.Queries(Checked), found[..Checked], faiss.Ask($"found {Checked} {top}")));
        run.Report.AtLeast("256 queries, top 100,000", "faiss / Whence, per query", 20, times["faiss"] / times["Whence"]);
    }

    /// <summary>The ranks of 12 rows for each of 1,000 queries: planted at known ranks, and anywhere.</summary>
    public static void Ranks(SearchRun run)
    {
        var data = run.Random;
        using var engine = data.Open();
        using var torch = SearchPeers.Torch(data.Folder, SearchRun.Threads);
        var random = new Random(12);
        var planted = Plant(run, data, engine, random);
        var anywhere = planted.Select(ids => ids.Select(_ => random.NextInt64(run.Rows)).ToArray()).ToArray();
        var times = CompareRanks(run, data, engine, torch, "planted", $"true ranks log-uniform from 1 to {run.Scaled(DeepestRank):N0}", planted);
        run.Report.AtLeast("ranks of 12 planted rows", "torch matmul and argsort / Whence, per query", 30, times["torch matmul and argsort"] / times["Whence"]);
        CompareRanks(run, data, engine, torch, "anywhere", "rows at random ranks (no bar)", anywhere);
    }

    /// <summary>Clusters of very different sizes with near-duplicates and copies; no bars, but answers as equal.</summary>
    public static void Clustered(SearchRun run)
    {
        var data = run.Clustered;
        using var engine = data.Open();
        using var faiss = SearchPeers.Faiss(data.Folder, SearchRun.Threads);
        foreach (var (count, k) in new[] { (1, Top), (BatchQueries, Top), (SearchRun.SlowQueries, run.Scaled(LargeTop)) })
        {
            var queries = data.Queries(count);
            Match[][] found = [];
            var key = $"{count}, top {k}";
            var before = engine.Rescored;
            engine.Nearest(queries, k);
            var rescored = engine.Rescored - before;
            run.Report.Compare(
                "clustered",
                key,
                $"clustered: {count} {(count == 1 ? "query" : "queries")}, top {k:N0}",
                new("Whence", count, run.Rounds, () => Rounds.Time(() => found = engine.Nearest(queries, k))),
                new("faiss", count, count == 1 ? run.Rounds : run.SlowRounds, () => faiss.Seconds($"search {count} {k}")));
            run.Report.Note("clustered", $"{key}, rescored a query", Math.Round((double)rescored / count, 1));
            CheckExact(run, data, "clustered", $"{key}, float64", found, k);
            run.Report.Check("clustered", $"{key}, faiss", SearchChecks.Found(engine, queries, found, faiss.Ask($"found {count} {k}")));
        }
    }

    private static Dictionary<string, double> CompareRanks(
        SearchRun run, Prepared data, SearchEngine engine, Peer torch, string key, string which, long[][] ids)
    {
        var queries = data.Queries(SearchRun.Queries);
        long[][] ranks = [];
        var times = run.Report.Compare(
            "ranks",
            key,
            $"ranks of {Planted} rows for each of {SearchRun.Queries:N0} queries, {which}; torch on {SearchRun.SlowQueries} queries, scaled",
            new("Whence", SearchRun.Queries, run.Rounds, () => Bench.Rounds.Time(() => ranks = engine.Ranks(queries, engine.Similarities(queries, ids)))),
            new("torch matmul and argsort", SearchRun.SlowQueries, run.SlowRounds, () => torch.Seconds($"argsort {SearchRun.SlowQueries}")));
        var before = engine.Rescored;
        engine.Ranks(queries, engine.Similarities(queries, ids));
        run.Report.Note("ranks", $"{key}, rescored a query", Math.Round((double)(engine.Rescored - before) / SearchRun.Queries, 1));
        var file = Path.Combine(data.Folder, "ranks.json");
        File.WriteAllText(file, JsonSerializer.Serialize(ids.Take(SearchRun.SlowQueries)));
        run.Report.Check("ranks", $"{key}, torch", SearchChecks.Ranks(ranks, torch.Ask($"ranks {file}")));
        using var twin = SearchPeers.Float64(data.Folder, SearchRun.Threads);
        run.Report.Check("ranks", $"{key}, float64", SearchChecks.ExactRanks(ranks, twin.Ask($"ranks {file}")));
        return times;
    }

    private static void CheckExact(SearchRun run, Prepared data, string section, string name, Match[][] found, int top)
    {
        using var twin = SearchPeers.Float64(data.Folder, SearchRun.Threads);
        run.Report.Check(section, name, SearchChecks.Exact(found, twin.Ask($"exact {Math.Min(found.Length, SearchRun.SlowQueries)} {top}")));
    }

    /// <summary>Per query the rows that stand at ranks spread evenly over the logarithm; not timed.</summary>
    private static long[][] Plant(SearchRun run, Prepared data, SearchEngine engine, Random random)
    {
        const int AtATime = 50;
        var deepest = run.Scaled(DeepestRank);
        var queries = data.Queries(SearchRun.Queries);
        var planted = new List<long[]>();
        while (planted.Count < SearchRun.Queries)
        {
            var some = queries.Span.Slice(planted.Count * queries.Columns, AtATime * queries.Columns).ToArray();
            planted.AddRange(engine.Nearest(new(AtATime, queries.Columns, some), deepest).Select(nearest => Enumerable.Range(0, Planted)
                .Select(_ => nearest[(int)Math.Pow(deepest, random.NextDouble()) - 1].Id).ToArray()));
        }

        return [.. planted];
    }
}
