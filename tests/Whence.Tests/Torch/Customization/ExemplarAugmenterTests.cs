using FsCheck.Xunit;
using Whence.Images;
using Whence.Torch.Customization;

namespace Whence.Tests.Torch.Customization;

public sealed class ExemplarAugmenterTests
{
    private const int Side = 512, Factor = 8, Cells = Side / Factor, Draws = 600;

    // Black at the left, white at the right, each column a level.
    private static readonly RgbImage Ramp = Picture(64, 64, (x, _) => (byte)(x * 255 / 63));

    [Fact]
    public void Scales_and_shares_are_those_of_the_recipe()
    {
        var augmenter = new ExemplarAugmenter(new ExemplarAugmentation(), Side, Factor);
        var drawn = Enumerable.Range(0, Draws).Select(step => augmenter.Vary(Ramp, seed: 1, step, item: step % 8)).ToArray();
        var small = drawn.Where(e => e.Place.Width < Side).ToArray();
        var zoomed = drawn.Where(e => e.Prefix is "zoomed in " or "close up ").ToArray();
        var whole = drawn.Where(e => e.Prefix.Length == 0).ToArray();
        Assert.Equal(Draws, small.Length + zoomed.Length + whole.Length);
        Assert.All(small, e => Assert.True(e.Prefix is "a far away " or "very small "));
        Assert.All(small, e => Assert.True(e.Place.Width == e.Place.Height && e.Place.Width % 2 == 0 && e.Place.Width is >= 170 and <= 306));
        Assert.All(whole.Concat(zoomed), e => Assert.Equal((new PixelWindow(0, 0, Side, Side), new PixelWindow(0, 0, Cells, Cells)), (e.Place, e.Mask)));
        Assert.Equal(4, drawn.Select(e => e.Prefix).Where(p => p.Length > 0).Distinct().Count());

        // Four standard deviations of a share of 600 draws are .08.
        Near(2 / 3.0 * 137 / 343, small.Length); // 170..306 of 170..512
        Near(1 / 3.0, zoomed.Length);
        Near(0.5, drawn.Count(IsFlipped));

        static void Near(double share, int count) => Assert.InRange((double)count / Draws, share - 0.08, share + 0.08);
    }

    [Fact]
    public void A_zoomed_exemplar_shows_a_part_of_its_width()
    {
        var augmenter = new ExemplarAugmenter(new ExemplarAugmentation { SmallChance = 0, FlipChance = 0 }, Side, Factor);
        for (var step = 0; step < 40; step++)
        {
            var image = augmenter.Vary(Ramp, seed: 2, step, item: 0).Image;
            var levels = image[Side - 1, 100].R - image[0, 100].R;
            Assert.InRange(levels, (255 / 1.4) - 6, (255 / 1.2) + 6); // columns at the borders are flat for half a source pixel
        }
    }

    [Property(MaxTest = 60)]
    public void The_mask_lies_within_the_place_and_holds_a_cell(int seed, byte width, byte height, byte cells, bool odd)
    {
        var factor = odd ? 3 : 4;
        var side = factor * (1 + (cells % 9));
        var augmenter = new ExemplarAugmenter(new ExemplarAugmentation { SmallChance = 0.9 }, side, factor);
        var exemplar = Picture(1 + (width % 40), 1 + (height % 40), (_, _) => 255);
        for (var step = 0; step < 20; step++)
        {
            var varied = augmenter.Vary(exemplar, seed, step, item: 1);
            var (place, mask) = (varied.Place, varied.Mask);
            Assert.Equal((side, side), (varied.Image.Width, varied.Image.Height));
            Assert.True(place is { Left: >= 0, Top: >= 0, Width: >= 1, Height: >= 1 } && place.Left + place.Width <= side && place.Top + place.Height <= side);
            Assert.True(mask is { Left: >= 0, Top: >= 0, Width: >= 1, Height: >= 1 } && mask.Left + mask.Width <= side / factor && mask.Top + mask.Height <= side / factor);
            if (place.Width < side && mask.Width > 1)
            {
                Assert.Equal((place.Left / factor) + 1, mask.Left);
                Assert.Equal(((place.Left + place.Width) / factor) - 1, mask.Left + mask.Width);
            }

            var pixels = new float[3 * side * side];
            varied.CopyTo(pixels);
            Assert.Equal(3 * place.Width * place.Height, pixels.Count(value => value == 1)); // the exemplar is white
            Assert.Equal(pixels.Length - (3 * place.Width * place.Height), pixels.Count(value => value == 0)); // and around it is gray
            var grid = new float[side / factor * (side / factor)];
            grid.AsSpan().Fill(7);
            varied.MaskTo(grid, side / factor);
            Assert.Equal((mask.Width * mask.Height, grid.Length - (mask.Width * mask.Height)), (grid.Count(v => v == 1), grid.Count(v => v == 0)));
            Assert.Equal(1, grid[(mask.Top * (side / factor)) + mask.Left]);
        }
    }

    [Fact]
    public void What_comes_out_follows_from_seed_step_and_item()
    {
        var augmenter = new ExemplarAugmenter(new ExemplarAugmentation(), 64, Factor);
        var first = Pixels(3, 5, 2);
        Assert.Equal(first, Pixels(3, 5, 2));
        Assert.NotEqual(first, Pixels(4, 5, 2));
        Assert.NotEqual(first, Pixels(3, 6, 2));
        Assert.NotEqual(first, Pixels(3, 5, 3));

        float[] Pixels(long seed, long step, int item)
        {
            var pixels = new float[3 * 64 * 64];
            augmenter.Vary(Ramp, seed, step, item).CopyTo(pixels);
            return pixels;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_augmentation_an_exemplar_fills_the_image(bool crop)
    {
        var exemplar = Picture(30, 20, (x, y) => (byte)((x * 8) + y));
        var augmenter = new ExemplarAugmenter(ExemplarAugmentation.None with { CenterCrop = crop }, 24, Factor);
        var varied = augmenter.Vary(exemplar, seed: 1, step: 2, item: 3);
        var expected = Resampler.Resize(crop ? Picture(20, 20, (x, y) => (byte)(((x + 5) * 8) + y)) : exemplar, 24, 24, Interpolation.Bilinear);
        Assert.Equal("", varied.Prefix);
        Assert.Equal(new PixelWindow(0, 0, 3, 3), varied.Mask);
        var pixels = new float[3 * 24 * 24];
        varied.CopyTo(pixels);
        for (var i = 0; i < 24 * 24; i++)
        {
            Assert.Equal((expected[i % 24, i / 24].R / 127.5f) - 1, pixels[i]);
        }
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        ExemplarAugmentation[] bad =
        [
            new() { FlipChance = -0.1 }, new() { FlipChance = double.NaN }, new() { SmallChance = 1.1 }, new() { SmallFrom = 0 }, new() { SmallFrom = 1.1 },
            new() { PasteBelow = -1 }, new() { ZoomFrom = 0.9 }, new() { ZoomTo = 1.2 }, new() { ZoomTo = 17 }, new() { Margin = -1 }, new() { Margin = int.MaxValue }, new() { Interpolation = (Interpolation)9 },
        ];
        Assert.All(bad, options => Assert.Throws<ArgumentOutOfRangeException>(options.Validate));
        new ExemplarAugmentation().Validate();
        ExemplarAugmentation.None.Validate();
    }

    private static bool IsFlipped(AugmentedExemplar exemplar)
    {
        var (place, row) = (exemplar.Place, exemplar.Place.Top + (exemplar.Place.Height / 2));
        return exemplar.Image[place.Left, row].R > exemplar.Image[place.Left + place.Width - 1, row].R;
    }

    private static RgbImage Picture(int width, int height, Func<int, int, byte> level)
    {
        var rgb = new byte[width * height * 3];
        for (var i = 0; i < width * height; i++)
        {
            rgb.AsSpan(i * 3, 3).Fill(level(i % width, i / width));
        }

        return RgbImage.FromRgb(rgb, width, height);
    }
}
