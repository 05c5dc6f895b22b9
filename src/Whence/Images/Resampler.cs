namespace Whence.Images;

/// <summary>
/// Resizes exactly as Pillow does: antialiased, in fixed point with 22 fraction bits, columns of the result first and then its
/// rows, each rounded to 8 bits; a direction that does not change is left alone.
/// </summary>
public static class Resampler
{
    /// <summary>Resizes a picture.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="width">Width of the result in pixels, at least 1.</param>
    /// <param name="height">Height of the result in pixels, at least 1.</param>
    /// <param name="interpolation">The filter.</param>
    /// <returns>A new picture of width x height.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1 or beyond memory.</exception>
    public static RgbImage Resize(RgbImage image, int width, int height, Interpolation interpolation) =>
        Resize(image, width, height, interpolation, new PixelWindow(0, 0, width, height));

    /// <summary>Resizes a picture but computes only a window of the result, at the cost of that window.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="width">Width of the whole result in pixels, at least 1.</param>
    /// <param name="height">Height of the whole result in pixels, at least 1.</param>
    /// <param name="interpolation">The filter.</param>
    /// <param name="window">The part of the result to compute, inside of it.</param>
    /// <returns>A new picture of the window's size.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or the window leaves the result.</exception>
    public static RgbImage Resize(RgbImage image, int width, int height, Interpolation interpolation, PixelWindow window)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (window is not { Left: >= 0, Top: >= 0, Width: >= 1, Height: >= 1 }
            || window.Left > width - window.Width || window.Top > height - window.Height)
        {
            throw new ArgumentOutOfRangeException(nameof(window), window, $"Leaves the result of {width} x {height} pixels.");
        }

        var result = RgbImage.Uninitialized(window.Width, window.Height);
        Resize(image, width, height, interpolation, window, result, VectorWidths.Best);
        return result;
    }

    /// <summary>Writes the window to <paramref name="result"/>, with vectors of a certain width.</summary>
    internal static void Resize(
        RgbImage image, int width, int height, Interpolation interpolation, PixelWindow window, RgbImage result, VectorWidth vectors)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (interpolation == Interpolation.Nearest)
        {
            Nearest(image, width, height, window, result);
            return;
        }

        var rows = height == image.Height
            ? null
            : ResampleWeights.Create(interpolation, image.Height, height, window.Top, window.Height);
        var (firstRow, rowCount) = rows is null ? (window.Top, window.Height) : (rows.First, rows.Needed);
        var source = image.Pixels.AsSpan(firstRow * image.Stride);
        if (width == image.Width)
        {
            Columns(rows, source[(window.Left * RgbImage.BytesPerPixel)..], image.Stride, result, vectors);
            return;
        }

        var pass = new HorizontalPass(
            ResampleWeights.Create(interpolation, image.Width, width, window.Left, window.Width), vectors);
        var between = rows is null ? result : RgbImage.Rent(window.Width, rowCount);
        for (var y = 0; y < rowCount; y++)
        {
            pass.Row(source[(y * image.Stride)..], between.Pixels.AsSpan(y * between.Stride));
        }

        if (rows is not null)
        {
            Columns(rows, between.Pixels, between.Stride, result, vectors);
            between.Return();
        }
    }

    /// <summary>The second pass, or a copy where the height stays. <paramref name="source"/> starts at the first row needed.</summary>
    private static void Columns(ResampleWeights? rows, ReadOnlySpan<byte> source, int stride, RgbImage result, VectorWidth vectors)
    {
        var pass = rows is null ? null : new VerticalPass(rows, vectors);
        for (var y = 0; y < result.Height; y++)
        {
            // A row may spill into the next one, which is written after it, or into the slack behind the last.
            var target = result.Pixels.AsSpan(y * result.Stride);
            if (pass is null)
            {
                source.Slice(y * stride, result.Stride).CopyTo(target);
            }
            else
            {
                pass.Row(source[((rows!.Starts[y] - rows.First) * stride)..], stride, target, result.Stride, y);
            }
        }
    }

    private static void Nearest(RgbImage image, int width, int height, PixelWindow window, RgbImage result)
    {
        var columns = NearestPositions(image.Width, width, window.Left, window.Width);
        var rows = NearestPositions(image.Height, height, window.Top, window.Height);
        var from = image.AsWords();
        var to = result.AsWords();
        for (var y = 0; y < result.Height; y++)
        {
            var row = from.Slice(rows[y] * image.Width, image.Width);
            for (var x = 0; x < result.Width; x++)
            {
                to[(y * result.Width) + x] = row[columns[x]];
            }
        }
    }

    /// <summary>Pillow adds the step up position by position, and the rounding of these sums decides at the borders.</summary>
    private static int[] NearestPositions(int inSize, int outSize, int first, int count)
    {
        var step = (double)inSize / outSize;
        var position = step * 0.5;
        for (var i = 0; i < first; i++)
        {
            position += step;
        }

        var positions = new int[count];
        for (var i = 0; i < count; i++)
        {
            positions[i] = Math.Min((int)position, inSize - 1);
            position += step;
        }

        return positions;
    }
}
