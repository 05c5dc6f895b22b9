using System.Diagnostics;
using System.Globalization;
using System.Text;
using Whence.Files;
using Whence.Reports;

namespace Whence.Torch.Study;

/// <summary>
/// <c>timings.csv</c> in a study's folder: what each step took, a line added whenever one ends or is interrupted. Nothing else of a study depends on it.
/// </summary>
/// <param name="folder">The study's folder, which is made.</param>
public sealed class StudyTimings(string folder)
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "timings.csv";

    private const string Header = "step,ended,seconds,processor_seconds,peak_memory_mb";
    private const double Mega = 1e6;

    /// <summary>Measures a step.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="work">Does it, and says whether there was anything to do; what was passed over has no line.</param>
    /// <exception cref="WhenceException">The file cannot be written.</exception>
    public async Task<bool> MeasureAsync(string name, Func<Task<bool>> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        ForgetPeak();
        var (watch, processor, worked, ended) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime, true, false);
        try
        {
            worked = await work().ConfigureAwait(false);
            ended = true;
            return worked;
        }
        finally
        {
            if (worked)
            {
                Add(string.Create(CultureInfo.InvariantCulture, $"\"{name.Replace("\"", "\"\"")}\",{(ended ? "yes" : "no")},{watch.Elapsed.TotalSeconds:F1},{(Environment.CpuUsage.TotalTime - processor).TotalSeconds:F1},{Peak() / Mega:F0}"));
            }
        }
    }

    private void Add(string line)
    {
        EvaluationFolder.Create(folder);
        var path = Path.Combine(folder, FileName);
        var before = File.Exists(path) ? File.ReadAllText(path) : Header + "\n";
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes($"{before}{line}\n")));
    }

    // Linux forgets the peak where it is asked to (proc(5)); elsewhere it is that of the whole run.
    private static void ForgetPeak()
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                File.WriteAllText("/proc/self/clear_refs", "5");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // then as elsewhere
            }
        }
    }

    private static long Peak()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
