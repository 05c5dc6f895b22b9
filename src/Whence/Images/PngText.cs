using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using SkiaSharp;
using Whence.Files;

namespace Whence.Images;

/// <summary>PNG files with texts in them: chunks tEXt where Latin-1 has all their characters, iTXt where it has not (PNG specification, third edition, 11.3.3).</summary>
internal static class PngText
{
    // Behind the signature and the header, which must come first.
    private const int FirstChunk = 8 + 4 + 4 + 13 + 4;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>An image as PNG. The same image and texts give the same bytes.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="texts">Texts by keywords of 1 to 79 Latin letters. A character NUL, which no text of a PNG can hold, becomes U+FFFD.</param>
    public static byte[] Encode(RgbImage image, IReadOnlyList<(string Key, string Text)> texts)
    {
        var info = new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var picture = SKImage.FromPixelCopy(info, image.Pixels, image.Stride);
        using var encoded = picture.Encode(SKEncodedImageFormat.Png, 100);
        using var file = new MemoryStream();
        file.Write(encoded.AsSpan()[..FirstChunk]);
        foreach (var (key, text) in texts)
        {
            file.Write(Chunk(key, text.Replace('\0', '\uFFFD')));
        }

        file.Write(encoded.AsSpan()[FirstChunk..]);
        return file.ToArray();
    }

    /// <summary>Texts by their keywords, of those that stand before the picture, not compressed; none of a file that is no PNG or cannot be read. Of a damaged file those before the damage.</summary>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        try
        {
            using var file = new FileStream(RegularFile.Open(path), FileAccess.Read, 1 << 12, isAsync: true);
            return Read(file);
        }
        catch (Exception e) when (e is IOException or WhenceException)
        {
            return new Dictionary<string, string>();
        }
    }

    /// <summary>The same of a file in memory.</summary>
    public static IReadOnlyDictionary<string, string> Read(ReadOnlyMemory<byte> bytes)
    {
        var array = MemoryMarshal.TryGetArray(bytes, out var segment) ? segment : new(bytes.ToArray());
        using var file = new MemoryStream(array.Array!, array.Offset, array.Count, writable: false);
        return Read(file);
    }

    private static Dictionary<string, string> Read(Stream file)
    {
        const int Most = 1 << 20;
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            Span<byte> head = stackalloc byte[8];
            file.ReadExactly(head);
            if (!head.SequenceEqual(Signature))
            {
                return texts;
            }

            while (true)
            {
                file.ReadExactly(head);
                var (length, type) = (BinaryPrimitives.ReadUInt32BigEndian(head), Encoding.Latin1.GetString(head[4..]));
                if (type is "IDAT" or "IEND" || length > Most)
                {
                    return texts;
                }

                var data = new byte[length + 4]; // with the checksum
                file.ReadExactly(data);
                if (type is "tEXt" or "iTXt" && Parse(type, data.AsSpan(..^4)) is { } text)
                {
                    texts.TryAdd(text.Key, text.Text);
                }
            }
        }
        catch (IOException)
        {
            return texts;
        }
    }

    private static byte[] Chunk(string key, string text)
    {
        var latin = text.All(c => c <= 0xFF);
        byte[] data = latin
            ? [.. "tEXt"u8, .. Encoding.Latin1.GetBytes(key), 0, .. Encoding.Latin1.GetBytes(text)]
            : [.. "iTXt"u8, .. Encoding.Latin1.GetBytes(key), 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(text)]; // not compressed, no language, no translated keyword
        var chunk = new byte[4 + data.Length + 4];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length - 4);
        data.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(4 + data.Length), Gray16Png.Crc32(data));
        return chunk;
    }

    private static (string Key, string Text)? Parse(string type, ReadOnlySpan<byte> data)
    {
        var end = data.IndexOf((byte)0);
        if (end < 0)
        {
            return null;
        }

        var key = Encoding.Latin1.GetString(data[..end]);
        var rest = data[(end + 1)..];
        if (type == "tEXt")
        {
            return (key, Encoding.Latin1.GetString(rest));
        }

        // Compression flag and method, language, translated keyword.
        if (rest.Length < 2 || rest[0] != 0)
        {
            return null;
        }

        rest = rest[2..];
        for (var i = 0; i < 2; i++)
        {
            if (rest.IndexOf((byte)0) is not (>= 0 and var at))
            {
                return null;
            }

            rest = rest[(at + 1)..];
        }

        return (key, Encoding.UTF8.GetString(rest));
    }
}
