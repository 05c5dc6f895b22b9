namespace Whence;

/// <summary>
/// Random numbers (Steele, Lea and Flood 2014) that follow from a seed alone, on every version of .NET: what is drawn can be repeated, and what was
/// interrupted draws what it would have drawn.
/// </summary>
internal struct SplitMix64
{
    private ulong _state;

    /// <summary>Numbers that follow from a state.</summary>
    public SplitMix64(ulong state) => _state = state;

    /// <summary>A stream of numbers of its own for each seed and purpose.</summary>
    public SplitMix64(long seed, long stream)
    {
        _state = (ulong)seed;
        _state = Next() + (ulong)stream;
        _state = Next();
    }

    /// <summary>Uniform in 0 to count - 1; off by less than count / 2^64.</summary>
    public int Next(int count) => (int)Math.BigMul(Next(), (ulong)count, out _);

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1L << 53));

    /// <summary>Puts items into a random order, each equally likely.</summary>
    public void Shuffle(Span<int> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var other = Next(i + 1);
            (items[i], items[other]) = (items[other], items[i]);
        }
    }

    private ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
