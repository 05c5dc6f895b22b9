using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Whence.Search;

/// <summary>
/// Integer dot products of quantised rows and queries, many at a time. Rows lie in groups of 16: two elements of row 0, the
/// same two of row 1, ... row 15, then the next two of row 0, and so on. So a vector holds one pair of elements of 16 rows, a
/// query's pair is the same for all of them, and the sums of 16 rows come out side by side: nothing is added up across lanes.
/// Two vectors of rows meet four queries at a time, so that every load serves several multiply-adds. (Inner loops here and in what
/// leads here are compiled with all optimisations at once: a command that asks one question would be over before the runtime sees the need.)
/// </summary>
internal static class PairProduct
{
    /// <summary>Rows in a group.</summary>
    public const int GroupRows = 16;

    private const int PairsOfGroup = 2 * GroupRows;
    private const nint PrefetchBytes = 4096;

    /// <summary>Number of pairs of a vector: an odd dimension is filled up with a zero.</summary>
    public static int Pairs(int dimension) => (dimension + 1) / 2;

    /// <summary>Number of groups that so many rows fill; the last one's missing rows are zeros.</summary>
    public static int Groups(int rows) => (rows + GroupRows - 1) / GroupRows;

    /// <summary>Elements (int8 or int16) that the groups of so many rows take.</summary>
    public static int Length(int rows, int pairs) => checked(Groups(rows) * pairs * PairsOfGroup);

    /// <summary>Where the pair <paramref name="pair"/> of a row lies among the elements.</summary>
    public static int Offset(int row, int pair, int pairs) => (((row / GroupRows * pairs) + pair) * PairsOfGroup) + (row % GroupRows * 2);

    /// <summary>Brings 16 int16 rows, one after the other, into the order of a group.</summary>
    /// <param name="rows">16 x <paramref name="pairs"/>, two int16 each.</param>
    /// <param name="pairs">Pairs of a row.</param>
    /// <param name="group">As many numbers.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Interleave(ReadOnlySpan<int> rows, int pairs, Span<int> group)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows.Length, GroupRows * pairs);
        ArgumentOutOfRangeException.ThrowIfNotEqual(group.Length, rows.Length);
        ref var source = ref MemoryMarshal.GetReference(rows);
        ref var target = ref MemoryMarshal.GetReference(group);

        // Four pairs of four rows at a time: a matrix to be transposed, by taking elements of two rows in turns, and two of these again.
        var whole = pairs - (pairs % 4);
        for (var p = 0; p < whole; p += 4)
        {
            for (var row = 0; row < GroupRows; row += 4)
            {
                ref var from = ref Unsafe.Add(ref source, (row * pairs) + p);
                var a = Vector128.LoadUnsafe(ref from);
                var b = Vector128.LoadUnsafe(ref Unsafe.Add(ref from, pairs));
                var c = Vector128.LoadUnsafe(ref Unsafe.Add(ref from, 2 * pairs));
                var d = Vector128.LoadUnsafe(ref Unsafe.Add(ref from, 3 * pairs));
                var (low, high) = (PairLanes128.ZipLow(a, b).AsInt64(), PairLanes128.ZipLow(c, d).AsInt64());
                ref var to = ref Unsafe.Add(ref target, (p * GroupRows) + row);
                PairLanes128.ZipLow(low, high).AsInt32().StoreUnsafe(ref to);
                PairLanes128.ZipHigh(low, high).AsInt32().StoreUnsafe(ref to, GroupRows);
                (low, high) = (PairLanes128.ZipHigh(a, b).AsInt64(), PairLanes128.ZipHigh(c, d).AsInt64());
                PairLanes128.ZipLow(low, high).AsInt32().StoreUnsafe(ref to, 2 * GroupRows);
                PairLanes128.ZipHigh(low, high).AsInt32().StoreUnsafe(ref to, 3 * GroupRows);
            }
        }

        for (var p = whole; p < pairs; p++)
        {
            for (var row = 0; row < GroupRows; row++)
            {
                group[(p * GroupRows) + row] = rows[(row * pairs) + p];
            }
        }
    }

    /// <summary>Dot products of every row with every query. They fit an int when the product of the norms does.</summary>
    /// <typeparam name="TElement">sbyte or short.</typeparam>
    /// <param name="rows">Groups of rows, see <see cref="Offset"/>.</param>
    /// <param name="queries">Queries x <paramref name="pairs"/>, two int16 each.</param>
    /// <param name="pairs">Pairs of a row or query.</param>
    /// <param name="products">Queries x (groups x 16).</param>
    public static void Multiply<TElement>(ReadOnlySpan<TElement> rows, ReadOnlySpan<int> queries, int pairs, Span<int> products)
        where TElement : unmanaged
    {
        if (Vector512.IsHardwareAccelerated && Avx512BW.IsSupported)
        {
            Multiply<PairLanes512, Vector512<int>, TElement>(rows, queries, pairs, products);
        }
        else if (Avx2.IsSupported)
        {
            Multiply<PairLanes256, Vector256<int>, TElement>(rows, queries, pairs, products);
        }
        else
        {
            Multiply<PairLanes128, Vector128<int>, TElement>(rows, queries, pairs, products);
        }
    }

    /// <summary>The same at one width.</summary>
    public static void Multiply<TLanes, TVector, TElement>(
        ReadOnlySpan<TElement> rows, ReadOnlySpan<int> queries, int pairs, Span<int> products)
        where TLanes : IPairLanes<TVector>
        where TVector : struct
        where TElement : unmanaged
    {
        var groups = rows.Length / (pairs * PairsOfGroup);
        var count = queries.Length / pairs;
        var stride = groups * GroupRows;
        if (rows.Length != groups * pairs * PairsOfGroup || queries.Length != count * pairs || products.Length != count * stride)
        {
            throw new ArgumentException($"{rows.Length} elements, {queries.Length} and {products.Length} products do not fit {pairs} pairs.");
        }

        ref var source = ref MemoryMarshal.GetReference(rows);
        ref var target = ref MemoryMarshal.GetReference(products);
        for (var row = 0; row < stride; row += 2 * TLanes.Rows)
        {
            // Where the number of vectors is odd, the last one is computed twice.
            var next = Math.Min(row + TLanes.Rows, stride - TLanes.Rows);
            ref var first = ref Unsafe.Add(ref source, Offset(row, 0, pairs));
            ref var second = ref Unsafe.Add(ref source, Offset(next, 0, pairs));
            var q = 0;
            for (; q <= count - 4; q += 4)
            {
                ref var query = ref Unsafe.Add(ref MemoryMarshal.GetReference(queries), q * pairs);
                MultiplyFour<TLanes, TVector, TElement>(
                    ref first, ref second, ref query, pairs, ref Unsafe.Add(ref target, (q * stride) + row), next - row, stride);
            }

            for (; q < count; q++)
            {
                ref var query = ref Unsafe.Add(ref MemoryMarshal.GetReference(queries), q * pairs);
                MultiplyOne<TLanes, TVector, TElement>(ref first, ref query, pairs, ref Unsafe.Add(ref target, (q * stride) + row));
                MultiplyOne<TLanes, TVector, TElement>(ref second, ref query, pairs, ref Unsafe.Add(ref target, (q * stride) + next));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyFour<TLanes, TVector, TElement>(
        ref TElement first, ref TElement second, ref int query, int pairs, ref int target, int next, int stride)
        where TLanes : IPairLanes<TVector>
        where TVector : struct
        where TElement : unmanaged
    {
        TVector a0 = default, a1 = default, a2 = default, a3 = default;
        TVector b0 = default, b1 = default, b2 = default, b3 = default;
        for (var p = 0; p < pairs; p++)
        {
            var x = Load<TLanes, TVector, TElement>(ref Unsafe.Add(ref first, p * PairsOfGroup));
            var y = Load<TLanes, TVector, TElement>(ref Unsafe.Add(ref second, p * PairsOfGroup));
            var pair = TLanes.Broadcast(Unsafe.Add(ref query, p));
            (a0, b0) = (TLanes.MultiplyAdd(a0, x, pair), TLanes.MultiplyAdd(b0, y, pair));
            pair = TLanes.Broadcast(Unsafe.Add(ref query, p + pairs));
            (a1, b1) = (TLanes.MultiplyAdd(a1, x, pair), TLanes.MultiplyAdd(b1, y, pair));
            pair = TLanes.Broadcast(Unsafe.Add(ref query, p + (2 * pairs)));
            (a2, b2) = (TLanes.MultiplyAdd(a2, x, pair), TLanes.MultiplyAdd(b2, y, pair));
            pair = TLanes.Broadcast(Unsafe.Add(ref query, p + (3 * pairs)));
            (a3, b3) = (TLanes.MultiplyAdd(a3, x, pair), TLanes.MultiplyAdd(b3, y, pair));
        }

        TLanes.Store(a0, ref target);
        TLanes.Store(b0, ref Unsafe.Add(ref target, next));
        TLanes.Store(a1, ref Unsafe.Add(ref target, stride));
        TLanes.Store(b1, ref Unsafe.Add(ref target, stride + next));
        TLanes.Store(a2, ref Unsafe.Add(ref target, 2 * stride));
        TLanes.Store(b2, ref Unsafe.Add(ref target, (2 * stride) + next));
        TLanes.Store(a3, ref Unsafe.Add(ref target, 3 * stride));
        TLanes.Store(b3, ref Unsafe.Add(ref target, (3 * stride) + next));
    }

    /// <summary>One query reads rows about as fast as memory gives them, so they are asked for ahead of time, across pages.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void MultiplyOne<TLanes, TVector, TElement>(ref TElement rows, ref int query, int pairs, ref int target)
        where TLanes : IPairLanes<TVector>
        where TVector : struct
        where TElement : unmanaged
    {
        TVector a = default, b = default;
        var p = 0;
        for (; p <= pairs - 2; p += 2)
        {
            ref var source = ref Unsafe.Add(ref rows, p * PairsOfGroup);
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.AddByteOffset(ref source, PrefetchBytes)));
            }

            a = TLanes.MultiplyAdd(a, Load<TLanes, TVector, TElement>(ref source), TLanes.Broadcast(Unsafe.Add(ref query, p)));
            b = TLanes.MultiplyAdd(b, Load<TLanes, TVector, TElement>(ref Unsafe.Add(ref source, PairsOfGroup)), TLanes.Broadcast(Unsafe.Add(ref query, p + 1)));
        }

        if (p < pairs)
        {
            a = TLanes.MultiplyAdd(a, Load<TLanes, TVector, TElement>(ref Unsafe.Add(ref rows, p * PairsOfGroup)), TLanes.Broadcast(Unsafe.Add(ref query, p)));
        }

        TLanes.Store(TLanes.Add(a, b), ref target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Load<TLanes, TVector, TElement>(ref TElement source)
        where TLanes : IPairLanes<TVector>
        where TVector : struct
        where TElement : unmanaged =>
        typeof(TElement) == typeof(short)
            ? TLanes.Load(ref Unsafe.As<TElement, short>(ref source))
            : TLanes.Load(ref Unsafe.As<TElement, sbyte>(ref source));
}
