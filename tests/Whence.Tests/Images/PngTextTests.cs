using FsCheck;
using FsCheck.Xunit;
using Whence.Images;

namespace Whence.Tests.Images;

/// <summary>Texts in PNG files.</summary>
public sealed class PngTextTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Property(MaxTest = 50)]
    public void Texts_and_pixels_are_read_again(NonNull<string> first, NonNull<string> second, byte color)
    {
        // A text is UTF-8 in the file: half a pair of surrogates is none.
        var (a, b) = (Whole(first.Get), Whole(second.Get + " \u96EA \U0001F600"));
        var image = RgbImage.FromRgb([.. Enumerable.Range(0, 5 * 3 * 3).Select(i => (byte)(color + (i * 7)))], 5, 3);
        var bytes = PngText.Encode(image, [("parameters", a), ("whence", b)]);
        Assert.Equal(bytes, PngText.Encode(image, [("parameters", a), ("whence", b)]));
        File.WriteAllBytes(_temp["a.png"], bytes);
        var texts = PngText.Read(_temp["a.png"]);
        Assert.Equal((a.Replace('\0', '\uFFFD'), b.Replace('\0', '\uFFFD')), (texts["parameters"], texts["whence"]));
        Assert.Equal(texts, PngText.Read(((byte[])[1, .. bytes, 2]).AsMemory(1..^1)));

        var (decoded, pixels, expected) = (ImageDecoder.Decode(bytes), new byte[45], new byte[45]);
        decoded.CopyRgbTo(pixels);
        image.CopyRgbTo(expected);
        Assert.Equal(expected, pixels);

        static string Whole(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
    }

    [Fact]
    public void Latin_texts_are_plain_chunks_with_their_checksum()
    {
        var bytes = PngText.Encode(new RgbImage(2, 2), [("parameters", "é")]);
        var at = bytes.AsSpan().IndexOf("tEXt"u8);
        Assert.Equal(33 + 4, at); // behind the header
        Assert.Equal([0, 0, 0, 12], bytes[(at - 4)..at]);
        Assert.Equal([.. "parameters\0"u8, 0xE9], bytes[(at + 4)..(at + 16)]);
        Assert.Equal(System.IO.Hashing.Crc32.HashToUInt32(bytes.AsSpan(at..(at + 16))), System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at + 16)));
    }

    [Fact]
    public void Damaged_files_have_the_texts_before_the_damage_or_none()
    {
        var bytes = PngText.Encode(new RgbImage(2, 2), [("a", "one"), ("b", "\u96EA")]);
        var random = new Random(3);
        for (var i = 0; i < 300; i++)
        {
            var damaged = bytes.ToArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            damaged = damaged[..random.Next(damaged.Length + 1)];
            File.WriteAllBytes(_temp["d.png"], damaged);
            Assert.Equal(PngText.Read(_temp["d.png"]), PngText.Read(damaged));
        }

        Assert.Empty(PngText.Read(_temp["missing.png"]));
        Assert.Empty(PngText.Read(_temp.Path));
    }
}
