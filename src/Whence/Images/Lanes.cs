using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Whence.Images;

/// <summary>Between the bytes of pixels and the 32-bit lanes in which the passes of a resize add up.</summary>
internal static class Lanes
{
    /// <summary>16 bytes (4 pixels) as 16 lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Load512(ref byte source) =>
        Vector512.WidenLower(Vector512.WidenLower(Vector128.LoadUnsafe(ref source).ToVector256Unsafe().ToVector512Unsafe())).AsInt32();

    /// <summary>8 bytes (2 pixels) as 8 lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load256(ref byte source)
    {
        var bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref source)).AsByte();
        return Vector256.WidenLower(Vector128.WidenLower(bytes).ToVector256Unsafe()).AsInt32();
    }

    /// <summary>4 bytes (1 pixel) as 4 lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Load128(ref byte source)
    {
        var bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref source)).AsByte();
        return Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32();
    }

    /// <summary>Rounds fixed-point sums (one half already added) to 0..255 and writes them as 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<int> sums, ref byte target)
    {
        var values = Vector512.Clamp(sums >> ResampleWeights.FractionBits, Vector512<int>.Zero, Vector512.Create(255)).AsUInt32();
        var shorts = Vector256.Narrow(values.GetLower(), values.GetUpper());
        Vector128.Narrow(shorts.GetLower(), shorts.GetUpper()).StoreUnsafe(ref target);
    }

    /// <summary>The same for 8 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> sums, ref byte target)
    {
        var values = Vector256.Clamp(sums >> ResampleWeights.FractionBits, Vector256<int>.Zero, Vector256.Create(255)).AsUInt32();
        var shorts = Vector128.Narrow(values.GetLower(), values.GetUpper());
        Unsafe.WriteUnaligned(ref target, Vector128.Narrow(shorts, shorts).AsUInt64().ToScalar());
    }

    /// <summary>The same for 4 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<int> sums, ref byte target)
    {
        var values = Vector128.Clamp(sums >> ResampleWeights.FractionBits, Vector128<int>.Zero, Vector128.Create(255)).AsUInt32();
        var shorts = Vector128.Narrow(values, values);
        Unsafe.WriteUnaligned(ref target, Vector128.Narrow(shorts, shorts).AsUInt32().ToScalar());
    }
}
