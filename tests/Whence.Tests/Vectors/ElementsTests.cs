using System.Runtime.InteropServices;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

public class ElementsTests
{
    [Fact]
    public void Every_bfloat16_is_the_upper_half_of_its_float32()
    {
        var all = Enumerable.Range(0, 1 << 16).Select(i => (ushort)i).ToArray();
        var converted = new float[all.Length];
        Elements.ToSingle(ElementType.BF16, MemoryMarshal.AsBytes(all.AsSpan()), converted);
        Assert.All(all, i => Assert.Equal((uint)i << 16, BitConverter.SingleToUInt32Bits(converted[i])));
    }

    [Fact]
    public void Every_float16_converts_as_the_runtime_does()
    {
        var all = Enumerable.Range(0, 1 << 16).Select(i => BitConverter.UInt16BitsToHalf((ushort)i)).ToArray();
        var converted = new float[all.Length];
        Elements.ToSingle(ElementType.F16, MemoryMarshal.AsBytes(all.AsSpan()), converted);
        Assert.Equal(all.Select(half => (float)half), converted);
    }

    [Theory]
    [InlineData(new long[0], 1L)]
    [InlineData(new long[] { 3, 4 }, 12L)]
    [InlineData(new long[] { 0, long.MaxValue }, 0L)]
    [InlineData(new long[] { -1, 0 }, null)]
    [InlineData(new[] { long.MaxValue, 2 }, null)]
    [InlineData(new long[] { 1L << 32, 1L << 32 }, null)]
    public void The_product_of_a_shape_never_wraps_around(long[] shape, long? expected) => Assert.Equal(expected, Elements.Count(shape));
}
