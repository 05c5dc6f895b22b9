namespace Whence.Search;

/// <summary>A set of rows.</summary>
public sealed class RowSet
{
    private readonly HashSet<long> _without;
    private RowSet(long length, HashSet<long> without) => (Length, _without) = (length, without);

    /// <summary>n.</summary>
    public long Length { get; }

    /// <summary>Members.</summary>
    public long Count => Length - _without.Count;

    /// <summary>All.</summary>
    public static RowSet All(long length) => new(length, []);

    /// <summary>Without some.</summary>
    public RowSet Without(IEnumerable<long> ids) => new(Length, [.. _without, .. ids]);

    /// <summary>Contains.</summary>
    public bool Contains(long id) => !_without.Contains(id);

    internal int CopyMembers(long first, int count, Span<int> offsets)
    {
        var n = 0;
        for (var i = 0; i < count; i++) { if (!_without.Contains(first + i)) { offsets[n++] = i; } }
        return n;
    }
}
