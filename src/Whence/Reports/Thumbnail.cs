using SkiaSharp;

namespace Whence.Reports;

/// <summary>A small copy of a picture to embed in a page: JPEG, or PNG where something shows through.</summary>
internal sealed record Thumbnail(DataUri Uri, int Width, int Height, bool HasAlpha)
{
    private const long MostPixels = 100_000_000;
    private const int JpegQuality = 85;

    /// <summary>Decodes, turns upright as the EXIF orientation says, and shrinks; never enlarges.</summary>
    /// <param name="file">The bytes of an image file, possibly hostile.</param>
    /// <param name="longestSide">Upper bound of the copy's width and height in pixels.</param>
    /// <exception cref="WhenceException">Not an image, too large, or cut off.</exception>
    public static Thumbnail Shrink(ReadOnlyMemory<byte> file, int longestSide)
    {
        var (upright, mayBeTransparent) = Draw(file, longestSide);
        using (upright)
        {
            var hasAlpha = mayBeTransparent && upright.Pixels.Any(pixel => pixel.Alpha < 255);
            using var encoded = upright.Encode(hasAlpha ? SKEncodedImageFormat.Png : SKEncodedImageFormat.Jpeg, JpegQuality);
            return new Thumbnail(new DataUri(hasAlpha ? "image/png" : "image/jpeg", encoded.ToArray()), upright.Width, upright.Height, hasAlpha);
        }
    }

    /// <summary>The same as pixels, to be drawn; and whether something may show through.</summary>
    /// <exception cref="WhenceException">Not an image, too large, or cut off.</exception>
    public static (SKBitmap Bitmap, bool MayBeTransparent) Draw(ReadOnlyMemory<byte> file, int longestSide)
    {
        using var data = SKData.CreateCopy(file.Span);
        using var codec = SKCodec.Create(data)
            ?? throw new WhenceException("Not a picture in a format that can be decoded.");
        // The header alone says how large a picture will be: a small file that unfolds to gigabytes stops here.
        if ((long)codec.Info.Width * codec.Info.Height > MostPixels)
        {
            throw new WhenceException($"Too large to draw: {codec.Info.Width} x {codec.Info.Height} pixels, more than {Format.Count(MostPixels)}.");
        }

        using var decoded = Decode(codec, longestSide);
        return (Redraw(decoded, codec.EncodedOrigin, longestSide), codec.Info.AlphaType != SKAlphaType.Opaque);
    }

    private static SKBitmap Decode(SKCodec codec, int longestSide)
    {
        // A JPEG can be decoded at a fraction of its size; twice the target leaves the antialiasing something to average.
        var fraction = Math.Min(1f, 2f * longestSide / Math.Max(codec.Info.Width, codec.Info.Height));
        var size = codec.GetScaledDimensions(fraction);
        using var srgb = SKColorSpace.CreateSrgb();
        var bitmap = new SKBitmap(new SKImageInfo(size.Width, size.Height, SKColorType.Rgba8888, SKAlphaType.Premul, srgb));
        var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
        if (result == SKCodecResult.Success)
        {
            return bitmap;
        }

        bitmap.Dispose();
        throw new WhenceException(result == SKCodecResult.IncompleteInput
            ? "The file is cut off before the picture's end."
            : $"The picture cannot be decoded ({result}).");
    }

    private static SKBitmap Redraw(SKBitmap source, SKEncodedOrigin origin, int longestSide)
    {
        float w = source.Width, h = source.Height;
        // Where EXIF's eight orientations send the point (x, y).
        var turn = origin switch
        {
            SKEncodedOrigin.TopRight => new SKMatrix(-1, 0, w, 0, 1, 0, 0, 0, 1),
            SKEncodedOrigin.BottomRight => new SKMatrix(-1, 0, w, 0, -1, h, 0, 0, 1),
            SKEncodedOrigin.BottomLeft => new SKMatrix(1, 0, 0, 0, -1, h, 0, 0, 1),
            SKEncodedOrigin.LeftTop => new SKMatrix(0, 1, 0, 1, 0, 0, 0, 0, 1),
            SKEncodedOrigin.RightTop => new SKMatrix(0, -1, h, 1, 0, 0, 0, 0, 1),
            SKEncodedOrigin.RightBottom => new SKMatrix(0, -1, h, -1, 0, w, 0, 0, 1),
            SKEncodedOrigin.LeftBottom => new SKMatrix(0, 1, 0, -1, 0, w, 0, 0, 1),
            _ => SKMatrix.Identity,
        };
        var (width, height) = origin >= SKEncodedOrigin.LeftTop ? (h, w) : (w, h);
        var scale = Math.Min(1f, longestSide / Math.Max(width, height));
        var info = source.Info.WithSize(Math.Max(1, (int)MathF.Round(width * scale)), Math.Max(1, (int)MathF.Round(height * scale)));

        var result = new SKBitmap(info);
        using var canvas = new SKCanvas(result);
        canvas.Clear(SKColors.Transparent);
        canvas.Scale(info.Width / width, info.Height / height);
        canvas.Concat(turn);
        using var image = SKImage.FromBitmap(source);
        canvas.DrawImage(image, 0, 0, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
        return result;
    }
}

/// <summary>A file that stands in the page itself.</summary>
internal sealed record DataUri(string MediaType, byte[] Bytes)
{
    public void WriteTo(TextWriter writer)
    {
        writer.Write("data:");
        writer.Write(MediaType);
        writer.Write(";base64,");
        writer.Write(Convert.ToBase64String(Bytes));
    }
}
