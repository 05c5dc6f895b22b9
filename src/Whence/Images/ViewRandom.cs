using System.IO.Hashing;
using System.Text;

namespace Whence.Images;

/// <summary>
/// Random numbers that depend on a seed, an image's path and the number of a view, and on nothing else: neither on the order of images, nor on
/// threads.
/// </summary>
internal struct ViewRandom(int seed, string path, int view)
{
    private SplitMix64 _random = new(XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(path), ((long)seed << 32) | (uint)view));

    /// <summary>Uniform in [low, high).</summary>
    public double Uniform(double low, double high) => low + ((high - low) * _random.NextDouble());

    /// <summary>True with the given chance.</summary>
    public bool Chance(double chance) => Uniform(0, 1) < chance;

    /// <summary>Uniform in 0 .. count - 1.</summary>
    public int Below(int count) => _random.Next(count);
}
