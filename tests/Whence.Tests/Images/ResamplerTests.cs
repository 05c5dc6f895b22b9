using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Whence.Images;

namespace Whence.Tests.Images;

public class ResamplerTests
{
    private static readonly VectorWidth[] Widths = Enum.GetValues<VectorWidth>();

    [Fact]
    public void Equals_Pillow_in_every_pixel_for_every_filter_and_vector_width()
    {
        var golden = new GoldenTensors(SharedData.Get("reference", "preprocess", "resize.safetensors"));
        var source = Picture(golden, "source");
        var graySource = Picture(golden, "source_gray");
        var compared = 0;
        foreach (var name in golden.Names.Where(name => name.Contains('.', StringComparison.Ordinal)))
        {
            var parts = name.Split('.');
            var interpolation = Enum.Parse<Interpolation>(parts[0], ignoreCase: true);
            var size = parts[^1].Split('x').Select(int.Parse).ToArray();
            var expected = Picture(golden, name);
            foreach (var width in Widths)
            {
                var actual = Resize(parts.Length == 3 ? graySource : source, size[0], size[1], interpolation, width);
                Assert.True(Pictures.Difference(expected, actual) == (0, 0), $"{name} with {width}");
                compared++;
            }
        }

        Assert.Equal(5 * 11 * Widths.Length, compared);
    }

    [Property(MaxTest = 150)]
    public Property Equals_the_slow_twin_at_any_size()
    {
        var side = Gen.Choose(1, 40);
        var sizes = from w in side from h in side from outW in Gen.Choose(1, 60) from outH in Gen.Choose(1, 60) select (w, h, outW, outH);
        var cases = from size in sizes
                    from interpolation in Gen.Elements(Enum.GetValues<Interpolation>())
                    from width in Gen.Elements(Widths)
                    from seed in Gen.Choose(0, 1000)
                    select (size, interpolation, width, seed);
        return Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var image = Pictures.Noise(c.size.w, c.size.h, c.seed);
            var expected = SlowResampler.Resize(image, c.size.outW, c.size.outH, c.interpolation);
            return Pictures.Difference(expected, Resize(image, c.size.outW, c.size.outH, c.interpolation, c.width)) == (0, 0);
        });
    }

    [Fact]
    public void Equals_the_slow_twin_where_a_large_picture_shrinks_to_one_pixel()
    {
        var image = Pictures.Noise(700, 300, 1);
        foreach (var interpolation in Enum.GetValues<Interpolation>())
        {
            Assert.Equal((0, 0), Pictures.Difference(SlowResampler.Resize(image, 1, 1, interpolation), Resampler.Resize(image, 1, 1, interpolation)));
        }
    }

    [Property(MaxTest = 100)]
    public Property A_window_equals_that_part_of_the_whole_result()
    {
        var cases = from w in Gen.Choose(1, 50)
                    from h in Gen.Choose(1, 50)
                    from outW in Gen.Elements(w, 17, 64)
                    from outH in Gen.Elements(h, 19, 61)
                    from left in Gen.Choose(0, outW - 1)
                    from top in Gen.Choose(0, outH - 1)
                    from width in Gen.Choose(1, outW - left)
                    from height in Gen.Choose(1, outH - top)
                    from interpolation in Gen.Elements(Enum.GetValues<Interpolation>())
                    select (w, h, outW, outH, window: new PixelWindow(left, top, width, height), interpolation);
        return Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var image = Pictures.Noise(c.w, c.h, c.w + c.h);
            var whole = Resampler.Resize(image, c.outW, c.outH, c.interpolation);
            var part = Resampler.Resize(image, c.outW, c.outH, c.interpolation, c.window);
            return Enumerable.Range(0, c.window.Height).All(y => Enumerable.Range(0, c.window.Width).All(x =>
                part[x, y] == whole[c.window.Left + x, c.window.Top + y]));
        });
    }

    [Fact]
    public void Reads_nothing_that_lies_outside_of_the_picture()
    {
        // A pooled buffer full of white behind the picture's own pixels must not show.
        var image = RgbImage.Rent(5, 3);
        image.Pixels.AsSpan().Fill(255);
        image.AsWords().Clear();
        var result = Resampler.Resize(image, 3, 2, Interpolation.Lanczos);
        image.Return();
        Assert.All(Pictures.Bytes(result), value => Assert.Equal(0, value));
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(5, -1)]
    public void Refuses_sizes_below_one(int width, int height) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Resampler.Resize(new RgbImage(2, 2), width, height, Interpolation.Box));

    [Theory]
    [InlineData(-1, 0, 2, 2)]
    [InlineData(0, 3, 2, 2)]
    [InlineData(0, 0, 0, 2)]
    [InlineData(3, 0, int.MaxValue, 2)]
    public void Refuses_windows_outside_of_the_result(int left, int top, int width, int height) =>
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            Resampler.Resize(new RgbImage(2, 2), 4, 4, Interpolation.Box, new PixelWindow(left, top, width, height)));

    private static RgbImage Resize(RgbImage image, int width, int height, Interpolation interpolation, VectorWidth vectors)
    {
        var result = new RgbImage(width, height);
        Resampler.Resize(image, width, height, interpolation, new PixelWindow(0, 0, width, height), result, vectors);
        return result;
    }

    private static RgbImage Picture(GoldenTensors golden, string name)
    {
        var (data, shape) = golden.Get(name);
        var rgb = shape.Length == 3 ? data : [.. data.SelectMany(gray => Enumerable.Repeat(gray, 3))];
        return RgbImage.FromRgb(rgb, shape[1], shape[0]);
    }
}
