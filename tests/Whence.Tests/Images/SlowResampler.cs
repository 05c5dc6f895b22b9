using Whence.Images;

namespace Whence.Tests.Images;

/// <summary>The resampler's obvious twin: one output sample at a time, straight from the definition.</summary>
internal static class SlowResampler
{
    public static RgbImage Resize(RgbImage image, int width, int height, Interpolation interpolation)
    {
        var rgb = Pictures.Bytes(image);
        var (w, h) = (image.Width, image.Height);
        if (interpolation == Interpolation.Nearest)
        {
            var (columns, rows) = (Nearest(w, width), Nearest(h, height));
            return RgbImage.FromRgb(Build(width, height, (x, y, c) => rgb[(((rows[y] * w) + columns[x]) * 3) + c]), width, height);
        }

        var wide = width == w ? rgb : Build(width, h, (x, y, c) => Sample(w, width, x, interpolation, i => rgb[(((y * w) + i) * 3) + c]));
        var done = height == h ? wide : Build(width, height, (x, y, c) => Sample(h, height, y, interpolation, i => wide[(((i * width) + x) * 3) + c]));
        return RgbImage.FromRgb(done, width, height);
    }

    private static byte[] Build(int width, int height, Func<int, int, int, byte> sample)
    {
        var rgb = new byte[width * height * 3];
        for (var i = 0; i < rgb.Length; i++)
        {
            rgb[i] = sample(i / 3 % width, i / 3 / width, i % 3);
        }

        return rgb;
    }

    private static byte Sample(int inSize, int outSize, int output, Interpolation interpolation, Func<int, byte> source)
    {
        var scale = (double)inSize / outSize;
        var stretch = Math.Max(1, scale);
        var center = (output + 0.5) * scale;
        var radius = stretch * interpolation switch
        {
            Interpolation.Box => 0.5,
            Interpolation.Bilinear => 1,
            Interpolation.Bicubic => 2,
            _ => 3,
        };
        var from = Math.Max(0, (int)(center - radius + 0.5));
        var to = Math.Min(inSize, (int)(center + radius + 0.5));
        var weights = Enumerable.Range(from, to - from).Select(i => Weight((i - center + 0.5) * (1 / stretch), interpolation)).ToArray();
        var sum = weights.Sum();
        long result = 1 << 21;
        for (var i = from; i < to; i++)
        {
            result += (long)Math.Round(weights[i - from] / sum * (1 << 22), MidpointRounding.AwayFromZero) * source(i);
        }

        return (byte)Math.Clamp(result >> 22, 0, 255);
    }

    private static double Weight(double x, Interpolation interpolation)
    {
        var a = Math.Abs(x);
        return interpolation switch
        {
            Interpolation.Box => x > -0.5 && x <= 0.5 ? 1 : 0,
            Interpolation.Bilinear => a < 1 ? 1 - a : 0,
            Interpolation.Bicubic => a < 1 ? (1.5 * a * a * a) - (2.5 * a * a) + 1 : a < 2 ? (-0.5 * a * a * a) + (2.5 * a * a) - (4 * a) + 2 : 0,
            _ => a < 3 ? Sinc(x) * Sinc(x / 3) : 0,
        };
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);

    private static int[] Nearest(int inSize, int outSize)
    {
        var step = (double)inSize / outSize;
        var positions = new int[outSize];
        for (var (i, position) = (0, step / 2); i < outSize; i++, position += step)
        {
            positions[i] = (int)position;
        }

        return positions;
    }
}
