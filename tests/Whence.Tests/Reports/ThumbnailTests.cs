using System.Buffers.Binary;
using SkiaSharp;
using Whence.Reports;

namespace Whence.Tests.Reports;

public class ThumbnailTests
{
    [Theory]
    [InlineData(1000, 500, 320, 320, 160)]
    [InlineData(500, 1000, 320, 160, 320)]
    [InlineData(100, 50, 320, 100, 50)]
    [InlineData(5000, 1, 320, 320, 1)]
    public void Shrinks_to_the_longest_side_and_never_enlarges(int width, int height, int longest, int expectedWidth, int expectedHeight)
    {
        var thumbnail = Thumbnail.Shrink(Samples.Picture(width, height), longest);

        using var decoded = SKBitmap.Decode(thumbnail.Uri.Bytes);
        Assert.Equal((expectedWidth, expectedHeight), (thumbnail.Width, thumbnail.Height));
        Assert.Equal((expectedWidth, expectedHeight), (decoded.Width, decoded.Height));
    }

    [Fact]
    public void What_shows_through_stays_PNG_and_the_rest_becomes_JPEG()
    {
        Assert.Equal("image/png", Thumbnail.Shrink(Samples.Picture(90, 60, SKEncodedImageFormat.Png, alpha: true), 64).Uri.MediaType);
        Assert.Equal("image/jpeg", Thumbnail.Shrink(Samples.Picture(90, 60, SKEncodedImageFormat.Png), 64).Uri.MediaType);
        Assert.Equal("image/jpeg", Thumbnail.Shrink(Samples.Picture(90, 60), 64).Uri.MediaType);
    }

    [Theory]
    [InlineData(1, "TL", "TR")]
    [InlineData(2, "TR", "TL")]
    [InlineData(3, "BR", "BL")]
    [InlineData(4, "BL", "BR")]
    [InlineData(5, "TL", "BL")]
    [InlineData(6, "TR", "BR")]
    [InlineData(7, "BR", "TR")]
    [InlineData(8, "BL", "TL")]
    public void Turns_upright_as_the_camera_said(byte orientation, string blue, string green)
    {
        using var stored = new SKBitmap(80, 40);
        stored.Erase(SKColors.White);
        stored.Erase(SKColors.Blue, new SKRectI(0, 0, 40, 20));
        stored.Erase(SKColors.Lime, new SKRectI(40, 0, 80, 20));
        using var data = stored.Encode(SKEncodedImageFormat.Jpeg, 100);

        var thumbnail = Thumbnail.Shrink(WithOrientation(data.ToArray(), orientation), 80);

        using var turned = SKBitmap.Decode(thumbnail.Uri.Bytes);
        Assert.Equal(orientation < 5 ? (80, 40) : (40, 80), (turned.Width, turned.Height));
        Assert.Equal(SKColors.Blue.Hue, Corner(turned, blue).Hue, 5f);
        Assert.Equal(SKColors.Lime.Hue, Corner(turned, green).Hue, 5f);
    }

    [Fact]
    public void A_small_file_that_unfolds_to_gigabytes_is_refused_by_its_header()
    {
        var problem = Assert.Throws<WhenceException>(() => Thumbnail.Shrink(PngHeader(40_000, 40_000), 64));

        Assert.Contains("40000 x 40000", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    [InlineData(SKEncodedImageFormat.Png)]
    [InlineData(SKEncodedImageFormat.Webp)]
    public void A_file_cut_off_anywhere_is_refused_or_decoded_but_never_worse(SKEncodedImageFormat format)
    {
        var file = Samples.Picture(200, 150, format);
        Assert.Throws<WhenceException>(() => Thumbnail.Shrink(file.AsMemory(0, file.Length / 2), 64));
        for (var length = 0; length < file.Length; length += Math.Max(1, file.Length / 50))
        {
            try
            {
                Thumbnail.Shrink(file.AsMemory(0, length), 64);
            }
            catch (WhenceException)
            {
            }
        }
    }

    private static (float Hue, float Saturation) Corner(SKBitmap picture, string name)
    {
        var x = picture.Width * (name[1] == 'L' ? 1 : 3) / 4;
        var y = picture.Height * (name[0] == 'T' ? 1 : 3) / 4;
        picture.GetPixel(x, y).ToHsv(out var hue, out var saturation, out _);
        Assert.True(saturation > 50, "This corner is white.");
        return (hue, saturation);
    }

    /// <summary>Puts an EXIF segment with the orientation alone behind the JPEG's first marker.</summary>
    private static byte[] WithOrientation(byte[] jpeg, byte orientation) =>
    [
        .. jpeg[..2], 0xFF, 0xE1, 0, 34, .. "Exif\0\0"u8, .. "MM\0*"u8, 0, 0, 0, 8, 0, 1,
        0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0, .. jpeg[2..],
    ];

    private static byte[] PngHeader(int width, int height)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 6);
        return [0x89, .. "PNG\r\n\u001A\n"u8, .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, [0x78, 0x9C]), .. Chunk("IEND"u8, [])];
    }

    private static byte[] Chunk(ReadOnlySpan<byte> name, byte[] content)
    {
        byte[] named = [.. name, .. content];
        var crc = 0xFFFFFFFF;
        foreach (var value in named)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }

        var framed = new byte[named.Length + 8];
        BinaryPrimitives.WriteInt32BigEndian(framed, content.Length);
        named.CopyTo(framed, 4);
        BinaryPrimitives.WriteUInt32BigEndian(framed.AsSpan(framed.Length - 4), ~crc);
        return framed;
    }
}
