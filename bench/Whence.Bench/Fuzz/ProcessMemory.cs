using System.Globalization;

namespace Whence.Bench.Fuzz;

/// <summary>The peak of this process's resident memory since it was last reset; Linux only.</summary>
internal static class ProcessMemory
{
    public static void ResetPeak() => File.WriteAllText("/proc/self/clear_refs", "5");

    /// <summary>VmHWM in MiB.</summary>
    public static double PeakMegabytes()
    {
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0;
    }
}
