using System.IO.Hashing;
using System.Text;

namespace Whence.Images;

/// <summary>
/// Random numbers that depend on a seed, an image's path and the number of a view, and on nothing else: neither on the order of images, nor on
/// threads, nor on a version of .NET. SplitMix64 (Steele, Lea and Flood 2014).
/// </summary>
internal struct ViewRandom
{
    private ulong _state;

    public ViewRandom(int seed, string path, int view) =>
        _state = XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(path), ((long)seed << 32) | (uint)view);

    /// <summary>Uniform in [low, high).</summary>
    public double Uniform(double low, double high) => low + ((high - low) * (Next() >> 11) * (1.0 / (1UL << 53)));

    /// <summary>True with the given chance.</summary>
    public bool Chance(double chance) => Uniform(0, 1) < chance;

    /// <summary>Uniform in 0 .. count - 1.</summary>
    public int Below(int count) => (int)Math.BigMul(Next(), (ulong)count, out _);

    private ulong Next()
    {
        var z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }
}
