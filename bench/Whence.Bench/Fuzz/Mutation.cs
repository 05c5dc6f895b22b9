using System.Buffers.Binary;

namespace Whence.Bench.Fuzz;

/// <summary>Damages a file: bits, bytes, runs, lengths, integers and text; the same random numbers give the same bytes.</summary>
internal static class Mutation
{
    private static readonly byte[] EdgeBytes = [0, 255, 127, 128];

    private static readonly long[] EdgeIntegers =
        [0, -1, 1, short.MaxValue, ushort.MaxValue, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue, long.MinValue, 65_536, 1 << 28];

    /// <summary>One wound or up to four; now and then a splice with another file of the format.</summary>
    /// <param name="sound">What is damaged.</param>
    /// <param name="other">Another file of the format.</param>
    /// <param name="isText">Whether tokens are the better target than bytes.</param>
    /// <param name="random">Where and how.</param>
    public static byte[] Apply(byte[] sound, byte[] other, bool isText, Random random)
    {
        var bytes = sound;
        if (random.Next(12) == 0)
        {
            bytes = [.. bytes[..random.Next(bytes.Length + 1)], .. other[random.Next(other.Length + 1)..]];
        }

        for (var wounds = random.Next(2) == 0 ? 1 : random.Next(2, 5); wounds > 0 && bytes.Length > 0; wounds--)
        {
            bytes = random.Next(8) < (isText ? 6 : 1) && TextMutation.Apply(bytes, random) is { } text ? text : Wound(bytes, random);
        }

        return bytes;
    }

    private static byte[] Wound(byte[] bytes, Random random)
    {
        var copy = bytes.ToArray();
        var at = Place(bytes.Length, random);
        var run = Math.Min(random.Next(4) == 0 ? random.Next(1, 4096) : random.Next(1, 32), bytes.Length - at);
        switch (random.Next(11))
        {
            case 0 or 1:
                for (var flips = random.Next(1, 5); flips > 0; flips--)
                {
                    copy[Place(copy.Length, random)] ^= (byte)(1 << random.Next(8));
                }

                return copy;
            case 2 or 3:
                copy[at] = EdgeBytes[random.Next(EdgeBytes.Length)];
                return copy;
            case 4 or 5:
                WriteInteger(copy.AsSpan(at), EdgeIntegers[random.Next(EdgeIntegers.Length)], random);
                return copy;
            case 6: // a Thrift or protobuf integer longer than what stood there
                return [.. bytes[..at], .. Varint((ulong)EdgeIntegers[random.Next(EdgeIntegers.Length)]), .. bytes[(at + 1)..]];
            case 7:
                return [.. bytes[..at], .. bytes[(at + run)..]];
            case 8:
                return [.. bytes[..(at + run)], .. bytes[at..]];
            case 9:
                return random.Next(3) > 0 ? bytes[..at] : Swap(copy, at, Place(bytes.Length, random), run);
            default:
                var inserted = new byte[run];
                random.NextBytes(inserted);
                return [.. bytes[..at], .. inserted, .. bytes[at..]];
        }
    }

    /// <summary>Half the places near an end, where headers and tables of contents lie.</summary>
    private static int Place(int length, Random random) => random.Next(4) switch
    {
        0 => random.Next(Math.Min(32 << random.Next(5), length)),
        1 => random.Next(Math.Max(0, length - 256), length),
        _ => random.Next(length),
    };

    private static void WriteInteger(Span<byte> target, long value, Random random)
    {
        Span<byte> bytes = stackalloc byte[8];
        var size = 2 << random.Next(3);
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        bytes = bytes[..size];
        if (random.Next(2) == 0)
        {
            bytes.Reverse();
        }

        bytes[..Math.Min(size, target.Length)].CopyTo(target);
    }

    private static List<byte> Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value > 127; value >>= 7)
        {
            bytes.Add((byte)(value | 128));
        }

        bytes.Add((byte)value);
        return bytes;
    }

    private static byte[] Swap(byte[] bytes, int a, int b, int run)
    {
        run = Math.Min(run, Math.Min(bytes.Length - Math.Max(a, b), Math.Abs(a - b)));
        var (first, second) = (bytes[a..(a + run)], bytes[b..(b + run)]);
        first.CopyTo(bytes, b);
        second.CopyTo(bytes, a);
        return bytes;
    }
}
