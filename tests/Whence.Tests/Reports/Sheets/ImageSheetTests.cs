using SkiaSharp;
using Whence.Images;
using Whence.Reports;

namespace Whence.Tests.Reports.Sheets;

public class ImageSheetTests
{
    [Fact]
    public void Pictures_stand_in_rows_under_what_was_asked_for_and_the_same_give_the_same_bytes()
    {
        ImageRow[] rows = [.. Enumerable.Range(0, 5).Select(i => new ImageRow($"a prompt {i}", [Plain(250, 0, 0), Plain(0, 0, 250)]))];
        var sheet = ImageSheet.Draw("sheet", "Samples", "of a model", rows, columns: 2);
        Assert.Equal(sheet.Png.ToArray(), ImageSheet.Draw("sheet", "Samples", "of a model", rows, columns: 2).Png.ToArray());
        Assert.True(sheet.Svg.IsEmpty);
        using var bitmap = SKBitmap.Decode(sheet.Png.Span);
        Assert.Equal((2 * sheet.Width, 2 * sheet.Height), (bitmap.Width, bitmap.Height));
        var red = bitmap.Pixels.Count(p => p is { Red: 250, Green: 0, Blue: 0 });
        Assert.InRange(red, 5 * 124 * 124, 5 * 130 * 130); // 64 CSS pixels a side, twice as many in the file
        Assert.InRange(bitmap.Pixels.Count(p => p is { Red: 0, Green: 0, Blue: 250 }), red * 0.99, red * 1.01);
    }

    [Fact]
    public void A_sheet_without_pictures_is_a_wrong_call() =>
        Assert.Throws<ArgumentException>(() => ImageSheet.Draw("s", "t", "", [new ImageRow("nothing", [])]));

    private static RgbImage Plain(byte red, byte green, byte blue) =>
        RgbImage.FromRgb([.. Enumerable.Range(0, 64).SelectMany(_ => (byte[])[red, green, blue])], 8, 8);
}
