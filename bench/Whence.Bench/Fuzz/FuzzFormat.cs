using System.Diagnostics;

namespace Whence.Bench.Fuzz;

/// <summary>A sound file: where it lies in the case's folder, its bytes, and the files that must lie beside it.</summary>
internal sealed record FuzzSeed(string Path, byte[] Bytes, params (string Path, byte[] Bytes)[] Beside);

/// <summary>A file format: sound files to start from, and the public entry that reads such a file.</summary>
/// <param name="Name">As in the table.</param>
/// <param name="Weight">Its share of the cases.</param>
/// <param name="Seeds">At least one.</param>
/// <param name="Read">Reads the damaged file as the program would.</param>
internal sealed record FuzzFormat(string Name, int Weight, IReadOnlyList<FuzzSeed> Seeds, Action<Attempt> Read)
{
    /// <summary>Puts right what would hide the damage from everything behind it: checksums and lengths of headers.</summary>
    public Func<byte[], byte[]>? Repair { get; init; }

    /// <summary>Whether the file, or the header that all depends on, is written in letters.</summary>
    public bool IsText { get; init; }

    /// <summary>All formats.</summary>
    public static IReadOnlyList<FuzzFormat> All { get; } =
        [.. ImageFormats.All(), .. VectorFormats.All(), .. SourceFormats.All(), .. IndexFormats.All(), .. LayoutFormats.All(), .. CheckpointFormats.All(), .. SettingsFormats.All()];

    /// <summary>The formats whose names begin so; all for null.</summary>
    public static IReadOnlyList<FuzzFormat> Find(string? name) =>
        [.. All.Where(format => format.Name.StartsWith(name ?? "", StringComparison.Ordinal))];
}

/// <summary>One reading of a damaged file, step by step: every step may end in a <see cref="WhenceException"/> of one line.</summary>
internal sealed class Attempt(string folder, string file, int number)
{
    /// <summary>The case's folder.</summary>
    public string Folder { get; } = folder;

    /// <summary>The damaged file.</summary>
    public string File { get; } = file;

    /// <summary>The case's number, to alternate between entries.</summary>
    public int Number { get; } = number;

    /// <summary>The first refusal's message; null while everything was accepted.</summary>
    public string? Refusal { get; private set; }

    /// <summary>Runs a step; false where it was refused.</summary>
    public bool Try(Action step)
    {
        try
        {
            step();
            return true;
        }
        catch (WhenceException e)
        {
            Refusal ??= e.Message;
            return e.Message.Length is > 0 and < 5000 && !e.Message.Any(char.IsControl)
                ? false
                : throw new UnreachableException($"a message of {e.Message.Length} characters is not one line: {e.Message[..Math.Min(200, e.Message.Length)]}");
        }
    }

    /// <summary>Runs an asynchronous step; false where it was refused.</summary>
    public bool Try(Func<Task> step) => Try(() => step().GetAwaiter().GetResult());
}
