using System.Globalization;
using SkiaSharp;
using Whence.Calibration;

namespace Whence.Tests.Reports;

/// <summary>Attributions and pictures the tests of the reports share.</summary>
internal static class Samples
{
    /// <summary>An attribution with these influences; the rest of 1 remains.</summary>
    public static Attribution Attribution(params double[] influences) => new()
    {
        Query = new QueryImage("out/query.png", new string('a', 64)),
        Index = "laion-index",
        Encoder = "clip",
        Mapper = "object+style.pth",
        Calibration = Calibrator.Unfitted,
        Searched = 1_234_567,
        Nonzero = influences.Length + 95,
        Remaining = Math.Max(0, 1 - influences.Sum()),
        Results = [.. influences.Select((influence, i) => Image(i + 1, influence))],
    };

    public static AttributedImage Image(int rank, double influence, params (string Key, string Value)[] metadata) => new()
    {
        Rank = rank,
        Id = 100 + rank,
        Source = string.Create(CultureInfo.InvariantCulture, $"train/{rank:000}.jpg"),
        Similarity = 1f - (rank / 1000f),
        Influence = influence,
        Metadata = metadata.ToDictionary(entry => entry.Key, entry => entry.Value),
    };

    /// <summary>A one-coloured picture with a diagonal, encoded.</summary>
    public static byte[] Picture(int width, int height, SKEncodedImageFormat format = SKEncodedImageFormat.Jpeg, bool alpha = false)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul));
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(alpha ? SKColors.Transparent : SKColors.SteelBlue);
        using var paint = new SKPaint { Color = SKColors.Orange, StrokeWidth = 8 };
        canvas.DrawLine(0, 0, width, height, paint);
        using var data = bitmap.Encode(format, 90);
        return data.ToArray();
    }

    public static string Utf8(Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }
}
