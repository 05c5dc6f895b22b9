using SkiaSharp;

namespace MakeGallery;

/// <summary>Many pictures on one, for a person to look at: rows of objects, columns of designers.</summary>
internal static class ContactSheet
{
    public static void Write(string file, IReadOnlyList<IReadOnlyList<byte[]?>> rows, int side)
    {
        const int Gap = 4;
        var cell = side + Gap;
        using var sheet = new SKBitmap((rows.Max(r => r.Count) * cell) + Gap, (rows.Count * cell) + Gap);
        using var canvas = new SKCanvas(sheet);
        canvas.Clear(SKColors.LightSteelBlue);
        for (var row = 0; row < rows.Count; row++)
        {
            for (var column = 0; column < rows[row].Count; column++)
            {
                if (rows[row][column] is { } png)
                {
                    using var picture = SKBitmap.Decode(png);
                    canvas.DrawBitmap(picture, Gap + (column * cell), Gap + (row * cell), SKSamplingOptions.Default);
                }
            }
        }

        File.WriteAllBytes(file, Png.Encode(sheet));
    }
}
