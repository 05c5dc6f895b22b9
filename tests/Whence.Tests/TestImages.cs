using SkiaSharp;

namespace Whence.Tests;

/// <summary>Small pictures made from a seed: the same seed, the same bytes.</summary>
internal static class TestImages
{
    public static byte[] Png(int seed, int width = 40, int height = 32)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var random = new Random(seed);
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.Clear(Color());
            for (var i = 0; i < 6; i++)
            {
                using var paint = new SKPaint { Color = Color(), IsAntialias = true };
                canvas.DrawCircle(random.Next(width), random.Next(height), random.Next(3, 20), paint);
            }
        }

        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();

        SKColor Color() => new((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256));
    }

    /// <summary>Writes <paramref name="count"/> pictures <c>00000.png</c>, ... into a folder.</summary>
    public static void WriteFolder(string folder, int count, int firstSeed = 0)
    {
        Directory.CreateDirectory(folder);
        for (var i = 0; i < count; i++)
        {
            File.WriteAllBytes(Path.Combine(folder, $"{firstSeed + i:D5}.png"), Png(firstSeed + i));
        }
    }
}
