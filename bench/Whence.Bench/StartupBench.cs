using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench;

/// <summary>How long <c>whence --help</c> takes, and which native libraries commands load that need no libtorch.</summary>
internal static class StartupBench
{
    private const int Times = 21;
    private static readonly string[] Libraries = ["libtorch", "libLibTorchSharp", "libonnxruntime", "libSkiaSharp", "libusearch"];

    public static JsonObject Run(string[] args)
    {
        var figures = new JsonObject();
        foreach (var command in (string[][])[["--help"], ["attribute", "--help"], ["train", "--help"]])
        {
            var times = Enumerable.Range(0, Times).Select(_ => Rounds.Time(() => Exited(Cli.Start(command)))).Skip(1).ToArray();
            var name = string.Join(' ', command);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"whence {name,-18} {1e3 * Rounds.Median(times):F0} ms, median of {Times - 1} ({1e3 * times.Min():F0} to {1e3 * times.Max():F0})"));
            figures[name] = Rounds.Median(times);
        }

        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            var photos = Repository.Shared("data", "photos");
            var photo = Directory.EnumerateFiles(photos, "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();
            var index = Path.Combine(temporary, "index");
            Exited(Cli.Start("index", photo, "--out", index));
            var loaded = Mapped("attribute", photo, "--index", index);
            Console.WriteLine($"whence attribute maps {string.Join(", ", loaded)}{(loaded.Contains("libtorch") ? "" : "; no libtorch")}");
            figures["attributeMaps"] = new JsonArray([.. loaded.Select(l => (JsonNode)l)]);
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }

        return figures;
    }

    /// <summary>Which of the libraries a command maps into its process at any time, looked at often until it ends.</summary>
    private static string[] Mapped(params string[] command)
    {
        using var process = Cli.Start(command);
        var found = new SortedSet<string>(StringComparer.Ordinal);
        do
        {
            try
            {
                var maps = File.ReadAllText($"/proc/{process.Id}/maps");
                found.UnionWith(Libraries.Where(library => maps.Contains("/" + library, StringComparison.Ordinal)));
            }
            catch (IOException)
            {
                break; // it has just ended
            }
        }
        while (!process.WaitForExit(2));

        Exited(process);
        return [.. found];
    }

    private static void Exited(Process process)
    {
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"whence ended with {process.ExitCode}.");
        }
    }
}
