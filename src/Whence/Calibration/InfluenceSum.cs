namespace Whence.Calibration;

/// <summary>
/// Sum of the weights of Eq. 6, <c>relu(exp((s - s_max) / tau) - lambda)</c>. They are added as whole multiples of 2^-60, so the
/// sum is the same in whatever order, and by however many threads, it is taken.
/// </summary>
internal struct InfluenceSum
{
    private const double Unit = 1UL << 60;
    private UInt128 _sum;

    /// <summary>Number of weights above zero.</summary>
    public long Nonzero { get; private set; }

    /// <summary>The sum.</summary>
    public readonly double Value => (double)_sum / Unit;

    /// <summary>Adds a weight of at least 0.</summary>
    public void Add(double weight)
    {
        // Nearly always below 1; a conversion to 128 bits takes much longer.
        _sum += weight < 8 ? (ulong)(weight * Unit) : (UInt128)(weight * Unit);
        Nonzero += weight > 0 ? 1 : 0;
    }

    public static InfluenceSum operator +(InfluenceSum a, InfluenceSum b) => new() { _sum = a._sum + b._sum, Nonzero = a.Nonzero + b.Nonzero };
}
