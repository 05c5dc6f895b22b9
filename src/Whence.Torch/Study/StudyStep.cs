using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Whence.Files;
using Whence.Reports;

namespace Whence.Torch.Study;

/// <summary>
/// A step of a study: work whose files lie in a folder of its own. A stamp in the folder, written last, says what the files follow from and what is in
/// them; while it fits, the step is done.
/// </summary>
/// <param name="Name">For people.</param>
/// <param name="Folder">Its folder, in which nothing else lies.</param>
/// <param name="Inputs">All that the result follows from, by name; asked for when the steps before are done.</param>
/// <param name="Work">Makes the files; goes on where an interrupted run with the same inputs left something.</param>
internal sealed record StudyStep(
    string Name, string Folder, Func<IReadOnlyDictionary<string, string>> Inputs, Func<CancellationToken, Task> Work)
{
    /// <summary>Name of the stamp.</summary>
    public const string StampFile = "step.json";

    private const string FormatName = "whence-study-step";
    private const int CurrentVersion = 1;

    /// <summary>Works unless it is done already.</summary>
    /// <param name="checksums">Of files.</param>
    /// <param name="line">Told what is done and why; null for nobody.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <returns>Whether there was work.</returns>
    public async Task<bool> RunAsync(FileChecksums checksums, Action<string>? line, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var (inputs, stamp) = (Inputs(), ReadStamp());
        var why = stamp is null ? "" : Difference(inputs, stamp, checksums);
        if (why is null)
        {
            line?.Invoke($"{Name}: done before");
            return false;
        }

        line?.Invoke($"{Name}{(why.Length > 0 ? $" ({why})" : "")}");
        EvaluationFolder.Create(Folder);
        if (stamp is not null && (stamp.Outputs is not null || !Same(inputs, stamp.Inputs)))
        {
            Clear();
        }

        checksums.Forget(Folder);
        Write(new Stamp(FormatName, CurrentVersion, inputs, null));
        try
        {
            await Work(cancellation).ConfigureAwait(false);
        }
        catch (WhenceException e)
        {
            throw new WhenceException($"{Name}: {e.Message}", e);
        }

        foreach (var left in Files().Where(f => f.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal)))
        {
            File.Delete(Path.Combine(Folder, left));
        }

        Write(new Stamp(FormatName, CurrentVersion, inputs, Files().ToDictionary(f => f, f => checksums.Of(Path.Combine(Folder, f)))));
        return true;
    }

    /// <summary>All that came of it in one checksum; for a step that is done.</summary>
    public string Result() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\n', ReadStamp()!.Outputs!.OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => $"{o.Key} {o.Value}")))));

    // Null where nothing differs; empty for an interrupted run, which needs no reason.
    private string? Difference(IReadOnlyDictionary<string, string> inputs, Stamp stamp, FileChecksums checksums)
    {
        if (inputs.Keys.Union(stamp.Inputs.Keys).FirstOrDefault(key => inputs.GetValueOrDefault(key) != stamp.Inputs.GetValueOrDefault(key)) is { } changed)
        {
            return $"again, since '{changed}' is another";
        }

        return stamp.Outputs is null ? "going on"
            : stamp.Outputs.FirstOrDefault(o => !File.Exists(Path.Combine(Folder, o.Key)) || checksums.Of(Path.Combine(Folder, o.Key)) != o.Value) is { Key: { } output }
                ? $"again, since {output} is {(File.Exists(Path.Combine(Folder, output)) ? "another file now" : "gone")}"
            : null;
    }

    private static bool Same(IReadOnlyDictionary<string, string> one, IReadOnlyDictionary<string, string> other) =>
        one.Count == other.Count && one.All(pair => other.GetValueOrDefault(pair.Key) == pair.Value);

    // Paths in the folder, ordinal, with slashes.
    private string[] Files() => [.. Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(Folder, f).Replace('\\', '/')).Where(f => f != StampFile).Order(StringComparer.Ordinal)];

    private void Clear()
    {
        foreach (var file in Files())
        {
            File.Delete(Path.Combine(Folder, file));
        }
    }

    private void Write(Stamp stamp) => AtomicFile.Write(Path.Combine(Folder, StampFile), stream =>
    {
        JsonSerializer.Serialize(stream, stamp, RecipeJson.Options);
        stream.WriteByte((byte)'\n');
    });

    // One that cannot be read is as good as none.
    private Stamp? ReadStamp()
    {
        var path = Path.Combine(Folder, StampFile);
        try
        {
            return File.Exists(path) && JsonSerializer.Deserialize<Stamp>(File.ReadAllBytes(path), RecipeJson.Options) is { Format: FormatName, Version: CurrentVersion, Inputs: not null } stamp
                ? stamp : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private sealed record Stamp(string Format, int Version, IReadOnlyDictionary<string, string> Inputs, IReadOnlyDictionary<string, string>? Outputs);
}
