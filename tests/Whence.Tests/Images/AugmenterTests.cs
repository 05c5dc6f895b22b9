using FsCheck.Xunit;
using Whence.Images;

namespace Whence.Tests.Images;

public class AugmenterTests
{
    private static readonly PreprocessingSpec Spec = new() { Resize = 32, Crop = 24, Interpolation = Interpolation.Bilinear };

    [Theory]
    [InlineData(Augmentation.Mild)]
    [InlineData(Augmentation.Strong)]
    public void A_view_depends_on_seed_path_and_number_only(Augmentation augmentation)
    {
        var picture = Pictures.Noise(250, 200, 1);
        var before = Pictures.Bytes(picture);
        byte[] View(int seed, string path, int view) => Pictures.Bytes(new Augmenter(augmentation, Spec, seed).View(picture, path, view));
        var first = View(7, "a/b.png", 3);
        Assert.Equal(24 * 24 * 3, first.Length);
        Assert.Equal(first, View(7, "a/b.png", 3));
        Assert.All([View(8, "a/b.png", 3), View(7, "a/c.png", 3), View(7, "a/b.png", 4)], other => Assert.NotEqual(first, other));
        Assert.Equal(before, Pictures.Bytes(picture));

        var augmenter = new Augmenter(augmentation, Spec, 7);
        var views = new byte[64][];
        Parallel.For(0, views.Length, v => views[v] = Pictures.Bytes(augmenter.View(picture, "a/b.png", v)));
        Assert.Equal(first, views[3]);
        Assert.Equal(views.Length, views.DistinctBy(Convert.ToHexString).Count());
    }

    /// <summary>Were they to change, features made by an earlier build could not be made again.</summary>
    [Fact]
    public void Random_numbers_are_the_same_on_every_machine()
    {
        var random = new ViewRandom(-5, "ä/b.png", 2);
        double[] drawn = [random.Uniform(0, 1), random.Uniform(0, 1), random.Below(1000), random.Below(1000)];
        Assert.Equal([0.85293335668097503, 0.12294847137641107, 688, 146], drawn);
    }

    [Property(MaxTest = 200)]
    public void Draws_stay_in_their_bounds(int seed, int view)
    {
        var random = new ViewRandom(seed, "x", view);
        for (var i = 0; i < 100; i++)
        {
            Assert.InRange(random.Uniform(0.4, 1), 0.4, 1);
            Assert.InRange(random.Below(3), 0, 2);
        }
    }

    [Property(MaxTest = 300)]
    public void Windows_lie_in_the_picture_and_have_the_area_and_shape_asked_for(int seed, byte w, byte h)
    {
        var (width, height) = (w + 30, h + 30);
        var random = new ViewRandom(seed, "x", 0);
        var window = Augmenter.Window(width, height, ref random);
        Assert.True(window is { Left: >= 0, Top: >= 0, Width: >= 1, Height: >= 1 });
        Assert.True(window.Left + window.Width <= width && window.Top + window.Height <= height);

        // Sides are rounded to whole pixels. Very long pictures have no part that is large enough.
        var (least, most) = (Math.Min(width, height), Math.Max(width, height));
        if (most <= 1.8 * least)
        {
            Assert.InRange(window.Width * (double)window.Height / (width * height), 0.36, 1);
        }

        Assert.InRange(window.Width / (double)window.Height, 0.70, 1.42);
    }

    [Fact]
    public void A_picture_of_which_no_part_fits_is_cut_in_the_middle()
    {
        var random = new ViewRandom(0, "x", 0);
        Assert.Equal(new PixelWindow(495, 0, 13, 10), Augmenter.Window(1003, 10, ref random));
        Assert.Equal(new PixelWindow(0, 497, 6, 8), Augmenter.Window(6, 1003, ref random));
        Assert.Equal(new PixelWindow(0, 0, 1, 1), Augmenter.Window(1, 1, ref random));
    }

    [Property(MaxTest = 50)]
    public void Flipping_and_solarising_twice_restore_the_picture(byte w, byte h, int seed)
    {
        var picture = Pictures.Noise(w + 1, h + 1, seed);
        var before = Pictures.Bytes(picture);
        Augmenter.Flip(picture);
        Assert.Equal(picture[0, 0], Pixel(before, w + 1, w, 0));
        Augmenter.Flip(picture);
        Assert.Equal(before, Pictures.Bytes(picture));
    }

    [Property(MaxTest = 30)]
    public void The_whole_picture_as_window_is_a_plain_resize(byte w, byte h, int seed)
    {
        var picture = Pictures.Noise(w + 1, h + 1, seed);
        var result = new RgbImage(17, 17);
        Augmenter.ResizeWindow(picture, new PixelWindow(0, 0, w + 1, h + 1), Interpolation.Bicubic, result);
        Assert.Equal(Pictures.Bytes(Resampler.Resize(picture, 17, 17, Interpolation.Bicubic)), Pictures.Bytes(result));
    }

    [Property(MaxTest = 30)]
    public void Gray_pictures_stay_gray_and_even_ones_even(byte gray, int seed)
    {
        var even = RgbImage.FromRgb([.. Enumerable.Repeat(gray, 3 * 19 * 7)], 19, 7);
        GaussianBlur.Apply(even, 0.1 + (Math.Abs(seed % 100) / 50.0));
        Assert.All(Pictures.Bytes(even), value => Assert.InRange(value, gray - 1, gray));
        ColorOperations.Hue(even, (seed % 100) / 200.0);
        ColorOperations.Saturation(even, 1.2);
        Assert.Single(Pictures.Bytes(even).Distinct());
    }

    [Property(MaxTest = 20)]
    public void The_blur_is_that_of_its_slow_twin(byte w, byte h, int seed)
    {
        var (width, height, sigma) = ((w % 40) + 1, (h % 40) + 1, 0.1 + (Math.Abs(seed % 100) / 50.0));
        var picture = Pictures.Noise(width, height, seed);
        var expected = SlowBlur.Of(Pictures.Bytes(picture), width, height, sigma);
        GaussianBlur.Apply(picture, sigma);
        Assert.Equal(expected, Pictures.Bytes(picture));
    }

    [Fact]
    public void Mild_and_strong_views_differ_in_colours_only()
    {
        var augmenter = new Augmenter(Augmentation.Mild, Spec with { Interpolation = Interpolation.Bicubic }, 3);
        var strong = new Augmenter(Augmentation.Strong, Spec, 3);
        var picture = Pictures.Noise(60, 44, 2);
        var equal = Enumerable.Range(0, 400).Count(v => Pictures.Bytes(augmenter.View(picture, "p", v)).SequenceEqual(Pictures.Bytes(strong.View(picture, "p", v))));

        // No jitter (.2), no grayscale (.8), the second view (.5), no blur (.9), no solarisation (.8): 5.8 % of views.
        Assert.InRange(equal, 10, 40);
    }

    [Fact]
    public void Views_of_a_file_follow_its_own_input()
    {
        var file = TestImages.Png(4);
        var preprocessor = new Preprocessor(Spec);
        var augmenter = new Augmenter(Augmentation.Strong, Spec, 1);
        var inputs = new float[3 * preprocessor.Length];
        preprocessor.PreprocessViews(file, augmenter, "p", inputs);
        var expected = new float[preprocessor.Length];
        preprocessor.Preprocess(file, expected);
        Assert.Equal(expected, inputs[..preprocessor.Length]);

        var plain = new Preprocessor(Spec with { Resize = 0 });
        for (var view = 0; view < 2; view++)
        {
            plain.Preprocess(augmenter.View(ImageDecoder.Decode(file), "p", view), expected);
            Assert.Equal(expected, inputs.AsSpan((view + 1) * preprocessor.Length, preprocessor.Length).ToArray());
        }

        Assert.Throws<ArgumentException>(() => preprocessor.PreprocessViews(file, augmenter, "p", new float[preprocessor.Length + 1]));
    }

    private static (byte, byte, byte) Pixel(byte[] rgb, int width, int x, int y)
    {
        var at = 3 * ((y * width) + x);
        return (rgb[at], rgb[at + 1], rgb[at + 2]);
    }
}
