using Whence.Images;

namespace Whence.Tests.Images;

public class PreprocessorTests
{
    private static readonly PreprocessingSpec Plain = new() { Resize = 0, Crop = 4 };

    [Fact]
    public void Pixels_become_planes_in_the_specs_order_and_scale()
    {
        var image = RgbImage.FromRgb([10, 20, 30], 1, 1);
        var spec = new PreprocessingSpec { Resize = 0, Crop = 1, Mean = [0.5f, 0.25f, 0], Std = [0.5f, 1, 2] };
        Assert.Equal([((10 / 255f) - 0.5f) / 0.5f, (20 / 255f) - 0.25f, 30 / 255f / 2], Run(spec, image));
        Assert.Equal([30, 20, 10], Run(new() { Resize = 0, Crop = 1, ChannelOrder = ChannelOrder.Bgr, Range = 255 }, image));
        Assert.Equal([30 - 3, 20 - 2, (10 - 1) / 2f], Run(
            new() { Resize = 0, Crop = 1, ChannelOrder = ChannelOrder.Bgr, Range = 255, Mean = [3, 2, 1], Std = [1, 1, 2] }, image));
    }

    [Fact]
    public void Every_byte_keeps_its_value_where_white_is_255()
    {
        var image = new RgbImage(16, 16);
        for (var i = 0; i < 256; i++)
        {
            image.Pixels[i * RgbImage.BytesPerPixel] = (byte)i;
        }

        Assert.Equal(Enumerable.Range(0, 256).Select(i => (float)i), Run(new() { Resize = 0, Crop = 16, Range = 255 }, image)[..256]);
    }

    [Fact]
    public void Every_byte_is_normalised_to_the_bits_of_the_plain_formula()
    {
        const int side = 17; // 289 pixels: all bytes, and a rest that fills no vector
        var image = RgbImage.FromRgb([.. Enumerable.Range(0, side * side).SelectMany(i => new[] { (byte)i, (byte)(i * 7), (byte)(255 - i) })], side, side);
        var spec = new PreprocessingSpec { Resize = 0, Crop = side, Mean = [0.485f, 0.456f, 0.406f], Std = [0.229f, 0.224f, 0.225f] };
        var expected = new float[3 * side * side];
        for (var i = 0; i < side * side; i++)
        {
            var (r, g, b) = image[i % side, i / side];
            expected[i] = ((r / 255f) - 0.485f) / 0.229f;
            expected[(side * side) + i] = ((g / 255f) - 0.456f) / 0.224f;
            expected[(2 * side * side) + i] = ((b / 255f) - 0.406f) / 0.225f;
        }

        Assert.Equal(expected, Run(spec, image));
    }

    [Theory]
    // width, height, and the first row and column that the crop of 4 takes; halves round to even.
    [InlineData(4, 4, 0, 0)]
    [InlineData(5, 7, 0, 2)]
    [InlineData(7, 5, 2, 0)]
    [InlineData(6, 9, 1, 2)]
    [InlineData(11, 4, 4, 0)]
    public void The_crop_is_central(int width, int height, int left, int top)
    {
        var image = Pictures.Noise(width, height, 1);
        var crop = new Preprocessor(Plain).Crop(image);
        Assert.All(Enumerable.Range(0, 16), i => Assert.Equal(image[left + (i % 4), top + (i / 4)], crop[i % 4, i / 4]));
    }

    [Theory]
    // width, height, and where the picture's first pixel lands in the crop of 4; halves round down.
    [InlineData(3, 4, 0, 0)]
    [InlineData(2, 1, 1, 1)]
    [InlineData(1, 3, 1, 0)]
    [InlineData(9, 2, 0, 1)]
    public void A_picture_smaller_than_the_crop_is_padded_with_black(int width, int height, int left, int top)
    {
        var image = Pictures.Noise(width, height, 2);
        var crop = new Preprocessor(Plain).Crop(image);
        var skipped = width > 4 ? 2 : 0; // round((9 - 4) / 2) = 2
        for (var y = 0; y < 4; y++)
        {
            for (var x = 0; x < 4; x++)
            {
                var (sourceX, sourceY) = (x - left + skipped, y - top);
                var inside = sourceX >= 0 && sourceX < width && sourceY >= 0 && sourceY < height;
                Assert.Equal(inside ? image[sourceX, sourceY] : default, crop[x, y]);
            }
        }
    }

    [Fact]
    public void The_long_side_is_rounded_down()
    {
        // 7 x 5 to a short side of 4 is 5.6 x 4: 5 x 4.
        var image = Pictures.Noise(7, 5, 3);
        var spec = new PreprocessingSpec { Resize = 4, Crop = 4, Interpolation = Interpolation.Bicubic };
        var expected = Resampler.Resize(image, 5, 4, Interpolation.Bicubic, new PixelWindow(0, 0, 4, 4));
        Assert.Equal((0, 0), Pictures.Difference(expected, new Preprocessor(spec).Crop(image)));
    }

    [Fact]
    public void Both_sides_may_be_stretched_to_the_same_length()
    {
        var image = Pictures.Noise(7, 5, 3);
        var spec = new PreprocessingSpec { Resize = 6, Stretch = true, Crop = 4, Interpolation = Interpolation.Bicubic };
        var expected = Resampler.Resize(image, 6, 6, Interpolation.Bicubic, new PixelWindow(1, 1, 4, 4));
        Assert.Equal((0, 0), Pictures.Difference(expected, new Preprocessor(spec).Crop(image)));
        Assert.Contains("stretch", Assert.Throws<WhenceException>(() => new Preprocessor(spec with { Resize = 0 })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40, 30, 8, 6)]
    [InlineData(9, 31, 10, 12)] // padded
    [InlineData(5, 5, 0, 4)] // not resized
    public void Step_by_step_the_numbers_are_the_same(int width, int height, int resize, int crop)
    {
        var image = Pictures.Noise(width, height, 6);
        var spec = new PreprocessingSpec { Resize = resize, Crop = crop, Interpolation = Interpolation.Bicubic, Mean = [0.5f, 0.4f, 0.3f] };
        var preprocessor = new Preprocessor(spec);
        var chw = new float[preprocessor.Length];
        preprocessor.NormalizeCrop(preprocessor.CropResized(preprocessor.Resize(image)), chw);
        Assert.Equal(Run(spec, image), chw);
        Assert.Throws<ArgumentException>(() => preprocessor.NormalizeCrop(new RgbImage(crop + 1, crop), chw));
    }

    [Fact]
    public void Extremely_thin_pictures_cost_only_their_crop()
    {
        var spec = new PreprocessingSpec { Resize = 256, Crop = 224, Interpolation = Interpolation.Bicubic };
        var crop = new Preprocessor(spec).Crop(Pictures.Noise(1, 65_535, 4));
        Assert.Equal((224, 224), (crop.Width, crop.Height));
    }

    [Fact]
    public void A_file_and_its_decoded_picture_give_the_same_numbers()
    {
        var file = File.ReadAllBytes(Path.Combine(SharedData.RepositoryRoot, "tests", "golden", "images", "exif6.jpg"));
        var spec = new PreprocessingSpec { Resize = 20, Crop = 16 };
        foreach (var upright in new[] { false, true })
        {
            var preprocessor = new Preprocessor(spec, autoOrient: upright);
            var chw = new float[preprocessor.Length];
            Assert.Equal(upright ? (23, 37) : (37, 23), preprocessor.Preprocess(file, chw));
            Assert.Equal(Run(spec, ImageDecoder.Decode(file, autoOrient: upright)), chw);
        }
    }

    [Fact]
    public void Many_threads_get_what_one_gets()
    {
        var preprocessor = new Preprocessor(new() { Resize = 24, Crop = 20 });
        var folder = Path.Combine(SharedData.RepositoryRoot, "tests", "golden", "images");
        var files = Directory.GetFiles(folder, "*.jpg").Concat(Directory.GetFiles(folder, "*.png")).Select(File.ReadAllBytes).ToArray();
        var alone = files.Select(file => Prepare(preprocessor, file)).ToArray();
        Parallel.For(0, files.Length * 4, i => Assert.Equal(alone[i % files.Length], Prepare(preprocessor, files[i % files.Length])));
    }

    [Fact]
    public void A_steady_stream_of_pictures_allocates_no_pixel_memory()
    {
        var image = Pictures.Noise(900, 700, 5);
        var preprocessor = new Preprocessor(new() { Resize = 256, Crop = 224 });
        var chw = new float[preprocessor.Length];
        preprocessor.Preprocess(image, chw);
        var before = GC.GetAllocatedBytesForCurrentThread();
        preprocessor.Preprocess(image, chw);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 150_000);
    }

    [Fact]
    public void A_span_of_the_wrong_length_is_refused() =>
        Assert.Throws<ArgumentException>(() => new Preprocessor(Plain).Preprocess(new RgbImage(4, 4), new float[47]));

    [Fact]
    public void A_limit_holds_here_too() =>
        Assert.Throws<WhenceException>(() => new Preprocessor(Plain, new DecodeLimits { MaxFileBytes = 2 }).Crop(new byte[3]));

    private static float[] Run(PreprocessingSpec spec, RgbImage image)
    {
        var preprocessor = new Preprocessor(spec);
        var chw = new float[preprocessor.Length];
        preprocessor.Preprocess(image, chw);
        return chw;
    }

    private static float[] Prepare(Preprocessor preprocessor, byte[] file)
    {
        var chw = new float[preprocessor.Length];
        preprocessor.Preprocess(file, chw);
        return chw;
    }
}
