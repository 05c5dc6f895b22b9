using System.Buffers.Binary;

namespace Whence.Images;

/// <summary>
/// 16-bit gray PNG. Pillow clips its samples at 255, where the codec keeps the high byte. A sample of 16-bit gray lies in the
/// file as a pixel of 8-bit gray with alpha does, filters and interlacing included: declared as such in the header, the high
/// byte arrives as gray and the low byte as alpha.
/// </summary>
internal sealed class Gray16Png : PillowDifference
{
    private const int Header = 12, BitDepth = 24, ColorType = 25, Checksum = 29;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G'];

    public static bool Matches(ReadOnlySpan<byte> file) =>
        file.Length > Checksum + 4 && file.StartsWith(Signature)
        && file[BitDepth] == 16 && file[ColorType] == 0;

    public override ReadOnlySpan<byte> Rewrite(ReadOnlySpan<byte> file)
    {
        var copy = file.ToArray();
        copy[BitDepth] = 8;
        copy[ColorType] = 4;
        BinaryPrimitives.WriteUInt32BigEndian(copy.AsSpan(Checksum), Crc32(copy.AsSpan(Header..Checksum)));
        return copy;
    }

    public override void Correct(RgbImage image)
    {
        foreach (ref var pixel in image.AsWords())
        {
            pixel = (pixel & 0xFF) != 0 ? 0xFFFFFF : (pixel >> 24) * 0x010101;
        }
    }

    /// <summary>The checksum of PNG chunks, bit by bit: 17 bytes need no table.</summary>
    internal static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = ~0u;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }

        return ~crc;
    }
}
