using System.Runtime.InteropServices;
using SkiaSharp;
using Whence.Datasets.Emoji;
using Whence.Images;

namespace Whence.Reports;

/// <summary>A sheet of styles by family: each shown on the same few objects, pixel for pixel, under its name; those that are trained with in heavier letters.</summary>
public static class StyleSheet
{
    private const int Columns = 5;
    private const float Gap = 3, BlockGap = 20, BlockHeader = 16, FamilyHeader = 26;

    /// <summary>Draws the sheet.</summary>
    /// <param name="name">Name of its file.</param>
    /// <param name="title">Its title.</param>
    /// <param name="styles">At least one; all with the same number of pictures.</param>
    /// <exception cref="ArgumentException">There is nothing to draw.</exception>
    public static Figure Draw(string name, string title, IReadOnlyList<EmojiStyle> styles)
    {
        ArgumentNullException.ThrowIfNull(styles);
        var pictures = styles.SelectMany(s => s.Pictures).OfType<RgbImage>().FirstOrDefault()
            ?? throw new ArgumentException("No style has a picture.", nameof(styles));
        var tile = pictures.Width / 2f; // a figure has two pixels a CSS pixel
        var block = (styles[0].Pictures.Count * (tile + Gap)) - Gap;
        var width = (2 * PlotStyle.Margin) + (Columns * (block + BlockGap)) - BlockGap;
        var drawing = new Drawing();
        var bitmaps = new List<SKBitmap>();
        var trained = styles.Count(s => s.IsTrained);
        var y = FigureHeader.Draw(
            drawing, title, $"{styles.Count} styles on the same objects, in their own pixels. Heavy: the {trained} that the base model is trained with; the others are held out.", [], width);
        foreach (var family in styles.GroupBy(s => s.Family))
        {
            drawing.Line(PlotStyle.Margin, y, width - PlotStyle.Margin, y, PlotStyle.Grid);
            drawing.Text(family.Key, PlotStyle.Margin, y + 17, PlotStyle.TextSize, PlotStyle.Muted, bold: true);
            y += FamilyHeader;
            foreach (var row in family.Chunk(Columns))
            {
                foreach (var (column, style) in row.Index())
                {
                    Block(drawing, bitmaps, style, PlotStyle.Margin + (column * (block + BlockGap)), y, tile, block);
                }

                y += BlockHeader + tile + BlockGap - 6;
            }
        }

        var figure = drawing.Finish(name, title, width, y + 4, vector: false);
        bitmaps.ForEach(b => b.Dispose());
        return figure;
    }

    private static void Block(Drawing drawing, List<SKBitmap> bitmaps, EmojiStyle style, float x, float y, float tile, float width)
    {
        drawing.Text(PlotFont.Fit(style.Name, PlotStyle.SmallSize, width, style.IsTrained), x, y + 10, PlotStyle.SmallSize, style.IsTrained ? PlotStyle.Ink : PlotStyle.Muted, style.IsTrained);
        foreach (var (i, picture) in style.Pictures.Index())
        {
            var place = SKRect.Create(x + (i * (tile + Gap)), y + BlockHeader, tile, tile);
            if (picture is null)
            {
                drawing.Rectangle(place, PlotStyle.Grid);
                continue;
            }

            var bitmap = new SKBitmap(new SKImageInfo(picture.Width, picture.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
            Marshal.Copy(picture.Pixels, 0, bitmap.GetPixels(), picture.Stride * picture.Height);
            bitmaps.Add(bitmap);
            drawing.Image(bitmap, place);
        }
    }
}
