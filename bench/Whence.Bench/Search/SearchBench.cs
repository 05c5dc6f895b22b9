using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Bench;

/// <summary>
/// The top 100 of a million vectors of 512 float16: time of one query, and of 16 in one call, and resident memory, beside
/// faiss.IndexFlatIP on the same vectors in float32.
/// </summary>
internal static class SearchBench
{
    private const int Count = 1_000_000, Dimension = 512, PartSize = 65_536, Top = 100, Threads = 2;

    // Similarities that are closer than this may stand in either order: the peer adds up in float32.
    private const double Tolerance = 1e-6;

    public static JsonObject Run(string[] args)
    {
        if (args is ["make", var folder])
        {
            Make(folder);
            return [];
        }

        var rounds = args is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : 9;
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            // Another process makes the index, so that this one's memory is the search's alone.
            using (var make = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["search", "make", temporary]) { RedirectStandardOutput = true })!)
            {
                make.WaitForExit();
            }

            return Compare(temporary, rounds);
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static JsonObject Compare(string temporary, int rounds)
    {
        var queries = RandomRows(new Random(16), 16);
        Normalization.NormalizeRows(queries, Dimension);
        using (var stream = File.Create(Path.Combine(temporary, "queries.npy")))
        {
            NpyFile.Write(stream, queries, Dimension);
        }

        var index = FeatureIndex.Open(Path.Combine(temporary, "index"));
        var search = new ExactSearch(index, null, Threads);
        using var peer = new Peer("search.py", Threads, temporary, $"{Threads}", $"{Top}");
        peer.Ask("ready");

        Console.WriteLine($"{Count:N0} x {Dimension}, top {Top}, {Threads} threads, {rounds} rounds in turns\n");
        Console.WriteLine($"{"queries",-9}{"",-9}{"Whence ms",11}{"faiss ms",11}{"BLAS ms",11}{"faiss/Whence",14}{"BLAS/Whence",13}{"same ids",10}{"difference",12}");
        var report = new JsonArray();
        foreach (var n in new[] { 1, 16 })
        {
            var matrix = new FeatureMatrix(n, Dimension, queries[..(n * Dimension)]);
            (long Id, float Similarity)[][] found = [];
            var seconds = Rounds.Seconds(
                rounds,
                2,
                () => Rounds.Time(() => found = [.. search.Similarities(matrix).Select(similarities => TopK.Select(similarities, Top))]),
                () => peer.Seconds($"search {n}"),
                () => peer.Seconds($"blas {n}"));
            var (same, difference) = Check(search.Similarities(matrix), found, JsonNode.Parse(peer.Ask($"found {n}"))!);
            report.Add(new JsonObject
            {
                ["queries"] = n,
                ["median"] = Line(n, "median", [.. seconds.Select(Rounds.Median)], same, difference),
                ["fastest"] = Line(n, "fastest", [.. seconds.Select(s => s.Min())], same, difference),
                ["sameIds"] = same,
                ["largestDifference"] = difference,
            });
        }

        var (whence, faiss) = (Memory.Of(Environment.ProcessId)!, Memory.Of(peer.ProcessId)!);
        Console.WriteLine($"\nWhence {whence}\nfaiss  {faiss}");
        return new JsonObject { ["rounds"] = rounds, ["times"] = report, ["whenceMemory"] = whence.ToJson(), ["faissMemory"] = faiss.ToJson() };
    }

    private static JsonObject Line(int n, string what, double[] seconds, bool same, double difference)
    {
        var (ours, theirs, blas) = (seconds[0], seconds[1], seconds[2]);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{n,-9}{what,-9}{ours * 1e3,11:F1}{theirs * 1e3,11:F1}{blas * 1e3,11:F1}{theirs / ours,14:F2}{blas / ours,13:F2}{same,10}{difference,12:E1}"));
        return new JsonObject
        {
            ["whenceMs"] = Math.Round(ours * 1e3, 2),
            ["faissMs"] = Math.Round(theirs * 1e3, 2),
            ["faissBlasMs"] = Math.Round(blas * 1e3, 2),
            ["ratio"] = Math.Round(theirs / ours, 3),
            ["blasRatio"] = Math.Round(blas / ours, 3),
        };
    }

    /// <summary>Rank by rank the same id, or another one of the same similarity; and how far the similarities are apart.</summary>
    private static (bool Same, double Difference) Check(float[][] similarities, (long Id, float Similarity)[][] ours, JsonNode theirs)
    {
        var ids = theirs["ids"].Deserialize<long[][]>()!;
        var values = theirs["similarities"].Deserialize<double[][]>()!;
        var (same, difference) = (ids.Length == ours.Length, 0.0);
        for (var q = 0; q < ours.Length; q++)
        {
            for (var rank = 0; rank < Top; rank++)
            {
                var (id, similarity) = ours[q][rank];
                var other = ids[q][rank];
                same &= id == other || Math.Abs(similarity - similarities[q][other]) <= Tolerance;
                difference = Math.Max(difference, Math.Abs(similarities[q][other] - values[q][rank]));
            }
        }

        return (same, difference);
    }

    private static void Make(string folder)
    {
        var blank = new IndexManifest { Encoder = "random", Dimension = Dimension, Type = ElementType.F16, Parts = [] };
        using var writer = new IndexWriter(Path.Combine(folder, "index"), blank, PartSize);
        var random = new Random(1);
        for (var first = 0; first < Count; first += 4096)
        {
            var rows = RandomRows(random, Math.Min(4096, Count - first));
            Normalization.NormalizeRows(rows, Dimension);
            for (var at = 0; at < rows.Length; at += Dimension)
            {
                var name = (first + (at / Dimension)).ToString(CultureInfo.InvariantCulture);
                writer.Add(new IndexedImage { Id = -1, Source = name, Key = name }, rows.AsSpan(at, Dimension));
            }
        }

        writer.Commit();
    }

    // 16 random bits a number, from -1 to 1.
    private static float[] RandomRows(Random random, int rows)
    {
        var values = new float[rows * Dimension];
        var bits = new short[values.Length];
        random.NextBytes(MemoryMarshal.AsBytes(bits.AsSpan()));
        TensorPrimitives.ConvertTruncating<short, float>(bits, values);
        TensorPrimitives.Divide(values, 32_768, values);
        return values;
    }
}
