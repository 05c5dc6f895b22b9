using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using SkiaSharp;
using Whence.Search;

namespace Whence.Bench;

/// <summary>
/// The real <c>whence index</c> over 2,000 files, killed (SIGKILL) at random instants and started again until it is finished:
/// is the index the one that an uninterrupted run makes, to the byte?
/// </summary>
internal static class KillBench
{
    private const int Images = 2000, BadEvery = 97, PartSize = 50, RandomKills = 24, AimedKills = 12;

    public static JsonObject Run(string[] args)
    {
        var random = new Random(args is [var seed, ..] ? int.Parse(seed, CultureInfo.InvariantCulture) : 1);
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            var photos = Directory.CreateDirectory(Path.Combine(temporary, "photos")).FullName;
            MakeImages(photos, random);
            return Compare(new Work(photos, Path.Combine(temporary, "once")), new Work(photos, Path.Combine(temporary, "killed")), random);
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static JsonObject Compare(Work once, Work killed, Random random)
    {
        var seconds = Rounds.Time(() => once.Run(_ => Task.Delay(-1)));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"uninterrupted: {Images} files in {seconds:F1} s"));

        var phases = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var (kills, runs, finished) = (0, 0, false);
        while (!finished)
        {
            // Kills that are left share the expected rest of the work, each at any instant of twice its share; every third is
            // aimed at the milliseconds in which a part is being written, which are few.
            var left = RandomKills + AimedKills - kills;
            var rest = seconds * (1 - ((double)killed.Rows / Images));
            var delay = TimeSpan.FromSeconds(random.NextDouble() * 2 * rest / Math.Max(left, 1));
            var afterWrite = TimeSpan.FromMilliseconds(random.NextDouble() * 12);
            var aimed = kills % 3 == 2;
            finished = killed.Run(async work =>
            {
                await work.Started();
                await Task.Delay(left == 0 ? Timeout.InfiniteTimeSpan : delay);
                if (aimed)
                {
                    await work.NextWrite();
                    Spin(afterWrite);
                }
            });
            runs++;
            if (!finished)
            {
                kills++;
                var phase = killed.Phase();
                phases[phase] = phases.GetValueOrDefault(phase) + 1;
            }
        }

        Console.WriteLine($"killed {kills} times in {runs} runs:");
        foreach (var (phase, count) in phases)
        {
            Console.WriteLine($"  {count,3} {phase}");
        }

        var (equal, files) = SameFiles(once.Folder, killed.Folder);
        var damage = IndexVerification.Verify(killed.Folder).Count;
        var rows = FeatureIndex.Open(once.Folder).ReadMetadata().Select(Text).SequenceEqual(FeatureIndex.Open(killed.Folder).ReadMetadata().Select(Text));
        Console.WriteLine($"{files} files (features, metadata, manifest, failures) equal byte for byte: {equal}; {killed.Rows} rows equal: {rows}; findings of verify: {damage}");
        return new JsonObject
        {
            ["images"] = Images,
            ["kills"] = kills,
            ["runs"] = runs,
            ["phases"] = new JsonObject(phases.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))),
            ["equal"] = equal && rows && damage == 0,
        };
    }

    private static string Text(IndexedImage image) => $"{image.Id}|{image.Source}|{string.Join('|', image.ToMetadata())}";

    private static (bool Equal, int Count) SameFiles(string a, string b)
    {
        string[] Names(string folder) =>
            [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(folder, path)).Order(StringComparer.Ordinal)];
        var names = Names(a);
        return (names.SequenceEqual(Names(b))
            && names.All(name => File.ReadAllBytes(Path.Combine(a, name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(b, name)))), names.Length);
    }

    // Task.Delay is too coarse for a write of a few milliseconds.
    private static void Spin(TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < time)
        {
            Thread.SpinWait(20);
        }
    }

    /// <summary>Small pictures of random blocks, PNG and JPEG in turns; some are cut off, so that there are failures too.</summary>
    private static void MakeImages(string folder, Random random)
    {
        for (var i = 0; i < Images; i++)
        {
            using var bitmap = new SKBitmap(80 + random.Next(32), 80 + random.Next(32));
            using (var canvas = new SKCanvas(bitmap))
            using (var paint = new SKPaint())
            {
                for (var block = 0; block < 12; block++)
                {
                    paint.Color = new SKColor((uint)random.Next() | 0xFF00_0000);
                    canvas.DrawRect(random.Next(96), random.Next(96), 8 + random.Next(60), 8 + random.Next(60), paint);
                }
            }

            using var data = i % 2 == 0 ? bitmap.Encode(SKEncodedImageFormat.Png, 100) : bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
            var bytes = data.ToArray();
            File.WriteAllBytes(Path.Combine(folder, $"{i:D5}.{(i % 2 == 0 ? "png" : "jpg")}"), i % BadEvery == BadEvery - 1 ? bytes[..(bytes.Length / 2)] : bytes);
        }
    }

    /// <summary>One index and the processes that write it.</summary>
    private sealed class Work(string photos, string folder)
    {
        private TaskCompletionSource? _write;
        private int _process;

        public string Folder => folder;

        public long Rows => File.Exists(Path.Combine(folder, IndexManifest.FileName)) ? FeatureIndex.Open(folder).Count : 0;

        /// <summary>Completes when the process holds the lock of its index: work is in progress.</summary>
        public async Task Started()
        {
            while (!File.ReadLines("/proc/locks").Any(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Contains($"{_process}")))
            {
                await Task.Delay(5);
            }
        }

        /// <summary>Completes when the next features file is begun.</summary>
        public Task NextWrite()
        {
            _write = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _write.Task;
        }

        /// <summary>Runs the command and kills it when the task that is made for it completes; true where it was faster.</summary>
        public bool Run(Func<Work, Task> untilKill)
        {
            _write = null;
            using var watcher = new FileSystemWatcher(Directory.CreateDirectory(Path.Combine(folder, "features")).FullName) { EnableRaisingEvents = true };
            watcher.Created += (_, _) => _write?.TrySetResult();
            using var process = Cli.Start("index", photos, "--out", folder, "--part-size", $"{PartSize}");
            _process = process.Id;
            var exit = process.WaitForExitAsync();
            if (Task.WhenAny(exit, untilKill(this)).GetAwaiter().GetResult() != exit)
            {
                process.Kill();
            }

            exit.GetAwaiter().GetResult();
            return process.ExitCode switch
            {
                0 => true,
                137 => false,
                _ => throw new InvalidOperationException($"whence index ended with {process.ExitCode}."),
            };
        }

        /// <summary>What the killed process was doing, from what it left behind.</summary>
        public string Phase()
        {
            var named = File.Exists(Path.Combine(folder, IndexManifest.FileName)) ? IndexManifest.Load(folder).Parts.Count : 0;
            var written = Directory.Exists(Path.Combine(folder, "features")) ? Directory.EnumerateFiles(Path.Combine(folder, "features"), "*.npy").Count() : 0;
            var temporary = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .FirstOrDefault(path => path.EndsWith(Files.AtomicFile.TemporarySuffix, StringComparison.Ordinal));
            return temporary is not null ? $"writing {Path.GetRelativePath(folder, temporary).Split(Path.DirectorySeparatorChar)[0].Replace(Files.AtomicFile.TemporarySuffix, "", StringComparison.Ordinal)}"
                : written > named ? "between the files of a part"
                : "encoding";
        }
    }
}
