using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>Queries as int16, for rows of a known largest norm, and the bounds that follow (<see cref="Quantizer"/>).</summary>
internal sealed class QuantizedQueries
{
    private readonly int[] _pairs;
    private readonly float[] _scales;
    private readonly float[] _errors;

    public QuantizedQueries(FeatureMatrix queries, double largestRowNorm)
    {
        Count = queries.Rows;
        PairsOfQuery = PairProduct.Pairs(queries.Columns);
        _pairs = new int[Count * PairsOfQuery];
        (_scales, _errors) = (new float[Count], new float[Count]);
        for (var q = 0; q < Count; q++)
        {
            (_scales[q], _errors[q]) = Quantizer.ToQuery(queries.Row(q), largestRowNorm, MemoryMarshal.Cast<int, short>(_pairs.AsSpan(q * PairsOfQuery, PairsOfQuery)));
        }
    }

    public int Count { get; }

    public int PairsOfQuery { get; }

    /// <summary>Levels of consecutive queries.</summary>
    public ReadOnlySpan<int> Pairs(int first, int count) => _pairs.AsSpan(first * PairsOfQuery, count * PairsOfQuery);

    /// <summary>Upper bounds of a query's canonical similarities to rows.</summary>
    /// <param name="query">The query's number.</param>
    /// <param name="products">Dot products of the levels; a multiple of 16.</param>
    /// <param name="scales">The rows' scales.</param>
    /// <param name="errors">The rows' errors; minus infinity makes the bound minus infinity.</param>
    /// <param name="largestError">The largest of them.</param>
    /// <param name="upper">Where the bounds go.</param>
    /// <returns>How far below its bound a similarity can be.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float Bound(
        int query, ReadOnlySpan<int> products, ReadOnlySpan<float> scales, ReadOnlySpan<float> errors, float largestError, Span<float> upper)
    {
        var own = (_errors[query] * (1.00001f + Math.Max(largestError, 0))) + Quantizer.Rounding;
        var (scale, term) = (Vector512.Create(_scales[query]), Vector512.Create(own));
        for (var i = 0; i <= products.Length - Vector512<int>.Count; i += Vector512<int>.Count)
        {
            var product = Vector512.ConvertToSingle(Vector512.Create(products[i..])) * Vector512.Create(scales[i..]);
            Vector512.MultiplyAddEstimate(product, scale, Vector512.Create(errors[i..]) + term).CopyTo(upper[i..]);
        }

        return 2 * (Math.Max(largestError, 0) + own);
    }
}
