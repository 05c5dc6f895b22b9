using System.Numerics;

namespace Whence.Images;

/// <summary>
/// Pillow's GaussianBlur: a Gaussian approximated by three box blurs along each axis, whose width is not a whole number of pixels: the two pixels at the
/// ends count in part (Gwosdek et al. 2011). Fixed point with 24 fraction bits, rounded to 8 bits after each box; edges repeat.
/// </summary>
internal static class GaussianBlur
{
    private const int Boxes = 3;
    private const int FractionBits = 24;
    private const int Channels = RgbImage.BytesPerPixel;

    /// <summary>Blurs a picture in place.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="sigma">Standard deviation in pixels, above 0.</param>
    public static void Apply(RgbImage image, double sigma)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sigma);
        var box = Box.OfGaussian((float)sigma);
        var (stride, height) = (image.Stride, image.Height);
        var values = new uint[stride * height];
        Widen(image.Pixels.AsSpan(0, values.Length), values);

        // A row between copies of its end pixels, so that all places are computed alike.
        var edge = (box.Radius + 1) * Channels;
        var padded = new uint[stride + (2 * edge)];
        var next = new uint[values.Length];
        for (var pass = 0; pass < Boxes; pass++)
        {
            for (var y = 0; y < height; y++)
            {
                var row = values.AsSpan(y * stride, stride);
                row.CopyTo(padded.AsSpan(edge));
                for (var at = 0; at < edge; at += Channels)
                {
                    row[..Channels].CopyTo(padded.AsSpan(at));
                    row[^Channels..].CopyTo(padded.AsSpan(edge + stride + at));
                }

                Sum(k => padded.AsSpan(edge + (k * Channels), stride), box, row);
            }
        }

        for (var pass = 0; pass < Boxes; pass++)
        {
            for (var y = 0; y < height; y++)
            {
                var middle = y;
                var source = values;
                Sum(k => source.AsSpan(Math.Clamp(middle + k, 0, height - 1) * stride, stride), box, next.AsSpan(y * stride, stride));
            }

            (values, next) = (next, values);
        }

        var pixels = image.Pixels;
        for (var i = 0; i < values.Length; i++)
        {
            pixels[i] = (byte)values[i];
        }
    }

    private delegate ReadOnlySpan<uint> Neighbour(int offset);

    /// <summary>The weighted sum of neighbours, rounded. It stays below 2^32: the weights add up to at most 2^24.</summary>
    private static void Sum(Neighbour neighbour, Box box, Span<uint> result)
    {
        result.Fill(1u << (FractionBits - 1));
        for (var k = -box.Radius - 1; k <= box.Radius + 1; k++)
        {
            Add(neighbour(k), Math.Abs(k) > box.Radius ? box.EndWeight : box.Weight, result);
        }

        var at = 0;
        for (; at <= result.Length - Vector<uint>.Count; at += Vector<uint>.Count)
        {
            (new Vector<uint>(result[at..]) >>> FractionBits).CopyTo(result[at..]);
        }

        for (; at < result.Length; at++)
        {
            result[at] >>= FractionBits;
        }
    }

    private static void Add(ReadOnlySpan<uint> values, uint weight, Span<uint> sums)
    {
        var i = 0;
        for (; i <= sums.Length - Vector<uint>.Count; i += Vector<uint>.Count)
        {
            (new Vector<uint>(sums[i..]) + (new Vector<uint>(values[i..]) * weight)).CopyTo(sums[i..]);
        }

        for (; i < sums.Length; i++)
        {
            sums[i] += values[i] * weight;
        }
    }

    private static void Widen(ReadOnlySpan<byte> bytes, Span<uint> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = bytes[i];
        }
    }

    /// <summary>A box of 2 Radius + 1 whole pixels and a part of one more at each end.</summary>
    private readonly record struct Box(int Radius, uint Weight, uint EndWeight)
    {
        /// <summary>The box that, applied three times, has the Gaussian's variance.</summary>
        public static Box OfGaussian(float sigma)
        {
            var variance = sigma * sigma / Boxes;
            var length = (float)Math.Sqrt((12.0 * variance) + 1.0);
            var whole = (float)Math.Floor((length - 1.0) / 2.0);
            var part = ((2 * whole) + 1) * ((whole * (whole + 1)) - (3 * variance));
            part /= 6 * (variance - ((whole + 1) * (whole + 1)));
            var radius = whole + part;
            var pixels = (int)radius;
            var weight = (uint)((1 << FractionBits) / ((radius * 2) + 1));
            return new Box(pixels, weight, ((1u << FractionBits) - ((uint)((pixels * 2) + 1) * weight)) / 2);
        }
    }
}
