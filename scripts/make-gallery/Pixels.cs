using SkiaSharp;

namespace MakeGallery;

/// <summary>Square bitmaps and what is done to their pixels.</summary>
internal static class Pixels
{
    /// <summary>A square bitmap without alpha, so that its PNG has none either.</summary>
    public static SKBitmap Square(int side) =>
        new(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque, SKColorSpace.CreateSrgb()));

    /// <summary>Share of the pixels that are not white, in [0, 1].</summary>
    public static double Ink(SKBitmap bitmap) =>
        bitmap.Pixels.Count(pixel => pixel != SKColors.White) / (double)(bitmap.Width * bitmap.Height);

    /// <summary>
    /// Rounds every channel to the nearest of <paramref name="levels"/> values from 0 to 255. With 64 levels no value moves by more
    /// than 2, which nobody sees, and most drawings come down to the 256 colours that a palette holds.
    /// </summary>
    public static void Round(SKBitmap bitmap, int levels)
    {
        byte Nearest(byte value) =>
            (byte)Math.Round(Math.Round(value * (levels - 1) / 255.0) * 255 / (levels - 1));

        bitmap.Pixels = [.. bitmap.Pixels.Select(p => new SKColor(Nearest(p.Red), Nearest(p.Green), Nearest(p.Blue)))];
    }
}
