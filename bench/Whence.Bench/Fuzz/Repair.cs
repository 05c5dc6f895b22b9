using System.Buffers.Binary;
using System.Text;
using Whence.Images;

namespace Whence.Bench.Fuzz;

/// <summary>Makes checksums and header lengths right again, so that damage reaches what lies behind them.</summary>
internal static class Repair
{
    /// <summary>The checksum of every PNG chunk as far as the lengths lead.</summary>
    public static byte[] Png(byte[] bytes)
    {
        for (var at = 8L; at + 12 <= bytes.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan((int)at));
            if (length > bytes.Length - at - 12)
            {
                break;
            }

            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan((int)(at + 8 + length)), Gray16Png.Crc32(bytes.AsSpan((int)at + 4, (int)length + 4)));
            at += 12 + length;
        }

        return bytes;
    }

    /// <summary>The checksum of whatever stands where tar headers may.</summary>
    public static byte[] Tar(byte[] bytes)
    {
        for (var at = 0; at + 512 <= bytes.Length; at += 512)
        {
            var header = bytes.AsSpan(at, 512);
            if (header[257..].StartsWith("ustar"u8))
            {
                header.Slice(148, 8).Fill((byte)' ');
                var sum = 0;
                foreach (var value in header)
                {
                    sum += value;
                }

                Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
            }
        }

        return bytes;
    }

    /// <summary>The length of the header, which ends where the braces close for the last time.</summary>
    public static byte[] Safetensors(byte[] bytes)
    {
        var end = bytes.AsSpan().LastIndexOf("]}}"u8);
        if (end > 8)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, end + 3 - 8);
        }

        return bytes;
    }

    /// <summary>The length of the header of version 1, which ends with a line.</summary>
    public static byte[] Npy(byte[] bytes)
    {
        var end = bytes.AsSpan().IndexOf((byte)'\n');
        if (end > 10 && end < ushort.MaxValue)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), (ushort)(end + 1 - 10));
        }

        return bytes;
    }
}
