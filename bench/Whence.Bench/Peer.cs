using System.Diagnostics;
using System.Globalization;

namespace Whence.Bench;

/// <summary>
/// A script or program of <c>bench/peers</c> that stays alive and answers each line with one line, so that rounds of ours and of the
/// peer's alternate in one run, on the same machine in the same state, with as many threads as ours.
/// </summary>
internal sealed class Peer : IDisposable
{
    private readonly Process _process;

    /// <summary>A Python script.</summary>
    public Peer(string script, int threads, params string[] arguments)
        : this(threads, "/usr/bin/python3", ["-W", "ignore", Path.Combine(Repository.Root, "bench", "peers", script), .. arguments])
    {
    }

    /// <summary>Any program.</summary>
    public Peer(int threads, string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (var variable in new[] { "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS" })
        {
            start.Environment[variable] = threads.ToString(CultureInfo.InvariantCulture);
        }

        // What the machine says of OpenBLAS's kernels may not slow the peer down: it chooses for itself.
        start.Environment.Remove("OPENBLAS_CORETYPE");
        start.Environment.Remove("OPENBLAS_L2_SIZE");
        _process = Process.Start(start)!;
    }

    public int ProcessId => _process.Id;

    /// <summary>The peer's answer to one line.</summary>
    public string Ask(string line)
    {
        _process.StandardInput.WriteLine(line);
        return _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The peer ended; see its error above.");
    }

    /// <summary>An answer in seconds.</summary>
    public double Seconds(string line) => double.Parse(Ask(line), CultureInfo.InvariantCulture);

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
