using SkiaSharp;
using Whence.Images;

namespace Whence.Reports;

/// <summary>Pictures in rows, each row under what was asked for.</summary>
/// <param name="Label">The prompt.</param>
/// <param name="Images">Pictures of it.</param>
public sealed record ImageRow(string Label, IReadOnlyList<RgbImage> Images);

/// <summary>A sheet of pictures in rows: samples of a generator under their prompts.</summary>
public static class ImageSheet
{
    private const float Gap = 6, RowGap = 14, LabelHeight = 18;

    /// <summary>Draws a sheet.</summary>
    /// <param name="name">Name of its file, without extension.</param>
    /// <param name="title">What stands at its top.</param>
    /// <param name="subtitle">What stands below it; may be empty.</param>
    /// <param name="rows">At least one picture.</param>
    /// <param name="columns">Rows of pictures beside each other, at least 1.</param>
    /// <param name="tile">Side of a picture in CSS pixels.</param>
    /// <exception cref="ArgumentException">There is no picture.</exception>
    public static Figure Draw(string name, string title, string subtitle, IReadOnlyList<ImageRow> rows, int columns = 1, float tile = 64)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        var most = rows.Count == 0 ? 0 : rows.Max(row => row.Images.Count);
        if (most == 0)
        {
            throw new ArgumentException("A sheet needs at least one picture.", nameof(rows));
        }

        columns = Math.Min(columns, rows.Count);
        var rowWidth = (most * (tile + Gap)) - Gap;
        var width = Math.Max(420, (2 * PlotStyle.Margin) + (columns * rowWidth) + ((columns - 1) * PlotStyle.Margin));
        var drawing = new Drawing();
        var bitmaps = new List<SKBitmap>();
        try
        {
            var y = FigureHeader.Draw(drawing, title, subtitle, [], width);
            foreach (var line in rows.Chunk(columns))
            {
                foreach (var (column, row) in line.Index())
                {
                    var x = PlotStyle.Margin + (column * (rowWidth + PlotStyle.Margin));
                    drawing.Text(PlotFont.Fit(row.Label, PlotStyle.SmallSize, Math.Max(rowWidth, tile)), x, y + 12, PlotStyle.SmallSize, PlotStyle.Ink);
                    foreach (var (i, image) in row.Images.Index())
                    {
                        bitmaps.Add(ToBitmap(image));
                        drawing.Image(bitmaps[^1], SKRect.Create(x + (i * (tile + Gap)), y + LabelHeight, tile, tile));
                    }
                }

                y += LabelHeight + tile + RowGap;
            }

            return drawing.Finish(name, title, width, y + PlotStyle.Margin - RowGap, vector: false);
        }
        finally
        {
            bitmaps.ForEach(bitmap => bitmap.Dispose());
        }
    }

    private static unsafe SKBitmap ToBitmap(RgbImage image)
    {
        var bitmap = new SKBitmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var target = new Span<byte>((void*)bitmap.GetPixels(), bitmap.ByteCount);
        for (var y = 0; y < image.Height; y++)
        {
            var row = target.Slice(y * bitmap.RowBytes, image.Stride);
            image.Pixels.AsSpan(y * image.Stride, image.Stride).CopyTo(row);
            for (var alpha = RgbImage.BytesPerPixel - 1; alpha < row.Length; alpha += RgbImage.BytesPerPixel)
            {
                row[alpha] = byte.MaxValue;
            }
        }

        return bitmap;
    }
}
