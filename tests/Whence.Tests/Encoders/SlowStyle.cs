using System.IO.Hashing;
using System.Numerics;

namespace Whence.Tests.Encoders;

/// <summary>Style as its definition says it: sums over positions, and a matrix that is written out.</summary>
internal static class SlowStyle
{
    /// <param name="layers">Of each layer, of each channel, its values.</param>
    /// <param name="dimension">Values of the descriptor.</param>
    /// <param name="seed">Of the projection.</param>
    public static double[] Of(float[][][] layers, int dimension, int seed = 0)
    {
        double[] statistics =
        [
            .. layers.SelectMany(channels => new[]
            {
                Block([.. channels.Select(map => map.Average(x => (double)x))]),
                Block([.. channels.Select(map => Math.Sqrt(map.Average(x => Math.Pow(x - map.Average(y => (double)y), 2))))]),
            }).SelectMany(block => block),
        ];
        return statistics.Length == dimension ? statistics : Project(statistics, dimension, seed);
    }

    public static double[] Project(double[] values, int dimension, int seed)
    {
        var length = (int)BitOperations.RoundUpToPowerOf2((uint)values.Length);
        var rows = Enumerable.Range(0, length).OrderBy(i => Random(seed, 1, i)).Take(dimension);
        return
        [
            .. rows.Select(row => values.Select((x, column) =>
                x * ((Random(seed, 0, column) & 1) == 0 ? 1 : -1) * (BitOperations.PopCount((uint)(row & column)) % 2 == 0 ? 1 : -1) / Math.Sqrt(length)).Sum()),
        ];
    }

    private static double[] Block(double[] values)
    {
        var centred = values.Select(x => x - values.Average()).ToArray();
        var length = Math.Sqrt(centred.Sum(x => x * x));
        return length < 1e-9 ? new double[values.Length] : [.. centred.Select(x => x / length)];
    }

    private static ulong Random(int seed, int purpose, int i) =>
        XxHash3.HashToUInt64([.. BitConverter.GetBytes(purpose), .. BitConverter.GetBytes(i)], seed);
}
