namespace Whence.Images;

/// <summary>
/// What a picture may cost. Everything is checked against the file's header, before memory for the pixels is taken.
/// </summary>
public sealed record DecodeLimits
{
    /// <summary>The limits used where none are given.</summary>
    public static DecodeLimits Default { get; } = new();

    /// <summary>Most pixels (width x height), above 0. Default 178,956,970, where Pillow refuses a "decompression bomb".</summary>
    public long MaxPixels { get; init; } = 2 * 89_478_485L;

    /// <summary>Most pixels along one side, above 0. Default 65,535, the most a JPEG file can have.</summary>
    public int MaxDimension { get; init; } = 65_535;

    /// <summary>Largest file in bytes, above 0. Default 256 MiB.</summary>
    public long MaxFileBytes { get; init; } = 256L << 20;

    /// <exception cref="WhenceException">The file is larger than <see cref="MaxFileBytes"/>.</exception>
    internal void CheckFile(long bytes)
    {
        if (bytes > MaxFileBytes)
        {
            throw new WhenceException($"the file has {bytes} bytes, more than the limit of {MaxFileBytes}; raise it with --max-file-bytes");
        }
    }

    /// <exception cref="WhenceException">The picture is larger than <see cref="MaxDimension"/> or <see cref="MaxPixels"/>.</exception>
    internal void CheckSize(int width, int height)
    {
        if (Math.Max(width, height) > MaxDimension)
        {
            throw new WhenceException(
                $"the image is {width} x {height} pixels, more than the limit of {MaxDimension} along one side; raise it with --max-dimension");
        }

        var pixels = (long)width * height;
        if (pixels > MaxPixels)
        {
            throw new WhenceException(
                $"the image is {width} x {height} = {pixels} pixels, more than the limit of {MaxPixels}; raise it with --max-pixels");
        }

        if (!RgbImage.Fits(width, height))
        {
            throw new WhenceException($"the image is {width} x {height} = {pixels} pixels, more than fit into memory; scale it down first");
        }
    }
}
