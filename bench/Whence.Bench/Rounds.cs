using System.Diagnostics;

namespace Whence.Bench;

/// <summary>Times contenders in turns, so that whatever else the machine does meets all of them.</summary>
internal static class Rounds
{
    private const int WarmUp = 2;

    // The first of two short calls after the pause finds the processor asleep; everybody's second one is timed.
    private const double Short = 0.5;

    // The threads of a peer's OpenBLAS or OpenMP go on looking for work for a while after an answer, on the cores that the next one needs.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(300);

    /// <summary>Median seconds of a round for each, after two rounds of warming up.</summary>
    public static (double Ours, double Theirs) Medians(int rounds, Action ours, Func<double> theirs)
    {
        var seconds = Seconds(rounds, WarmUp, () => Time(ours), theirs);
        return (Median(seconds[0]), Median(seconds[1]));
    }

    /// <summary>Per contender the seconds of each of its rounds.</summary>
    public static double[][] Seconds(int rounds, int warmUp, params Func<double>[] contenders)
    {
        var seconds = contenders.Select(_ => new double[rounds]).ToArray();
        for (var round = -warmUp; round < rounds; round++)
        {
            for (var i = 0; i < contenders.Length; i++)
            {
                Thread.Sleep(Quiet);
                var elapsed = contenders[i]();
                if (elapsed < Short)
                {
                    elapsed = contenders[i]();
                }

                if (round >= 0)
                {
                    seconds[i][round] = elapsed;
                }
            }
        }

        return seconds;
    }

    public static double Time(Action action)
    {
        var clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalSeconds;
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
