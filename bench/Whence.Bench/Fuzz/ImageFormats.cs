using System.Diagnostics;
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
            yield return new FuzzFormat(extension.ToUpperInvariant(), weight, [.. files["." + extension]], Read) { Repair = extension == "png" ? Repair.Png : null };
        }
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
