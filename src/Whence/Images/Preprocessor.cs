using System.Numerics;

namespace Whence.Images;

/// <summary>
/// From an image file to an encoder's input: decode, resize, centre crop, normalise, with the numbers that Pillow and
/// torchvision give. Safe to use from many threads at once.
/// </summary>
public sealed class Preprocessor
{
    private const int Channels = 3;

    private readonly DecodeLimits? _limits;
    private readonly bool _autoOrient;

    /// <summary>The normalised value of each byte, channel by channel in the spec's order: 3 x 256.</summary>
    private readonly float[] _values = new float[Channels * 256];

    /// <summary>Creates a preprocessor.</summary>
    /// <param name="spec">What the encoder expects.</param>
    /// <param name="limits">What a picture may cost; <see cref="DecodeLimits.Default"/> if null.</param>
    /// <param name="autoOrient">True turns pictures upright as their EXIF orientation asks; the encoders' own code does not.</param>
    /// <exception cref="WhenceException">A value of the spec is out of its range.</exception>
    public Preprocessor(PreprocessingSpec spec, DecodeLimits? limits = null, bool autoOrient = false)
    {
        ArgumentNullException.ThrowIfNull(spec);
        spec.Validate();
        Spec = spec;
        _limits = limits;
        _autoOrient = autoOrient;
        for (var i = 0; i < _values.Length; i++)
        {
            _values[i] = (((i % 256) * spec.Range / 255f) - spec.Mean[i / 256]) / spec.Std[i / 256];
        }
    }

    /// <summary>What the encoder expects.</summary>
    public PreprocessingSpec Spec { get; }

    /// <summary>Numbers of one input: 3 x crop x crop.</summary>
    public int Length => Channels * Spec.Crop * Spec.Crop;

    /// <summary>Prepares an image file.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="chw">Receives 3 x crop x crop numbers: channel, row, column.</param>
    /// <returns>Width and height of the decoded picture in pixels.</returns>
    /// <exception cref="WhenceException">The file cannot be decoded or is above a limit; the message does not name the file.</exception>
    /// <exception cref="ArgumentException"><paramref name="chw"/> has not <see cref="Length"/> numbers.</exception>
    public (int Width, int Height) Preprocess(ReadOnlySpan<byte> file, Span<float> chw)
    {
        CheckLength(chw);
        var crop = RgbImage.Rent(Spec.Crop, Spec.Crop);
        var size = CropTo(file, crop);
        Normalize(crop, chw);
        crop.Return();
        return size;
    }

    /// <summary>Prepares an image file and random views of it; the file is decoded once.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="augmenter">Makes the views, of the same side.</param>
    /// <param name="path">What tells the image from others (<see cref="Augmenter.View"/>).</param>
    /// <param name="chw">Receives 1 + views inputs of <see cref="Length"/> numbers: first as <see cref="Preprocess(ReadOnlySpan{byte}, Span{float})"/>, then each view.</param>
    /// <exception cref="WhenceException">The file cannot be decoded or is above a limit; the message does not name the file.</exception>
    /// <exception cref="ArgumentException"><paramref name="chw"/> does not hold whole inputs.</exception>
    public void PreprocessViews(ReadOnlySpan<byte> file, Augmenter augmenter, string path, Span<float> chw)
    {
        ArgumentNullException.ThrowIfNull(augmenter);
        CheckLength(chw[..Math.Min(chw.Length, Length + (chw.Length % Length))]);
        using var place = new LargePicture();
        PreprocessViews(file, augmenter, path, chw, place);
    }

    // A method of its own, as CropTo.
    private void PreprocessViews(ReadOnlySpan<byte> file, Augmenter augmenter, string path, Span<float> chw, LargePicture place)
    {
        var image = ImageDecoder.DecodeRented(file, _limits, _autoOrient, place);
        Preprocess(image, chw[..Length]);
        var view = RgbImage.Rent(Spec.Crop, Spec.Crop);
        for (var number = 0; number < (chw.Length / Length) - 1; number++)
        {
            augmenter.ViewTo(image, path, number, view);
            Normalize(view, chw.Slice((number + 1) * Length, Length));
        }

        view.Return();
        image.Return();
    }

    /// <summary>Prepares a decoded picture.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="chw">Receives 3 x crop x crop numbers: channel, row, column.</param>
    /// <exception cref="WhenceException">The picture is too long and thin to be resized.</exception>
    /// <exception cref="ArgumentException"><paramref name="chw"/> has not <see cref="Length"/> numbers.</exception>
    public void Preprocess(RgbImage image, Span<float> chw)
    {
        CheckLength(chw);
        var crop = RgbImage.Rent(Spec.Crop, Spec.Crop);
        CropTo(image, crop);
        Normalize(crop, chw);
        crop.Return();
    }

    /// <summary>The resized and cropped picture of an image file, before normalisation.</summary>
    /// <param name="file">The whole file.</param>
    /// <returns>A picture of crop x crop pixels.</returns>
    /// <exception cref="WhenceException">The file cannot be decoded or is above a limit; the message does not name the file.</exception>
    public RgbImage Crop(ReadOnlySpan<byte> file)
    {
        var crop = RgbImage.Uninitialized(Spec.Crop, Spec.Crop);
        CropTo(file, crop);
        return crop;
    }

    /// <summary>The resized and cropped picture, before normalisation.</summary>
    /// <param name="image">The picture.</param>
    /// <returns>A picture of crop x crop pixels.</returns>
    /// <exception cref="WhenceException">The picture is too long and thin to be resized.</exception>
    public RgbImage Crop(RgbImage image)
    {
        var crop = RgbImage.Uninitialized(Spec.Crop, Spec.Crop);
        CropTo(image, crop);
        return crop;
    }

    /// <summary>The whole picture resized, before the crop: for comparison with a reference, since <see cref="Crop(RgbImage)"/> computes less.</summary>
    /// <param name="image">The picture.</param>
    /// <returns>A new picture.</returns>
    /// <exception cref="WhenceException">The picture is too long and thin to be resized, or its resized picture too large for memory.</exception>
    public RgbImage Resize(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var (width, height) = ResizedSize(image);
        return RgbImage.Fits(width, height)
            ? Resampler.Resize(image, width, height, Spec.Interpolation)
            : throw new WhenceException($"the image of {image.Width} x {image.Height} pixels becomes {width} x {height}, too large for memory; cut it");
    }

    /// <summary>The crop of a picture that was resized before.</summary>
    /// <param name="resized">The picture, as <see cref="Resize"/> gives it.</param>
    /// <returns>A new picture of crop x crop pixels.</returns>
    public RgbImage CropResized(RgbImage resized)
    {
        ArgumentNullException.ThrowIfNull(resized);
        var crop = RgbImage.Uninitialized(Spec.Crop, Spec.Crop);
        CropTo(resized, resized.Width, resized.Height, crop);
        return crop;
    }

    /// <summary>The numbers of a picture that was resized and cropped before.</summary>
    /// <param name="crop">A picture of crop x crop pixels.</param>
    /// <param name="chw">Receives 3 x crop x crop numbers: channel, row, column.</param>
    /// <exception cref="ArgumentException">The picture or <paramref name="chw"/> has another size.</exception>
    public void NormalizeCrop(RgbImage crop, Span<float> chw)
    {
        ArgumentNullException.ThrowIfNull(crop);
        CheckLength(chw);
        if (crop.Width != Spec.Crop || crop.Height != Spec.Crop)
        {
            throw new ArgumentException($"{crop.Width} x {crop.Height} pixels are not {Spec.Crop} x {Spec.Crop}.", nameof(crop));
        }

        Normalize(crop, chw);
    }

    /// <summary>Writes the crop into a picture of crop x crop pixels; returns the decoded picture's size.</summary>
    internal (int Width, int Height) CropTo(ReadOnlySpan<byte> file, RgbImage crop)
    {
        using var place = new LargePicture();
        return CropTo(file, crop, place);
    }

    // A method of its own: nothing refers to the picture any more when its place is given up.
    private (int Width, int Height) CropTo(ReadOnlySpan<byte> file, RgbImage crop, LargePicture place)
    {
        var image = ImageDecoder.DecodeRented(file, _limits, _autoOrient, place);
        CropTo(image, crop);
        image.Return();
        return (image.Width, image.Height);
    }

    private void CropTo(RgbImage image, RgbImage crop)
    {
        ArgumentNullException.ThrowIfNull(image);
        var (width, height) = ResizedSize(image);
        CropTo(image, width, height, crop);
    }

    /// <summary>Resizes to width x height, of which only what the crop shows is computed.</summary>
    private void CropTo(RgbImage image, int width, int height, RgbImage crop)
    {
        var (left, padLeft, columns) = Center(width, Spec.Crop);
        var (top, padTop, rows) = Center(height, Spec.Crop);
        var window = new PixelWindow(left, top, columns, rows);
        if (columns == Spec.Crop && rows == Spec.Crop)
        {
            Resampler.Resize(image, width, height, Spec.Interpolation, window, crop, VectorWidths.Best);
            return;
        }

        var part = Resampler.Resize(image, width, height, Spec.Interpolation, window);
        crop.AsWords().Clear();
        for (var y = 0; y < rows; y++)
        {
            part.AsWords().Slice(y * columns, columns).CopyTo(crop.AsWords()[(((padTop + y) * Spec.Crop) + padLeft)..]);
        }
    }

    /// <summary>The short side becomes <see cref="PreprocessingSpec.Resize"/>, the long side keeps the proportion, rounded down, or both do.</summary>
    private (int Width, int Height) ResizedSize(RgbImage image)
    {
        if (Spec.Resize == 0)
        {
            return (image.Width, image.Height);
        }

        if (Spec.Stretch)
        {
            return (Spec.Resize, Spec.Resize);
        }

        var (shortSide, longSide) = (Math.Min(image.Width, image.Height), Math.Max(image.Width, image.Height));
        var resizedLong = (long)Spec.Resize * longSide / shortSide;
        if (resizedLong > int.MaxValue)
        {
            throw new WhenceException(
                $"the image of {image.Width} x {image.Height} pixels is too thin to be resized to a short side of {Spec.Resize}; cut it");
        }

        return image.Width <= image.Height ? (Spec.Resize, (int)resizedLong) : ((int)resizedLong, Spec.Resize);
    }

    /// <summary>Along one axis: where the crop starts, or with how much padding where the picture is smaller than it.
    /// Halves round to even in the one case and down in the other, as in torchvision.</summary>
    private static (int Start, int Padding, int Count) Center(int size, int crop) =>
        size < crop ? (0, (crop - size) / 2, size) : ((int)Math.Round((size - crop) / 2.0, MidpointRounding.ToEven), 0, crop);

    private void Normalize(RgbImage crop, Span<float> chw)
    {
        var plane = Spec.Crop * Spec.Crop;
        for (var channel = 0; channel < Channels; channel++)
        {
            var shift = 8 * (Spec.ChannelOrder == ChannelOrder.Rgb ? channel : Channels - 1 - channel);
            var values = _values.AsSpan(channel * 256, 256);
            var target = chw.Slice(channel * plane, plane);
            var pixels = crop.AsWords();
            var i = 0;

            // The same three operations that made the table, each rounded alike: lane by lane the same numbers.
            var (range, mean, std) = (new Vector<float>(Spec.Range), new Vector<float>(Spec.Mean[channel]), new Vector<float>(Spec.Std[channel]));
            for (; i <= pixels.Length - Vector<uint>.Count; i += Vector<uint>.Count)
            {
                var bytes = (new Vector<uint>(pixels[i..]) >> shift) & new Vector<uint>(0xFF);
                var scaled = Vector.ConvertToSingle(Vector.AsVectorInt32(bytes)) * range / new Vector<float>(255f);
                ((scaled - mean) / std).CopyTo(target[i..]);
            }

            for (; i < pixels.Length; i++)
            {
                target[i] = values[(byte)(pixels[i] >> shift)];
            }
        }
    }

    private void CheckLength(Span<float> chw)
    {
        if (chw.Length != Length)
        {
            throw new ArgumentException($"3 x {Spec.Crop} x {Spec.Crop} numbers do not fit {chw.Length}.", nameof(chw));
        }
    }
}
