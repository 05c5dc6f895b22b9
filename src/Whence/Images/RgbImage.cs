using System.Buffers;
using System.Runtime.InteropServices;

namespace Whence.Images;

/// <summary>A picture of 8-bit red, green and blue, rows from top to bottom, pixels from left to right.</summary>
public sealed class RgbImage
{
    /// <summary>A pixel takes four bytes, R G B and one without meaning, so that it fits a vector lane by lane.</summary>
    internal const int BytesPerPixel = 4;

    /// <summary>Bytes behind the last pixel that a vector may read or overwrite.</summary>
    internal const int Slack = 64;

    /// <summary>Creates a black picture.</summary>
    /// <param name="width">Pixels a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or there are more than about 536 million pixels.</exception>
    public RgbImage(int width, int height) : this(width, height, new byte[ByteCount(width, height)])
    {
    }

    /// <summary>The pool rounds up to a power of two and keeps what comes back, a buffer a thread: nothing for the largest.</summary>
    private const int MostPooled = 1 << 27;

    private RgbImage(int width, int height, byte[] pixels)
    {
        Width = width;
        Height = height;
        Pixels = pixels;
    }

    /// <summary>Pixels a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Height x Width x 4 bytes, and at least <see cref="Slack"/> more.</summary>
    internal byte[] Pixels { get; }

    internal int Stride => Width * BytesPerPixel;

    /// <summary>The color at column <paramref name="x"/> of row <paramref name="y"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The place lies outside of the picture.</exception>
    public (byte R, byte G, byte B) this[int x, int y]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)x, (uint)Width, nameof(x));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)y, (uint)Height, nameof(y));
            var pixel = Pixels.AsSpan((y * Stride) + (x * BytesPerPixel), 3);
            return (pixel[0], pixel[1], pixel[2]);
        }
    }

    /// <summary>Creates a picture from packed bytes.</summary>
    /// <param name="rgb">Height x Width x 3 bytes, row-major.</param>
    /// <param name="width">Pixels a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <exception cref="ArgumentException">The number of bytes is not width x height x 3.</exception>
    public static RgbImage FromRgb(ReadOnlySpan<byte> rgb, int width, int height)
    {
        var image = new RgbImage(width, height);
        if (rgb.Length != (long)width * height * 3)
        {
            throw new ArgumentException($"{width} x {height} x 3 is not {rgb.Length} bytes.", nameof(rgb));
        }

        for (int from = 0, to = 0; from < rgb.Length; from += 3, to += BytesPerPixel)
        {
            rgb.Slice(from, 3).CopyTo(image.Pixels.AsSpan(to));
        }

        return image;
    }

    /// <summary>Copies the picture as Height x Width x 3 packed bytes, row-major.</summary>
    /// <exception cref="ArgumentException"><paramref name="rgb"/> holds fewer bytes than that.</exception>
    public void CopyRgbTo(Span<byte> rgb)
    {
        var length = (long)Width * Height * 3;
        if (rgb.Length < length)
        {
            throw new ArgumentException($"{Width} x {Height} x 3 bytes do not fit {rgb.Length}.", nameof(rgb));
        }

        for (int from = 0, to = 0; to < length; from += BytesPerPixel, to += 3)
        {
            Pixels.AsSpan(from, 3).CopyTo(rgb[to..]);
        }
    }

    /// <summary>A picture with arbitrary content, to be written in whole.</summary>
    internal static RgbImage Uninitialized(int width, int height) =>
        new(width, height, GC.AllocateUninitializedArray<byte>(ByteCount(width, height)));

    /// <summary>A picture with arbitrary content on a buffer of the shared pool; give it back with <see cref="Return"/>.</summary>
    internal static RgbImage Rent(int width, int height) => ByteCount(width, height) <= MostPooled
        ? new(width, height, ArrayPool<byte>.Shared.Rent(ByteCount(width, height)))
        : Uninitialized(width, height);

    /// <summary>Gives a rented buffer back; the picture must not be used any more.</summary>
    internal void Return()
    {
        if (Pixels.Length <= MostPooled)
        {
            ArrayPool<byte>.Shared.Return(Pixels);
        }
    }

    /// <summary>The pixels as one number each.</summary>
    internal Span<uint> AsWords() => MemoryMarshal.Cast<byte, uint>(Pixels.AsSpan(0, Height * Stride));

    /// <summary>True where a picture of that size fits an array of .NET.</summary>
    internal static bool Fits(long width, long height) => width * height <= (Array.MaxLength - Slack) / BytesPerPixel;

    private static int ByteCount(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (!Fits(width, height))
        {
            throw new ArgumentOutOfRangeException(nameof(width), $"{width} x {height} pixels do not fit the memory of one array.");
        }

        return (width * height * BytesPerPixel) + Slack;
    }
}
