using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Whence.Images;

namespace Whence.Bench.Fuzz;

/// <summary>Image files: what every user's picture goes through, decoding and preprocessing.</summary>
internal static class ImageFormats
{
    private const int ComparedPixels = 1 << 20;

    private static readonly Preprocessor[] Preprocessors =
    [
        new(new PreprocessingSpec { Resize = 256, Crop = 224 }),
        new(new PreprocessingSpec { Resize = 224, Crop = 224, Interpolation = Interpolation.Bicubic }, autoOrient: true),
    ];

    public static IEnumerable<FuzzFormat> All()
    {
        var files = new[] { Path.Combine(Repository.Root, "tests", "golden", "images"), Path.Combine(Repository.Root, "..", "shared", "reference", "preprocess", "images") }
            .Where(Directory.Exists)
            .SelectMany(Directory.GetFiles)
            .Order(StringComparer.Ordinal)
            .ToLookup(Path.GetExtension, path => new FuzzSeed($"image{Path.GetExtension(path)}", File.ReadAllBytes(path)));
        foreach (var (extension, weight) in new[] { ("jpg", 5), ("png", 5), ("webp", 5), ("gif", 3), ("bmp", 4) })
        {
            FuzzSeed[] large = extension == "png" ? [new FuzzSeed("large.png", Large())] : [];
            yield return new FuzzFormat(extension.ToUpperInvariant(), weight, [.. files["." + extension], .. large], Read) { Repair = extension == "png" ? Repair.Png : null };
        }
    }

    /// <summary>As many pixels as are allowed, in 22 kB: black and white, one color.</summary>
    private static byte[] Large()
    {
        const int Side = 13_376;
        using var bytes = new MemoryStream();
        bytes.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        Chunk("IHDR", [.. Int32(Side), .. Int32(Side), 1, 0, 0, 0, 0]);
        using (var packed = new MemoryStream())
        {
            using (var zlib = new ZLibStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            {
                zlib.Write(new byte[Side * (1 + (Side / 8))]);
            }

            Chunk("IDAT", packed.ToArray());
        }

        Chunk("IEND", []);
        return Repair.Png(bytes.ToArray());

        void Chunk(string type, byte[] content) => bytes.Write([.. Int32(content.Length), .. Encoding.ASCII.GetBytes(type), .. content, .. Int32(0)]);
        static byte[] Int32(int value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
    }

    private static void Read(Attempt attempt)
    {
        var file = File.ReadAllBytes(attempt.File);
        var (width, height) = (0, 0);
        attempt.Try(() => (width, height) = ImageDecoder.ReadSize(file));
        var preprocessor = Preprocessors[attempt.Number % 2];
        var input = new float[preprocessor.Length];
        if (attempt.Number % 3 == 0)
        {
            attempt.Try(() => preprocessor.Preprocess(ImageDecoder.Decode(file, null, attempt.Number % 2 == 1), input));
        }
        else
        {
            attempt.Try(() => preprocessor.Preprocess(file, input));
        }

        if (attempt.Refusal is null && (long)width * height <= ComparedPixels && !Decoded(file, width * height, 0x5A).SequenceEqual(Decoded(file, width * height, 0xA5)))
        {
            throw new UnreachableException("the picture holds what was in the memory before");
        }
    }

    /// <summary>The pixels, decoded into memory that was filled with a value before.</summary>
    private static byte[] Decoded(byte[] file, int pixels, byte filling)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent((pixels * RgbImage.BytesPerPixel) + RgbImage.Slack);
        buffer.AsSpan().Fill(filling);
        System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        using var place = new LargePicture();
        var image = ImageDecoder.DecodeRented(file, null, autoOrient: false, place);
        var rgb = new byte[image.Width * image.Height * 3];
        image.CopyRgbTo(rgb);
        image.Return();
        return rgb;
    }
}
