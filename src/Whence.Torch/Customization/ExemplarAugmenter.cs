using Whence.Images;

namespace Whence.Torch.Customization;

/// <summary>A varied exemplar.</summary>
/// <param name="Image">S x S pixels. Outside of <paramref name="Place"/> they are 127, but count as exactly 0 between black (-1) and white (1).</param>
/// <param name="Place">Where in the image the exemplar lies.</param>
/// <param name="Mask">Cells of the latent grid that count in the loss, S / factor in each direction; at least one.</param>
/// <param name="Prefix">What is put before the prompt, with its space; empty for nothing.</param>
internal sealed record AugmentedExemplar(RgbImage Image, PixelWindow Place, PixelWindow Mask, string Prefix)
{
    /// <summary>Writes the pixels as a network takes them, x / 127.5 - 1 and 0 around a pasted exemplar: channel, row, column.</summary>
    public void CopyTo(Span<float> chw)
    {
        var side = Image.Width;
        var plane = side * side;
        var inside = (Place.Left, Right: Place.Left + Place.Width, Place.Top, Bottom: Place.Top + Place.Height);
        for (var y = 0; y < side; y++)
        {
            for (var x = 0; x < side; x++)
            {
                var at = (y * side) + x;
                if (x < inside.Left || x >= inside.Right || y < inside.Top || y >= inside.Bottom)
                {
                    chw[at] = chw[plane + at] = chw[(2 * plane) + at] = 0;
                    continue;
                }

                var pixel = Image.Pixels.AsSpan(at * RgbImage.BytesPerPixel, 3);
                chw[at] = (pixel[0] / 127.5f) - 1;
                chw[plane + at] = (pixel[1] / 127.5f) - 1;
                chw[(2 * plane) + at] = (pixel[2] / 127.5f) - 1;
            }
        }
    }

    /// <summary>Writes 1 for each cell that counts and 0 for the others, row after row.</summary>
    /// <param name="cells">Side x side.</param>
    /// <param name="side">Cells in each direction.</param>
    public void MaskTo(Span<float> cells, int side)
    {
        cells.Clear();
        for (var y = Mask.Top; y < Mask.Top + Mask.Height; y++)
        {
            cells.Slice((y * side) + Mask.Left, Mask.Width).Fill(1);
        }
    }
}

/// <summary>Varies exemplars as <see cref="ExemplarAugmentation"/> says; what comes out depends on the seed, the step and the item only. Safe to use from many threads.</summary>
/// <param name="options">How.</param>
/// <param name="side">S, pixels of the model's images in each direction; a multiple of <paramref name="factor"/>.</param>
/// <param name="factor">Pixels of a cell of the latent grid in each direction, 8 in Stable Diffusion.</param>
internal sealed class ExemplarAugmenter(ExemplarAugmentation options, int side, int factor)
{
    private const byte Gray = 127;

    /// <summary>A varied exemplar.</summary>
    /// <param name="exemplar">The decoded picture, of any size; it stays as it is.</param>
    /// <param name="seed">Of the training.</param>
    /// <param name="step">Of the training, from 0.</param>
    /// <param name="item">Of the batch, from 0.</param>
    public AugmentedExemplar Vary(RgbImage exemplar, long seed, long step, int item)
    {
        var random = new SplitMix64(seed, (step << 16) + item);
        var flip = random.NextDouble() < options.FlipChance;
        var result = random.NextDouble() < options.SmallChance ? Small(exemplar, ref random) : Zoomed(exemplar, ref random);
        if (flip)
        {
            FlipPlace(result); // the place of a crop is uniform: turned afterwards it is as likely as before
        }

        return result;
    }

    private AugmentedExemplar Small(RgbImage exemplar, ref SplitMix64 random)
    {
        var least = Math.Clamp(Pixels(options.SmallFrom), 1, side);
        var size = Math.Min(Even(least + random.Next(side - least + 1)), side);
        if (size >= side * options.PasteBelow)
        {
            return new AugmentedExemplar(Resize(exemplar, side, new PixelWindow(0, 0, side, side)), Whole(side), Whole(side / factor), "");
        }

        var (left, top) = (random.Next(side - size + 1), random.Next(side - size + 1));
        var image = new RgbImage(side, side);
        image.Pixels.AsSpan().Fill(Gray);
        var small = Resize(exemplar, size, new PixelWindow(0, 0, size, size));
        for (var y = 0; y < size; y++)
        {
            small.AsWords().Slice(y * size, size).CopyTo(image.AsWords()[(((top + y) * side) + left)..]);
        }

        var (columns, rows) = (Cells(left, size), Cells(top, size));
        return new AugmentedExemplar(
            image,
            new PixelWindow(left, top, size, size),
            new PixelWindow(columns.First, rows.First, columns.Count, rows.Count),
            Prefix(options.SmallPrefixes, ref random));
    }

    private AugmentedExemplar Zoomed(RgbImage exemplar, ref SplitMix64 random)
    {
        var (from, to) = (Math.Max(side, Pixels(options.ZoomFrom)), Pixels(options.ZoomTo));
        var size = Even(from + random.Next(Math.Max(1, to - from)));
        var (left, top) = (random.Next(size - side + 1), random.Next(size - side + 1));
        return new AugmentedExemplar(Resize(exemplar, size, new PixelWindow(left, top, side, side)), Whole(side), Whole(side / factor), Prefix(options.ZoomPrefixes, ref random));
    }

    /// <summary>The cells from that of a place's first pixel to before that of the pixel after its last, less the margin; the one under its middle where none is left.</summary>
    private (int First, int Count) Cells(int start, int size)
    {
        var (first, end) = ((start / factor) + options.Margin, ((start + size) / factor) - options.Margin);
        return first < end ? (first, end - first) : ((start + (size / 2)) / factor, 1);
    }

    private RgbImage Resize(RgbImage exemplar, int size, PixelWindow window)
    {
        var source = exemplar;
        var least = Math.Min(exemplar.Width, exemplar.Height);
        if (options.CenterCrop && exemplar.Width != exemplar.Height)
        {
            var (left, top) = ((exemplar.Width - least) / 2, (exemplar.Height - least) / 2);
            source = RgbImage.Uninitialized(least, least);
            for (var y = 0; y < least; y++)
            {
                exemplar.AsWords().Slice(((top + y) * exemplar.Width) + left, least).CopyTo(source.AsWords()[(y * least)..]);
            }
        }

        return Resampler.Resize(source, size, size, options.Interpolation, window);
    }

    private static void FlipPlace(AugmentedExemplar exemplar)
    {
        var place = exemplar.Place;
        for (var y = place.Top; y < place.Top + place.Height; y++)
        {
            exemplar.Image.AsWords().Slice((y * exemplar.Image.Width) + place.Left, place.Width).Reverse();
        }
    }

    private static string Prefix(IReadOnlyList<string> prefixes, ref SplitMix64 random) => prefixes.Count == 0 ? "" : prefixes[random.Next(prefixes.Count)] + " ";

    /// <summary>Whole pixels of a share of the side; a third of 510 is 170 although a third is no binary fraction.</summary>
    private int Pixels(double share) => (int)((side * share) + 1e-6);

    private static PixelWindow Whole(int size) => new(0, 0, size, size);

    private static int Even(int size) => size + (size % 2);
}
