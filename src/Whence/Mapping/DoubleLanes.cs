using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Whence.Mapping;

/// <summary>
/// What <see cref="MatrixProduct"/> needs of a vector register: a lane is the float64 sum of one output. Each operation is
/// one of IEEE 754 on each lane by itself, so all widths give the same bits.
/// </summary>
internal interface IDoubleLanes<TVector> where TVector : struct
{
    /// <summary>Number of lanes; two vectors' lanes divide <see cref="MatrixProduct.PanelOutputs"/>.</summary>
    static abstract int Count { get; }

    static abstract TVector Load(ref double source);

    /// <summary>Two vectors' worth of float32, widened, which is exact.</summary>
    static abstract (TVector Low, TVector High) Widen(ref float source);

    static abstract TVector Broadcast(double value);

    /// <summary>
    /// sum + a b. Where a and b were float32, their product is exact in float64, and the sum is rounded the same whether the
    /// processor has a fused multiply-add or not.
    /// </summary>
    static abstract TVector MultiplyAdd(TVector sum, TVector a, TVector b);

    /// <summary>Rounds to float32, to nearest, ties to even.</summary>
    static abstract void Narrow(TVector low, TVector high, ref float target);
}

/// <summary>AVX-512: 8 outputs.</summary>
internal readonly struct DoubleLanes512 : IDoubleLanes<Vector512<double>>
{
    public static int Count => Vector512<double>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Load(ref double source) => Vector512.LoadUnsafe(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<double> Low, Vector512<double> High) Widen(ref float source) => Vector512.Widen(Vector512.LoadUnsafe(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Broadcast(double value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> MultiplyAdd(Vector512<double> sum, Vector512<double> a, Vector512<double> b) =>
        Vector512.MultiplyAddEstimate(a, b, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Narrow(Vector512<double> low, Vector512<double> high, ref float target) =>
        Vector512.Narrow(low, high).StoreUnsafe(ref target);
}

/// <summary>AVX2: 4 outputs.</summary>
internal readonly struct DoubleLanes256 : IDoubleLanes<Vector256<double>>
{
    public static int Count => Vector256<double>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Load(ref double source) => Vector256.LoadUnsafe(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<double> Low, Vector256<double> High) Widen(ref float source) => Vector256.Widen(Vector256.LoadUnsafe(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Broadcast(double value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplyAdd(Vector256<double> sum, Vector256<double> a, Vector256<double> b) =>
        Vector256.MultiplyAddEstimate(a, b, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Narrow(Vector256<double> low, Vector256<double> high, ref float target) =>
        Vector256.Narrow(low, high).StoreUnsafe(ref target);
}

/// <summary>Every machine, ARM among them: 2 outputs, in software where there are no vectors.</summary>
internal readonly struct DoubleLanes128 : IDoubleLanes<Vector128<double>>
{
    public static int Count => Vector128<double>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Load(ref double source) => Vector128.LoadUnsafe(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<double> Low, Vector128<double> High) Widen(ref float source) => Vector128.Widen(Vector128.LoadUnsafe(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Broadcast(double value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyAdd(Vector128<double> sum, Vector128<double> a, Vector128<double> b) =>
        Vector128.MultiplyAddEstimate(a, b, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Narrow(Vector128<double> low, Vector128<double> high, ref float target) =>
        Vector128.Narrow(low, high).StoreUnsafe(ref target);
}
