using SkiaSharp;
using Whence.Evaluation;
using Whence.Reports;

namespace Whence.Tests.Reports.Sheets;

public class RankedSheetTests
{
    private static readonly SKColor Box = new(0xD5, 0x5E, 0x00);

    [Fact]
    public void The_same_query_gives_the_same_bytes_and_no_vector_file()
    {
        var (first, second) = (Draw(Query(2)), Draw(Query(2)));
        Assert.True(first.Png.Span.SequenceEqual(second.Png.Span));
        Assert.True(first.Svg.IsEmpty);
    }

    [Fact]
    public void Exemplars_are_boxed_and_pictures_drawn()
    {
        int Count(Figure figure, Func<SKColor, bool> counted)
        {
            using var bitmap = SKBitmap.Decode(figure.Png.Span);
            return bitmap.Pixels.Count(counted);
        }

        var (none, two) = (Draw(Query(0)), Draw(Query(2)));
        Assert.True(Count(two, p => p == Box) - Count(none, p => p == Box) > 2 * 4 * 180 * 6);
        Assert.True(Count(none, p => p == SKColors.Lime) > 3 * 150 * 150);
    }

    [Fact]
    public void An_exemplar_further_behind_widens_the_sheet_by_its_place()
    {
        var query = Query(0);
        var images = query.Strips[0].Images;
        var longer = query with { Strips = [new("pretrained", [.. images, new RankedImage(1234, "green.png", 0, 0, true)]), .. query.Strips.Skip(1)] };
        Assert.True(Draw(longer).Width > Draw(query).Width);
    }

    [Fact]
    public void An_image_that_cannot_be_read_is_a_field_with_its_name()
    {
        var whole = Draw(Query(0));
        foreach (var read in new Func<string, byte[]?>[]
        {
            _ => null,
            name => throw new WhenceException($"{name}: gone"),
            _ => [],
            _ => [.. Green().Take(40)],
            _ => "no image"u8.ToArray(),
        })
        {
            var fields = RankedSheet.Draw("s", "t", "Subtitle", [Query(0)], read);
            Assert.Equal((whole.Width, whole.Height), (fields.Width, fields.Height));
            Assert.False(fields.Png.Span.SequenceEqual(whole.Png.Span));
        }

        var renamed = Query(0) with { Path = new string('名', 5000) + "\u202E\n" };
        RankedSheet.Draw("s", new string('t', 5000), new string('u', 5000), [renamed], _ => null);
    }

    [Fact]
    public void Methods_must_have_been_asked_the_same()
    {
        RankedQuery found = new("t", "gpt", 3, 1, null, [], 0.2);
        Assert.Equal("query 3", SheetQuery.Of([("a", found), ("b", found)]).Path);
        Assert.Equal(0.2, SheetQuery.Of([("a", found)]).Strips[0].None);
        Assert.Throws<ArgumentException>(() => SheetQuery.Of([("a", found), ("b", found with { Query = 4 })]));
        Assert.Throws<ArgumentException>(() => SheetQuery.Of([]));
        Assert.Throws<ArgumentException>(() => RankedSheet.Draw("s", "t", "", [], _ => null));
        Draw(SheetQuery.Of([("a", found)]));
    }

    private static Figure Draw(SheetQuery query) => RankedSheet.Draw("sheet", "Title", "Subtitle", [query], name => name == "green.png" ? Green() : null);

    private static SheetQuery Query(int exemplars) => new("case, prompts: gpt, model 3", "green.png",
    [
        .. new[] { "pretrained", "tuned" }.Select(method => new RankedStrip(
            method, [.. Enumerable.Range(0, 4).Select(i => new RankedImage(i + 1, "green.png", 0.9f, 0.4 / (i + 1), i < exemplars / 2))])),
    ]);

    private static byte[] Green()
    {
        using var bitmap = new SKBitmap(64, 64);
        bitmap.Erase(SKColors.Lime);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
