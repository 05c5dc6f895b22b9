using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;

namespace Whence.Bench.Search;

/// <summary>What the bench of the search does in processes of their own; each ends with one line of JSON.</summary>
internal static partial class SearchProcesses
{
    private const int Top = 100;

    /// <summary>The figures, or null where the arguments ask for the bench itself.</summary>
    public static JsonObject? Run(string[] args)
    {
        switch (args)
        {
            case ["make", var folder, var rows, var dimension, var clustered]:
                SearchData.Make(folder, Number(rows), Number(dimension), bool.Parse(clustered), SearchRun.Queries);
                return [];
            case ["memory", var folder]:
                return Memory(new Prepared(folder));
            case ["scan", var folder, var rounds, var eviction]:
                return Scan(new Prepared(folder), Number(rounds), eviction);
            case ["read", var folder, var rounds, var eviction]:
                return Read(new Prepared(folder), Number(rounds), eviction);
            default:
                return null;
        }
    }

    private static JsonObject Memory(Prepared data)
    {
        using var engine = data.Open();
        var found = engine.Nearest(data.Queries(1), Top);
        var memory = Bench.Memory.Of(Environment.ProcessId)!.ToJson();
        memory["found"] = found[0].Length;
        memory["rescored"] = engine.Rescored;
        return memory;
    }

    private static JsonObject Scan(Prepared data, int rounds, string eviction)
    {
        // A mapped page cannot be put out of the cache; with a control group the search sees by itself how little memory there is.
        using var engine = data.Open(eviction == "always" ? false : null);
        var query = data.Queries(1);
        var figures = FromDisk(engine.ScannedFiles, rounds, eviction, () => engine.Nearest(query, Top));
        figures["resident"] = Bench.Memory.Of(Environment.ProcessId)!.ToJson();
        return figures;
    }

    /// <summary>From end to end with two readers, 8 MB at a time: what the disk gives.</summary>
    private static JsonObject Read(Prepared data, int rounds, string eviction)
    {
        IReadOnlyList<string> files;
        using (var engine = data.Open())
        {
            files = engine.ScannedFiles;
        }

        return FromDisk(files, rounds, eviction, () =>
        {
            const int Block = 8 << 20;
            Parallel.For(0, SearchRun.Threads, new ParallelOptions { MaxDegreeOfParallelism = SearchRun.Threads }, reader =>
            {
                var buffer = new byte[Block];
                foreach (var file in files)
                {
                    using var handle = File.OpenHandle(file, options: FileOptions.SequentialScan);
                    var length = RandomAccess.GetLength(handle);
                    var (at, end) = (length * reader / SearchRun.Threads, length * (reader + 1) / SearchRun.Threads);
                    while (at < end && RandomAccess.Read(handle, buffer.AsSpan(0, (int)Math.Min(Block, end - at)), at) is var read and > 0)
                    {
                        at += read;
                    }
                }
            });
        });
    }

    /// <summary>
    /// Median seconds of a pass over files that are put out of the page cache before the first pass or before each; the first one
    /// does not count, as a search may check what it opened.
    /// </summary>
    private static JsonObject FromDisk(IReadOnlyList<string> files, int rounds, string eviction, Action pass)
    {
        var (seconds, fromDisk) = (new List<double>(), new List<long>());
        for (var round = -1; round < rounds; round++)
        {
            if (round < 0 || eviction == "always")
            {
                foreach (var file in files)
                {
                    Evict(file);
                }
            }

            var before = BytesFromDisk();
            var elapsed = Rounds.Time(pass);
            if (round >= 0)
            {
                seconds.Add(elapsed);
                fromDisk.Add(BytesFromDisk() - before);
            }
        }

        var bytes = files.Sum(file => new FileInfo(file).Length);
        var median = Rounds.Median(seconds);
        return new JsonObject
        {
            ["seconds"] = Math.Round(median, 4),
            ["fastest"] = Math.Round(seconds.Min(), 4),
            ["bytes"] = bytes,
            ["bytesFromDisk"] = (long)Rounds.Median(fromDisk.Select(read => (double)read)),
            ["MBs"] = Math.Round(bytes / median / 1e6, 1),
        };
    }

    private static long BytesFromDisk()
    {
        const string Field = "read_bytes: ";
        return long.Parse(File.ReadLines("/proc/self/io").First(line => line.StartsWith(Field, StringComparison.Ordinal))[Field.Length..], CultureInfo.InvariantCulture);
    }

    // Clean pages that nobody has mapped leave; what is mapped, and pages that wait to be written, stay.
    private static void Evict(string path)
    {
        const int DontNeed = 4;
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(handle);
        Marshal.ThrowExceptionForHR(Advise(handle, 0, 0, DontNeed) == 0 ? 0 : -1);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);
}
