namespace Whence.Bench;

/// <summary>The real command line, killed (SIGKILL) at random instants and started again until it ends.</summary>
/// <param name="folder">What it writes.</param>
/// <param name="arguments">The command; the same goes on where it was killed.</param>
internal sealed class KilledCommand(string folder, params string[] arguments)
{
    /// <summary>What it writes.</summary>
    public string Folder => folder;

    /// <summary>Runs it and kills it after a while; true where it was faster.</summary>
    /// <param name="until">From the start of the process; null: never.</param>
    public bool Run(TimeSpan? until = null)
    {
        using var process = Cli.Start(arguments);
        if (!process.WaitForExit(until ?? Timeout.InfiniteTimeSpan))
        {
            process.Kill();
        }

        process.WaitForExit();
        return process.ExitCode switch
        {
            0 => true,
            137 => false,
            _ => throw new InvalidOperationException($"whence {arguments[0]} ended with {process.ExitCode}."),
        };
    }

    /// <summary>How many files two folders have, and whether they have the same with the same bytes.</summary>
    public static (int Files, bool Equal) Compare(string one, string other)
    {
        var (first, second) = (Files(one), Files(other));
        return (first.Count, first.Keys.SequenceEqual(second.Keys) && first.All(file => second[file.Key].AsSpan().SequenceEqual(file.Value)));
    }

    private static SortedDictionary<string, byte[]> Files(string folder) =>
        new(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(path => Path.GetRelativePath(folder, path), File.ReadAllBytes), StringComparer.Ordinal);
}
