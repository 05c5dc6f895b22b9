using System.Diagnostics;

namespace Whence.Bench;

/// <summary>Times two contenders in turns, so that whatever else the machine does meets both.</summary>
internal static class Rounds
{
    /// <summary>Median seconds of a round for each, after two rounds of warming up.</summary>
    public static (double Ours, double Theirs) Medians(int rounds, Action ours, Func<double> theirs)
    {
        var (mine, other) = (new List<double>(), new List<double>());
        for (var round = -2; round < rounds; round++)
        {
            var clock = Stopwatch.StartNew();
            ours();
            var (a, b) = (clock.Elapsed.TotalSeconds, theirs());
            if (round >= 0)
            {
                mine.Add(a);
                other.Add(b);
            }
        }

        return (Median(mine), Median(other));
    }

    public static double Median(List<double> values)
    {
        values.Sort();
        return (values[(values.Count - 1) / 2] + values[values.Count / 2]) / 2;
    }
}
