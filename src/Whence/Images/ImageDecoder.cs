using SkiaSharp;

namespace Whence.Images;

/// <summary>
/// Reads JPEG, PNG, WebP, BMP and GIF (the first frame) to the pixels that Pillow's <c>Image.open(f).convert("RGB")</c> gives:
/// alpha is dropped and never composited, palettes are expanded, color profiles are ignored, 16-bit color keeps its high byte.
/// </summary>
public static class ImageDecoder
{
    private const string Formats = "JPEG, PNG, WebP, BMP or GIF";

    /// <summary>Decodes an image file.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="limits">What the picture may cost; <see cref="DecodeLimits.Default"/> if null.</param>
    /// <param name="autoOrient">True turns the picture upright as its EXIF orientation asks; the encoders' own code does not.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="WhenceException">The file is of another kind, damaged, cut off, or above a limit. The message does not
    /// name the file, which only the caller knows.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodeLimits? limits = null, bool autoOrient = false) =>
        Decode(file, limits, autoOrient, RgbImage.Uninitialized, (_, _) => { });

    /// <summary>Reads width and height from the file's header, before any EXIF orientation.</summary>
    /// <param name="file">The file, at least its header.</param>
    /// <param name="limits">What the picture may cost; <see cref="DecodeLimits.Default"/> if null.</param>
    /// <returns>Width and height in pixels.</returns>
    /// <exception cref="WhenceException">The file is of another kind, damaged or above a limit.</exception>
    public static unsafe (int Width, int Height) ReadSize(ReadOnlySpan<byte> file, DecodeLimits? limits = null)
    {
        limits ??= DecodeLimits.Default;
        limits.CheckFile(file.Length);
        _ = PillowDifference.Find(file); // refuses what Decode would refuse
        fixed (byte* start = file)
        {
            using var codec = Open(start, file.Length, limits);
            return (codec.Info.Width, codec.Info.Height);
        }
    }

    /// <summary>
    /// <see cref="Decode(ReadOnlySpan{byte}, DecodeLimits?, bool)"/> into a picture on a pooled buffer, once there is a place for it.
    /// </summary>
    internal static RgbImage DecodeRented(ReadOnlySpan<byte> file, DecodeLimits? limits, bool autoOrient, LargePicture place) =>
        Decode(file, limits, autoOrient, RgbImage.Rent, place.Enter);

    private static unsafe RgbImage Decode(
        ReadOnlySpan<byte> file, DecodeLimits? limits, bool autoOrient, Func<int, int, RgbImage> allocate, Action<int, int> enter)
    {
        limits ??= DecodeLimits.Default;
        limits.CheckFile(file.Length);
        var difference = PillowDifference.Find(file);
        var bytes = difference is null ? file : difference.Rewrite(file);
        fixed (byte* start = bytes)
        {
            using var codec = Open(start, bytes.Length, limits);
            if (codec.EncodedFormat == SKEncodedImageFormat.Jpeg)
            {
                JpegMarkers.Check(bytes);
            }

            var (width, height) = (codec.Info.Width, codec.Info.Height);
            enter(width, height);
            var turns = autoOrient && Orientation.Turns(codec.EncodedOrigin);
            var image = turns ? RgbImage.Rent(width, height) : allocate(width, height);
            ReadPixels(codec, image);
            difference?.Correct(image);
            return turns ? Orientation.Turn(image, codec.EncodedOrigin, allocate) : image;
        }
    }

    private static unsafe SKCodec Open(byte* start, int length, DecodeLimits limits)
    {
        // The data is not copied: the caller keeps it pinned until the codec is disposed of.
        using var data = SKData.Create((nint)start, length);
        var codec = SKCodec.Create(data)
            ?? throw new WhenceException($"the file is not a {Formats} image, or its header is damaged; convert or remove it");
        try
        {
            if (codec.EncodedFormat is not (SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Png or SKEncodedImageFormat.Webp
                or SKEncodedImageFormat.Bmp or SKEncodedImageFormat.Gif))
            {
                throw new WhenceException($"the file is a {codec.EncodedFormat} image, not {Formats}; convert it");
            }

            limits.CheckSize(codec.Info.Width, codec.Info.Height);
            return codec;
        }
        catch
        {
            codec.Dispose();
            throw;
        }
    }

    private static unsafe void ReadPixels(SKCodec codec, RgbImage image)
    {
        // Unpremultiplied keeps the colors under transparent pixels; without a color space, no profile is applied.
        var info = new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul, colorspace: null);
        SKCodecResult result;
        fixed (byte* pixels = image.Pixels)
        {
            result = codec.GetPixels(info, (nint)pixels, image.Stride, SKCodecOptions.Default);
        }

        if (result != SKCodecResult.Success)
        {
            var problem = result == SKCodecResult.IncompleteInput ? "is cut off" : $"cannot be decoded ({result})";
            throw new WhenceException($"the {codec.EncodedFormat.ToString().ToUpperInvariant()} image {problem}; replace or remove it");
        }
    }
}
