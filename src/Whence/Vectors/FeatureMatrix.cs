namespace Whence.Vectors;

/// <summary>n feature vectors of dimension d: an n x d matrix of float32 in one array, row after row.</summary>
public sealed class FeatureMatrix
{
    private readonly float[] _values;

    /// <summary>Wraps the array; it is not copied.</summary>
    /// <param name="rows">n, at least 0.</param>
    /// <param name="columns">d, at least 1.</param>
    /// <param name="values">Exactly n times d numbers, row after row.</param>
    /// <exception cref="ArgumentException">The array's length is not n times d.</exception>
    public FeatureMatrix(int rows, int columns, float[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        if (values.Length != (long)rows * columns)
        {
            throw new ArgumentException($"{values.Length} values are not {rows} x {columns}.", nameof(values));
        }

        Rows = rows;
        Columns = columns;
        _values = values;
    }

    /// <summary>n, the number of vectors.</summary>
    public int Rows { get; }

    /// <summary>d, the dimension of each vector.</summary>
    public int Columns { get; }

    /// <summary>All n times d numbers, row after row.</summary>
    public Span<float> Span => _values;

    /// <summary>All n times d numbers, row after row, for use across threads.</summary>
    public Memory<float> Memory => _values;

    /// <summary>One vector.</summary>
    /// <param name="i">0 to n - 1.</param>
    /// <returns>Its d numbers, not a copy.</returns>
    public ReadOnlySpan<float> Row(int i)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(i);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(i, Rows);
        return _values.AsSpan(i * Columns, Columns);
    }
}
