namespace Whence.Search;

/// <summary>
/// The k best of the keys (<see cref="RankKey"/>) that are added. They are gathered and cut back to k whenever there are twice as many, so
/// that the cost is linear and the memory stays below 2k and a chunk's rows. For one thread at a time, but for <see cref="Threshold"/>.
/// </summary>
/// <param name="k">At least 1.</param>
internal sealed class BestKeys(int k)
{
    private readonly ulong[] _keys = GC.AllocateUninitializedArray<ulong>((int)Math.Min((2L * k) + LayoutPart.ChunkRows, Array.MaxLength));
    private int _count;

    /// <summary>The k-th highest similarity when the keys were last cut back; minus infinity before.</summary>
    public float Threshold { get; private set; } = float.NegativeInfinity;

    /// <summary>Cuts the keys back where there is no room for more.</summary>
    /// <param name="added">How many are to be added, at most a chunk's rows.</param>
    /// <returns>Whether the keys were cut back.</returns>
    public bool MakeRoom(int added)
    {
        if (_count + added <= _keys.Length)
        {
            return false;
        }

        Threshold = RankKey.Similarity(Cut()[^1]);
        return true;
    }

    /// <summary>Adds a row, for which there is room.</summary>
    public void Add(float similarity, long row) => _keys[_count++] = RankKey.Pack(similarity, row);

    /// <summary>The k best, sorted, or all where there are fewer; the others are given up.</summary>
    public ReadOnlySpan<ulong> Cut()
    {
        RankKey.Sort(_keys.AsSpan(0, _count));
        _count = Math.Min(_count, k);
        return _keys.AsSpan(0, _count);
    }
}
