using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Whence.Search;

/// <summary>
/// Vectors as whole numbers, with a bound on what that costs.
/// <para>
/// A row x becomes levels r and a scale s, and e_x = |x - s r| is measured, not estimated. A query y becomes t r' with e_y likewise.
/// Then <c>x.y - (s r).(t r') = (x - s r).y + (s r).(y - t r')</c>, and by Cauchy and Schwarz its absolute value is at most
/// <c>e_x |y| + (|x| + e_x) e_y</c>, where |x| and |y| are 1 (or 0) after normalisation. The dot product of the levels is an
/// exact integer; all rounding that is left (conversions to float32, norms that are not quite 1, the rounding of the canonical
/// similarity itself) is below <see cref="Rounding"/>. So the canonical similarity lies within the bound, always.
/// </para>
/// <para>
/// Rows are int8 with a scale each (in the search layout, where bytes are what a scan costs) or int16 with one scale for all (in
/// memory, where a pair of int16 products costs no more than one of int8, and e_x is some thirty times smaller).
/// A sum of products fits an int, partial sums included, because by Cauchy and Schwarz it is at most the product of the two
/// norms; the query's scale sees to that.
/// </para>
/// </summary>
internal static class Quantizer
{
    /// <summary>
    /// More than all roundings of an approximate similarity and of the canonical one together: a handful of float32
    /// operations on numbers of about 1, of at most 2^-24 each.
    /// </summary>
    public const float Rounding = 2e-6f;

    /// <summary>The scale of every int16 row: elements of a unit vector reach 1.</summary>
    public const float ShortScale = 1f / short.MaxValue;

    /// <summary>No int8 row of this dimension has levels with a larger norm.</summary>
    public static double LargestByteNorm(int dimension) => sbyte.MaxValue * Math.Sqrt(dimension);

    /// <summary>No int16 row of this dimension that is a unit vector has levels with a larger norm.</summary>
    public static double LargestShortNorm(int dimension) => (short.MaxValue * 1.000001) + (0.5 * Math.Sqrt(dimension));

    /// <summary>Quantises a row to int8 into its group.</summary>
    /// <param name="row">d numbers.</param>
    /// <param name="group">The row's group from the row's own first element on, see <see cref="PairProduct.Offset"/>.</param>
    /// <param name="levels">Room for the levels: d numbers, one more where d is odd.</param>
    /// <returns>s and e_x; a row that is not finite gets an infinite error, so that nobody passes over it.</returns>
    public static (float Scale, float Error) ToBytes(ReadOnlySpan<float> row, Span<sbyte> group, Span<short> levels)
    {
        var largest = Math.Abs(TensorPrimitives.MaxMagnitude(row));
        if (!float.IsFinite(largest))
        {
            return (0, float.PositiveInfinity);
        }

        var scale = largest / sbyte.MaxValue;
        var error = Quantize(row, scale, levels);
        for (int i = 0, at = 0; i < levels.Length; i += 2, at += 2 * PairProduct.GroupRows)
        {
            (group[at], group[at + 1]) = ((sbyte)levels[i], (sbyte)levels[i + 1]);
        }

        return (scale, error);
    }

    /// <summary>Quantises a unit vector to int16 of the scale <see cref="ShortScale"/>.</summary>
    /// <param name="row">d numbers.</param>
    /// <param name="levels">Room for the levels: d numbers, one more where d is odd.</param>
    /// <returns>e_x; NaN where the row is not finite.</returns>
    public static float ToShorts(ReadOnlySpan<float> row, Span<short> levels) => Quantize(row, ShortScale, levels);

    /// <summary>Quantises a query to int16, as finely as sums of products with rows of the given norm allow.</summary>
    /// <param name="query">d numbers, of norm 1 or 0.</param>
    /// <param name="largestRowNorm">No row's levels have a larger norm.</param>
    /// <param name="levels">Room for the levels: d numbers, one more where d is odd.</param>
    /// <returns>t and e_y.</returns>
    public static (float Scale, float Error) ToQuery(ReadOnlySpan<float> query, double largestRowNorm, Span<short> levels)
    {
        // |r| |r'| <= 2^31 - 1, where |r'| <= |y| / t + sqrt(d) / 2.
        var largestNorm = (int.MaxValue / largestRowNorm) - (0.5 * Math.Sqrt(query.Length));
        var scale = (float)Math.Max(1.00002 / largestNorm, Math.Abs(TensorPrimitives.MaxMagnitude(query)) / (double)short.MaxValue);
        return (scale, Quantize(query, scale, levels));
    }

    /// <summary>Nearest levels, and the norm of what is left over, with room for the roundings on the way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Quantize(ReadOnlySpan<float> row, float scale, Span<short> levels)
    {
        levels[row.Length..].Clear();

        // Nothing but zeros, or so little that it vanishes in Rounding; its reciprocal would be no number.
        if (scale < 1e-30f)
        {
            levels.Clear();
            return 0;
        }

        var perStep = 1 / scale;
        var squares = Vector512<float>.Zero;
        var i = 0;
        for (; i <= row.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var x = Vector512.Create(row.Slice(i, Vector512<float>.Count));
            var level = Vector512.Round(x * perStep);
            var left = Vector512.MultiplyAddEstimate(level, Vector512.Create(-scale), x);
            squares = Vector512.MultiplyAddEstimate(left, left, squares);
            var whole = Vector512.ConvertToInt32Native(level);
            Vector256.Narrow(whole.GetLower(), whole.GetUpper()).CopyTo(levels.Slice(i, Vector512<float>.Count));
        }

        var square = Vector512.Sum(squares);
        for (; i < row.Length; i++)
        {
            var level = MathF.Round(row[i] * perStep);
            var left = row[i] - (level * scale);
            square += left * left;
            levels[i] = (short)level;
        }

        // What is left is off by at most 2^-24 |x| where the multiply-add is not fused; the sum, of d / 16 terms a lane, by 2^-24 a term.
        return (MathF.Sqrt(square) * 1.0005f) + 1.5e-7f;
    }
}
