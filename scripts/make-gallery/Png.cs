using System.Buffers.Binary;
using System.IO.Compression;
using SkiaSharp;

namespace MakeGallery;

/// <summary>
/// Small, lossless PNG files. Skia's encoder filters every row, which suits photographs; flat drawings pack a third smaller
/// without filters, and smaller still with a palette where they have no more than 256 colours.
/// </summary>
internal static class Png
{
    private static readonly uint[] CrcTable = [.. Enumerable.Range(0, 256).Select(CrcOfByte)];

    /// <summary>The smaller of Skia's file and an unfiltered one.</summary>
    public static byte[] Encode(SKBitmap bitmap)
    {
        using var pixmap = bitmap.PeekPixels();
        using var filtered = pixmap.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, 9))!;
        var unfiltered = Unfiltered(bitmap);
        return filtered.Size < unfiltered.Length ? filtered.ToArray() : unfiltered;
    }

    private static byte[] Unfiltered(SKBitmap bitmap)
    {
        var pixels = bitmap.Pixels;
        var palette = pixels.Distinct().OrderBy(colour => (uint)colour).ToList();
        var indexed = palette.Count <= 256;
        var indices = indexed ? palette.Index().ToDictionary(entry => entry.Item, entry => (byte)entry.Index) : [];
        var rows = pixels.Chunk(bitmap.Width).SelectMany(row =>
            row.SelectMany<SKColor, byte>(p => indexed ? [indices[p]] : [p.Red, p.Green, p.Blue]).Prepend((byte)0));

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, bitmap.Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), bitmap.Height);
        header[8] = 8; // bits per sample
        header[9] = (byte)(indexed ? 3 : 2); // palette or RGB

        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        Chunk(file, "IHDR"u8, header);
        if (indexed)
        {
            Chunk(file, "PLTE"u8, [.. palette.SelectMany<SKColor, byte>(p => [p.Red, p.Green, p.Blue])]);
        }

        Chunk(file, "IDAT"u8, Deflate([.. rows]));
        Chunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static byte[] Deflate(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var stream = new ZLibStream(packed, CompressionLevel.SmallestSize))
        {
            stream.Write(bytes);
        }

        return packed.ToArray();
    }

    /// <summary>Length of the content, type, content, CRC-32 of type and content.</summary>
    private static void Chunk(MemoryStream file, ReadOnlySpan<byte> type, byte[] content)
    {
        byte[] typed = [.. type, .. content];
        var crc = typed.Aggregate(uint.MaxValue, (sum, b) => CrcTable[(byte)(sum ^ b)] ^ (sum >> 8)) ^ uint.MaxValue;
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
        file.Write(number);
        file.Write(typed);
        BinaryPrimitives.WriteUInt32BigEndian(number, crc);
        file.Write(number);
    }

    private static uint CrcOfByte(int value)
    {
        var sum = (uint)value;
        for (var bit = 0; bit < 8; bit++)
        {
            sum = (sum & 1) == 0 ? sum >> 1 : 0xEDB88320 ^ (sum >> 1);
        }

        return sum;
    }
}
