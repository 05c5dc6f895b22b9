using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench;

/// <summary>Resident memory of a process, in bytes, as Linux counts it.</summary>
/// <param name="Resident">VmRSS: now.</param>
/// <param name="Peak">VmHWM: the most so far.</param>
/// <param name="Anonymous">RssAnon: the part that the process holds itself.</param>
/// <param name="File">RssFile: the part that is mapped from files, which the system can take back at any time.</param>
internal sealed record Memory(long Resident, long Peak, long Anonymous, long File)
{
    /// <summary>Null where the process has ended.</summary>
    public static Memory? Of(int process)
    {
        string[] lines;
        try
        {
            lines = System.IO.File.ReadAllLines($"/proc/{process}/status");
        }
        catch (IOException)
        {
            return null;
        }

        return Bytes("VmRSS:") is { } resident ? new Memory(resident, Bytes("VmHWM:")!.Value, Bytes("RssAnon:")!.Value, Bytes("RssFile:")!.Value) : null;

        // "VmRSS:     12345 kB"; a process that is ending has no such lines any more.
        long? Bytes(string field) => Array.Find(lines, line => line.StartsWith(field, StringComparison.Ordinal)) is { } line
            ? 1024 * long.Parse(line[field.Length..^2].Trim(), CultureInfo.InvariantCulture)
            : null;
    }

    /// <summary>Makes this process's peak begin anew with what is resident now.</summary>
    public static void ForgetPeak() => System.IO.File.WriteAllText("/proc/self/clear_refs", "5"); // proc(5): resets VmHWM

    public JsonObject ToJson() => new() { ["resident"] = Resident, ["peak"] = Peak, ["anonymous"] = Anonymous, ["file"] = File };

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Resident / 1e6,8:F0} MB resident ({Anonymous / 1e6:F0} own + {File / 1e6:F0} mapped), peak {Peak / 1e6:F0} MB");
}
