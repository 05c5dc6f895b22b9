using System.Buffers.Binary;
using Whence.Images;

namespace Whence.Tests.Images;

public class ImageDecoderTests
{
    private static readonly string Golden = Path.Combine(SharedData.RepositoryRoot, "tests", "golden");

    /// <summary>Files whose pixels differ from Pillow's: unequal pixels and the largest difference, each explained in
    /// tests/golden/README.md.</summary>
    private static readonly Dictionary<string, (int Unequal, int Largest)> KnownDifferences = new()
    {
        ["rle4_odd.bmp"] = (21, 230),
        ["rle8_delta.bmp"] = (440, 251),
    };

    /// <summary>The one file that Pillow reads (as gray) and Whence refuses.</summary>
    private const string Colorless = "no_palette.gif";

    public static TheoryData<string> Files =>
        [.. Directory.GetFiles(Path.Combine(Golden, "images")).Select(path => Path.GetFileName(path)!)
            .Where(name => name != Colorless).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Pixels_equal_Pillow(string file)
    {
        var expected = Pictures.Decode(Path.Combine(Golden, "expected", $"{file}.png"));
        Assert.Equal(KnownDifferences.GetValueOrDefault(file), Pictures.Difference(expected, ImageDecoder.Decode(Read(file))));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_header_tells_the_size(string file)
    {
        var image = ImageDecoder.Decode(Read(file));
        Assert.Equal((image.Width, image.Height), ImageDecoder.ReadSize(Read(file)));
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(8)]
    public void Turns_a_picture_upright_only_when_asked(int orientation)
    {
        var file = $"exif{orientation}.jpg";
        var upright = Pictures.Decode(Path.Combine(Golden, "expected", $"{file}.upright.png"));
        Assert.Equal((0, 0), Pictures.Difference(upright, ImageDecoder.Decode(Read(file), autoOrient: true)));
        Assert.Equal((37, 23), ImageDecoder.ReadSize(Read(file)));
    }

    [Fact]
    public void A_gif_without_colors_is_refused() =>
        Assert.Contains("no color table", Refused(Read(Colorless)), StringComparison.Ordinal);

    [Theory]
    [InlineData("progressive.jpg"), InlineData("optimized_422.jpg"), InlineData("cmyk_adobe.jpg"), InlineData("rgba.png")]
    [InlineData("interlaced.png"), InlineData("gray16.png"), InlineData("palette4.png"), InlineData("plain.gif")]
    [InlineData("interlaced.gif"), InlineData("lossy.webp"), InlineData("lossless_alpha.webp"), InlineData("bits24.bmp")]
    [InlineData("bits4.bmp")]
    public void A_file_cut_off_anywhere_is_refused(string file)
    {
        var whole = Read(file);
        for (var percent = 0; percent < 95; percent += 5)
        {
            var length = whole.Length * percent / 100;
            var message = Refused(whole[..length]);
            Assert.DoesNotContain('\n', message);
        }
    }

    [Fact]
    public void A_jpeg_cut_off_is_refused_even_where_a_thumbnail_ends()
    {
        var whole = Read("progressive.jpg");
        byte[] thumbnail = [0xFF, 0xE1, 0, 6, 0xFF, 0xDA, 0xFF, 0xD9];
        byte[] file = [.. whole[..2], .. thumbnail, .. whole[2..]];
        Assert.Equal((0, 0), Pictures.Difference(ImageDecoder.Decode(whole), ImageDecoder.Decode(file)));
        Assert.Contains("cut off", Refused(file[..^10]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_jpeg_with_endless_scans_is_refused()
    {
        var whole = Read("progressive.jpg");
        var scan = whole.AsSpan().LastIndexOf([(byte)0xFF, (byte)0xDA]);
        var file = whole[..scan].Concat(Enumerable.Repeat(whole[scan..^2], 501).SelectMany(x => x)).Concat(whole[^2..]).ToArray();
        Assert.Contains("more than 500 scans", Refused(file), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Damaged_bytes_give_a_picture_or_an_error_but_never_a_crash(string file)
    {
        var random = new Random(7);
        var limits = new DecodeLimits { MaxPixels = 1_000_000 };
        for (var round = 0; round < 60; round++)
        {
            var damaged = Read(file);
            for (var i = 0; i < 1 + (round % 8); i++)
            {
                // Half of the damage hits the header, where lengths and sizes are.
                damaged[random.Next(round % 2 == 0 ? Math.Min(64, damaged.Length) : damaged.Length)] = (byte)random.Next(256);
            }

            try
            {
                var image = ImageDecoder.Decode(damaged, limits, autoOrient: true);
                Assert.InRange((long)image.Width * image.Height, 1, limits.MaxPixels);
            }
            catch (WhenceException)
            {
                // Refused is as good.
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("text, not an image")]
    [InlineData("GIF89a")]
    [InlineData("BM")]
    [InlineData("<svg xmlns='http://www.w3.org/2000/svg'/>")]
    public void Other_files_are_refused_with_the_formats_that_are_read(string content) =>
        Assert.Contains("JPEG, PNG, WebP, BMP or GIF", Refused(System.Text.Encoding.ASCII.GetBytes(content)), StringComparison.Ordinal);

    [Fact]
    public void Each_limit_names_itself_and_its_option()
    {
        var file = Read("rgba.png");
        var message = Refused(file, new DecodeLimits { MaxFileBytes = 100 });
        Assert.Equal($"the file has {file.Length} bytes, more than the limit of 100; raise it with --max-file-bytes", message);
        message = Refused(file, new DecodeLimits { MaxDimension = 44 });
        Assert.Equal("the image is 45 x 31 pixels, more than the limit of 44 along one side; raise it with --max-dimension", message);
        message = Refused(file, new DecodeLimits { MaxPixels = 1394 });
        Assert.Equal("the image is 45 x 31 = 1395 pixels, more than the limit of 1394; raise it with --max-pixels", message);
        Assert.Equal((45, 31), ImageDecoder.ReadSize(file, new DecodeLimits { MaxPixels = 1395, MaxDimension = 45, MaxFileBytes = file.Length }));
    }

    [Theory]
    [InlineData("gif", 65_535, 65_535, "--max-pixels")]
    [InlineData("bmp", 30_000, 20_000, "--max-pixels")]
    [InlineData("png", 65_536, 20, "--max-dimension")]
    public void A_header_that_promises_too_much_costs_no_memory(string kind, int width, int height, string option)
    {
        var file = Read(kind switch { "gif" => "plain.gif", "png" => "gray16.png", _ => "bits24.bmp" });
        if (kind == "png")
        {
            // Gray with 16 bits, because its header's checksum is computed anew.
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(16), width);
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(20), height);
        }
        else if (kind == "gif")
        {
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(6), (ushort)width);
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(8), (ushort)height);
        }
        else
        {
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), width);
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), height);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(option, Refused(file), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void A_bmp_whose_color_bits_do_not_lie_side_by_side_is_refused()
    {
        var file = Read("bits16_565.bmp");
        file[59] ^= 2;
        Assert.Contains("the color mask 0x000005E0", Refused(file), StringComparison.Ordinal);
        Assert.Throws<WhenceException>(() => ImageDecoder.ReadSize(file));
    }

    private static byte[] Read(string file) => File.ReadAllBytes(Path.Combine(Golden, "images", file));

    private static string Refused(byte[] file, DecodeLimits? limits = null) =>
        Assert.Throws<WhenceException>(() => ImageDecoder.Decode(file, limits)).Message;
}
