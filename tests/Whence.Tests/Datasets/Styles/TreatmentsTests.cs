using SkiaSharp;
using Whence.Datasets.Styles;
using Whence.Images;

namespace Whence.Tests.Datasets.Styles;

public class TreatmentsTests
{
    private static readonly RgbImage Apple = Drawing(128);

    public static TheoryData<string> Names => [.. Treatments.All.Select(t => t.Name)];

    [Fact]
    public void Names_are_told_apart_and_unknown_ones_refused_with_all_that_are_known()
    {
        Assert.Equal(Treatments.All.Count, Treatments.All.Select(t => t.Name).Distinct().Count());
        Assert.Contains("halftone, ", Assert.Throws<WhenceException>(() => Treatments.Get("sparkles")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_treatment_is_a_pure_function_of_picture_and_seed(string name)
    {
        var (treatment, before) = (Treatments.Get(name), Bytes(Apple));
        var once = Bytes(treatment.Apply(Apple, 5));
        Assert.Equal(once, Bytes(treatment.Apply(Apple, 5)));
        Assert.Equal(before, Bytes(Apple));
        Assert.NotEqual(before, once);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_treatment_takes_any_size(string name)
    {
        foreach (var (width, height) in new[] { (8, 8), (31, 17), (64, 64) })
        {
            var result = Treatments.Get(name).Apply(Drawing(64, width, height), 1);
            Assert.Equal((width, height), (result.Width, result.Height));
        }
    }

    [Fact]
    public void Every_two_treatments_differ_clearly()
    {
        var pictures = Treatments.All.Select(t => (t.Name, Pixels: Bytes(t.Apply(Apple, 1)))).ToArray();
        var near = from i in Enumerable.Range(0, pictures.Length)
                   from j in Enumerable.Range(0, i)
                   let difference = pictures[i].Pixels.Zip(pictures[j].Pixels, (a, b) => Math.Abs(a - b)).Average()
                   where difference < 5
                   select $"{pictures[i].Name} and {pictures[j].Name}: {difference:F1}";
        Assert.Empty(near);
    }

    [Fact]
    public void Seeds_move_the_grain_and_leave_what_has_none_alone()
    {
        Assert.NotEqual(Bytes(Treatments.Get("watercolour").Apply(Apple, 1)), Bytes(Treatments.Get("watercolour").Apply(Apple, 2)));
        Assert.Equal(Bytes(Treatments.Get("inverted").Apply(Apple, 1)), Bytes(Treatments.Get("inverted").Apply(Apple, 2)));
    }

    [Fact]
    public void Inverted_silhouette_and_pixel_mosaic_are_what_they_say()
    {
        var (inverted, silhouette, mosaic) = (Apply("inverted"), Apply("silhouette"), Apply("pixel mosaic"));
        for (var i = 0; i < 128 * 128; i++)
        {
            var (x, y) = (i % 128, i / 128);
            Assert.Equal(255 - Apple[x, y].G, inverted[x, y].G);
            Assert.Contains(silhouette[x, y].R, new byte[] { 16, 255 });
            Assert.Equal(mosaic[x / 8 * 8, y / 8 * 8], mosaic[x, y]);
        }

        Assert.Equal(255, silhouette[2, 2].R);
        Assert.Equal(16, silhouette[64, 64].R); // the white hole within is part of the shape
    }

    [Fact]
    public void Pictures_that_are_too_small_are_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Treatments.Get("outline").Apply(new RgbImage(7, 20), 1));

    private static RgbImage Apply(string name) => Treatments.Get(name).Apply(Apple, 1);

    private static byte[] Bytes(RgbImage image)
    {
        var bytes = new byte[image.Width * image.Height * 3];
        image.CopyRgbTo(bytes);
        return bytes;
    }

    // A red ring with a leaf and a shadow.
    private static RgbImage Drawing(int side, int? width = null, int? height = null)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width ?? side, height ?? side, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.Clear(SKColors.White);
            canvas.Scale(bitmap.Width / 64f, bitmap.Height / 64f);
            using var paint = new SKPaint { IsAntialias = true, Color = new SKColor(210, 40, 50) };
            canvas.DrawCircle(32, 36, 22, paint);
            paint.Color = new SKColor(120, 20, 40);
            canvas.DrawCircle(24, 44, 9, paint);
            paint.Color = SKColors.White;
            canvas.DrawCircle(32, 32, 6, paint);
            paint.Color = new SKColor(60, 160, 60);
            canvas.DrawOval(42, 12, 10, 5, paint);
        }

        var rgb = bitmap.Bytes.Where((_, i) => i % 4 != 3).ToArray();
        return RgbImage.FromRgb(rgb, bitmap.Width, bitmap.Height);
    }
}
