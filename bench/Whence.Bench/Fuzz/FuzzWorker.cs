using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace Whence.Bench.Fuzz;

/// <summary>
/// Runs cases in a process of its own, which a native crash may end: one line before and one after each case on standard output.
/// </summary>
internal static class FuzzWorker
{
    public static void Run(int seed, int first, int end, string? only, string temporary)
    {
        // Two folders above the case are watched: damaged names like ../../x must not lead out.
        var folder = Path.Combine(temporary, "a", "b", "case");
        Directory.CreateDirectory(folder);
        foreach (var watched in new[] { temporary, Path.Combine(temporary, "a"), Path.Combine(temporary, "a", "b") })
        {
            File.WriteAllText(Path.Combine(watched, "watched.txt"), "as it was");
        }

        Environment.CurrentDirectory = Path.Combine(temporary, "a");
        var turns = FuzzCase.Turns(FuzzFormat.Find(only));
        var before = Snapshot(temporary, folder);
        for (var number = first; number < end; number++)
        {
            var fuzz = FuzzCase.Create(seed, number, turns);
            Directory.CreateDirectory(folder);
            Console.WriteLine($"begin\t{number}\t{fuzz.Format.Name}");
            Console.Out.Flush();
            if (ProcessMemory.PeakMegabytes() > 200)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive); // so that the peak is this case's own
            }

            ProcessMemory.ResetPeak();
            var clock = Stopwatch.StartNew();
            var (outcome, detail) = ("accepted", "");
            try
            {
                if (fuzz.Run(folder) is { } refusal)
                {
                    (outcome, detail) = ("refused", refusal);
                }
            }
            catch (Exception e)
            {
                (outcome, detail) = ("failed", e.ToString());
            }

            var milliseconds = clock.Elapsed.TotalMilliseconds;
            var peak = ProcessMemory.PeakMegabytes();
            Directory.Delete(folder, recursive: true);
            if (Snapshot(temporary, folder) is var after && after != before)
            {
                (outcome, detail, before) = ("failed", $"changed files outside of its folder: {after}", after);
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"end\t{number}\t{fuzz.Format.Name}\t{outcome}\t{milliseconds:F1}\t{peak:F0}\t{detail.ReplaceLineEndings(" | ")}"));
            Console.Out.Flush();
        }
    }

    private static string Snapshot(string root, string except) => string.Join(
        ' ',
        Directory.EnumerateFileSystemEntries(root, "*", SearchOption.AllDirectories)
            .Where(path => path != except && !path.StartsWith(except + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(path => path + (File.Exists(path) ? "=" + Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))[..8] : "/")));
}
