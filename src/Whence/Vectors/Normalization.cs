using System.Numerics.Tensors;

namespace Whence.Vectors;

/// <summary>
/// L2 normalisation, so that the dot product of two features is their cosine similarity (section 4.2 of the paper: the
/// similarity of an exemplar and a synthesized image).
/// </summary>
public static class Normalization
{
    /// <summary>A vector shorter than this is divided by it instead of by its norm: zero stays zero, never NaN.</summary>
    public const double Epsilon = 1e-12;

    /// <summary>Euclidean norm, accumulated in float64 in an order that is the same on every machine.</summary>
    public static double Norm(ReadOnlySpan<float> row) => Math.Sqrt(DotProduct.Of(row, row));

    /// <summary>Divides the vector by max(its norm, <see cref="Epsilon"/>), in place.</summary>
    public static void NormalizeRow(Span<float> row)
    {
        var norm = Math.Max(Norm(row), Epsilon);
        if (norm <= float.MaxValue)
        {
            TensorPrimitives.Divide(row, (float)norm, row);
            return;
        }

        for (var i = 0; i < row.Length; i++)
        {
            row[i] = (float)(row[i] / norm);
        }
    }

    /// <summary>Normalises each row of an n x d matrix in place.</summary>
    /// <param name="rows">n times d numbers, row after row.</param>
    /// <param name="columns">d, at least 1.</param>
    public static void NormalizeRows(Span<float> rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        if (rows.Length % columns != 0)
        {
            throw new ArgumentException($"{rows.Length} numbers are not rows of {columns}.", nameof(rows));
        }

        for (var start = 0; start < rows.Length; start += columns)
        {
            NormalizeRow(rows.Slice(start, columns));
        }
    }
}
