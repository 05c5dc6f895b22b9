namespace Whence.Images;

/// <summary>
/// Makes random views of pictures at an encoder's input size, before its normalisation. A view depends on the seed, the picture's path and the view's
/// number only. Operations and their parameters are torchvision's on Pillow's images, pixel for pixel. Safe to use from many threads at once.
/// </summary>
public sealed class Augmenter
{
    // RandomResizedCrop: share of the picture's area, and width / height.
    private const double SmallestArea = 0.4, LargestArea = 1;
    private const double NarrowestRatio = 3 / 4.0, WidestRatio = 4 / 3.0;
    private const int Attempts = 10;

    private const double FlipChance = 0.5;
    private const double JitterChance = 0.8, GrayscaleChance = 0.2;
    private const double Brightness = 0.4, Contrast = 0.4, Saturation = 0.2, Hue = 0.1;
    private const double LeastBlur = 0.1, MostBlur = 2;
    private const double SecondBlurChance = 0.1, SolarizeChance = 0.2;

    private readonly Augmentation _augmentation;
    private readonly Interpolation _interpolation;
    private readonly int _side;
    private readonly int _seed;

    /// <summary>An augmenter for an encoder.</summary>
    /// <param name="augmentation">What is done.</param>
    /// <param name="spec">The encoder's preprocessing: views have the side <see cref="PreprocessingSpec.Crop"/>. Mild views are resized with its filter, strong ones with DINO's, bicubic.</param>
    /// <param name="seed">Another seed gives other views.</param>
    /// <exception cref="WhenceException">A value of the spec is out of its range.</exception>
    public Augmenter(Augmentation augmentation, PreprocessingSpec spec, int seed)
    {
        ArgumentNullException.ThrowIfNull(spec);
        spec.Validate();
        (_augmentation, _side, _seed) = (augmentation, spec.Crop, seed);
        _interpolation = augmentation switch
        {
            Augmentation.Mild => spec.Interpolation,
            Augmentation.Strong => Interpolation.Bicubic,
            _ => throw new ArgumentOutOfRangeException(nameof(augmentation), augmentation, "Neither mild nor strong."),
        };
    }

    /// <summary>Makes a view.</summary>
    /// <param name="image">The decoded picture, which stays as it is.</param>
    /// <param name="path">What tells the picture from others, as a rule its path in the test case.</param>
    /// <param name="view">Number of the view, from 0.</param>
    /// <returns>A new picture of crop x crop pixels.</returns>
    public RgbImage View(RgbImage image, string path, int view)
    {
        var result = RgbImage.Uninitialized(_side, _side);
        ViewTo(image, path, view, result);
        return result;
    }

    /// <summary>Writes a view into a picture of crop x crop pixels.</summary>
    internal void ViewTo(RgbImage image, string path, int view, RgbImage result)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(path);
        ArgumentOutOfRangeException.ThrowIfNegative(view);
        var random = new ViewRandom(_seed, path, view);
        ResizeWindow(image, Window(image.Width, image.Height, ref random), _interpolation, result);
        if (random.Chance(FlipChance))
        {
            Flip(result);
        }

        if (_augmentation == Augmentation.Strong)
        {
            Recolor(result, ref random);
        }
    }

    /// <summary>torchvision's RandomResizedCrop: a part of random area and shape; the largest fitting one in the middle where ten draws do not fit.</summary>
    internal static PixelWindow Window(int width, int height, ref ViewRandom random)
    {
        var area = (double)width * height;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var target = area * random.Uniform(SmallestArea, LargestArea);
            var ratio = Math.Exp(random.Uniform(Math.Log(NarrowestRatio), Math.Log(WidestRatio)));
            var (w, h) = ((int)Math.Round(Math.Sqrt(target * ratio)), (int)Math.Round(Math.Sqrt(target / ratio)));
            if (w > 0 && w <= width && h > 0 && h <= height)
            {
                var top = random.Below(height - h + 1);
                return new PixelWindow(random.Below(width - w + 1), top, w, h);
            }
        }

        var shape = (double)width / height;
        var (fitWidth, fitHeight) = shape < NarrowestRatio ? (width, Math.Max(1, (int)Math.Round(width / NarrowestRatio)))
            : shape > WidestRatio ? (Math.Max(1, (int)Math.Round(height * WidestRatio)), height)
            : (width, height);
        return new PixelWindow((width - fitWidth) / 2, (height - fitHeight) / 2, fitWidth, fitHeight);
    }

    /// <summary>Cuts the window out and resizes it: the filter does not see what lies outside of it, as with Pillow's crop and resize.</summary>
    internal static void ResizeWindow(RgbImage image, PixelWindow window, Interpolation interpolation, RgbImage result)
    {
        var part = image;
        if (window != new PixelWindow(0, 0, image.Width, image.Height))
        {
            part = RgbImage.Rent(window.Width, window.Height);
            for (var y = 0; y < window.Height; y++)
            {
                image.AsWords().Slice(((window.Top + y) * image.Width) + window.Left, window.Width).CopyTo(part.AsWords()[(y * window.Width)..]);
            }
        }

        Resampler.Resize(part, result.Width, result.Height, interpolation, new PixelWindow(0, 0, result.Width, result.Height), result, VectorWidths.Best);
        if (part != image)
        {
            part.Return();
        }
    }

    /// <summary>Mirrors a picture left to right, in place.</summary>
    internal static void Flip(RgbImage image)
    {
        for (var y = 0; y < image.Height; y++)
        {
            image.AsWords().Slice(y * image.Width, image.Width).Reverse();
        }
    }

    private static void Recolor(RgbImage image, ref ViewRandom random)
    {
        if (random.Chance(JitterChance))
        {
            Jitter(image, ref random);
        }

        if (random.Chance(GrayscaleChance))
        {
            ColorOperations.Grayscale(image);
        }

        // DINO's first global view is always blurred and never solarised, its second one seldom blurred.
        var first = random.Chance(0.5);
        if (first || random.Chance(SecondBlurChance))
        {
            GaussianBlur.Apply(image, random.Uniform(LeastBlur, MostBlur));
        }

        if (!first && random.Chance(SolarizeChance))
        {
            ColorOperations.Solarize(image);
        }
    }

    /// <summary>torchvision's ColorJitter: four adjustments in random order.</summary>
    private static void Jitter(RgbImage image, ref ViewRandom random)
    {
        Span<int> order = [0, 1, 2, 3];
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = random.Below(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        var brightness = random.Uniform(1 - Brightness, 1 + Brightness);
        var contrast = random.Uniform(1 - Contrast, 1 + Contrast);
        var saturation = random.Uniform(1 - Saturation, 1 + Saturation);
        var hue = random.Uniform(-Hue, Hue);
        foreach (var operation in order)
        {
            switch (operation)
            {
                case 0: ColorOperations.Brightness(image, brightness); break;
                case 1: ColorOperations.Contrast(image, contrast); break;
                case 2: ColorOperations.Saturation(image, saturation); break;
                default: ColorOperations.Hue(image, hue); break;
            }
        }
    }
}
