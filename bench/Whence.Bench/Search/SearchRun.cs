using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Vectors;

namespace Whence.Bench.Search;

/// <summary>What the sections share: how much of everything, the data, and where results go.</summary>
internal sealed class SearchRun(string folder, int rows, int rounds)
{
    public const int Dimension = 768, Threads = 2, Queries = 1000, SlowQueries = 16;

    private readonly HashSet<string> _opened = [];

    public int Rows => rows;

    /// <summary>Rounds of whatever takes less than seconds.</summary>
    public int Rounds => rounds;

    /// <summary>Rounds of slow peers.</summary>
    public int SlowRounds => Math.Min(rounds, 3);

    /// <summary>n as the table of bars has it for a million rows; less in proportion where there are fewer rows.</summary>
    public int Scaled(int n) => (int)Math.Clamp((long)n * rows / 1_000_000, 1, n);

    public SearchReport Report { get; } = new();

    public Prepared Random => Prepare("random", rows, Dimension, false);

    public Prepared Clustered => Prepare("clustered", rows, Dimension, true);

    /// <summary>Data of a name, made in a process of its own where it is not there yet.</summary>
    public Prepared Prepare(string name, int count, int dimension, bool clustered)
    {
        var place = Path.Combine(folder, $"{name}-{count}-{dimension}");
        var queries = Path.Combine(place, "queries.npy");
        if (!File.Exists(queries))
        {
            if (Directory.Exists(place))
            {
                Directory.Delete(place, recursive: true); // of a run that was stopped
            }

            Directory.CreateDirectory(place);
            Child("make", place, $"{count}", $"{dimension}", $"{clustered}");
        }

        if (_opened.Add(place))
        {
            var clock = Stopwatch.StartNew();
            using (SearchEngine.Open(Path.Combine(place, "index"), Threads))
            {
                // Makes what the search keeps beside the features where it is missing, so that no section is timed or weighed with that.
            }

            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count:N0} x {dimension} {name}: opened in {clock.Elapsed.TotalSeconds:F1} s"));
        }

        return new Prepared(place);
    }

    /// <summary>Another process of this bench, to its end: its figures.</summary>
    public static JsonObject Child(params string[] arguments) => Child(null, arguments);

    /// <summary>The same in a control group.</summary>
    public static JsonObject Child(ControlGroup? group, params string[] arguments)
    {
        var command = new[] { Environment.ProcessPath!, "search" }.Concat(arguments);
        var start = group is null ? new ProcessStartInfo(command.First(), command.Skip(1)) : group.Start(command);
        start.RedirectStandardOutput = true;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"bench/run search {string.Join(' ', arguments)} ended with {process.ExitCode}.");
        }

        var figures = JsonNode.Parse(output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1])!.AsObject();
        figures.Remove("bench");
        figures.Remove("date");
        return figures;
    }
}

/// <summary>Data on disk: <c>index</c> and <c>queries.npy</c>.</summary>
internal sealed record Prepared(string Folder)
{
    public string Index => Path.Combine(Folder, "index");

    public SearchEngine Open(bool? map = null) => SearchEngine.Open(Index, SearchRun.Threads, map);

    /// <summary>The first queries.</summary>
    public FeatureMatrix Queries(int count)
    {
        using var file = NpyFile.Open(Path.Combine(Folder, "queries.npy"));
        var values = new float[count * file.Columns];
        file.ReadRows(0, values);
        return new FeatureMatrix(count, file.Columns, values);
    }

    /// <summary>A folder of this name is made anew when it is asked for again.</summary>
    public void Delete() => Directory.Delete(Folder, recursive: true);
}
