namespace Whence.Tests.Images;

/// <summary>Three boxes along each axis, value by value in whole numbers: how much of a pixel lies within <c>radius</c> of the place.</summary>
internal static class SlowBlur
{
    public static byte[] Of(byte[] rgb, int width, int height, double sigma)
    {
        var (radius, weight, end) = Box((float)sigma);
        for (var pass = 0; pass < 3; pass++)
        {
            rgb = Once(rgb, width, height, 1, 0, radius, weight, end);
        }

        for (var pass = 0; pass < 3; pass++)
        {
            rgb = Once(rgb, width, height, 0, 1, radius, weight, end);
        }

        return rgb;
    }

    // The width of a box whose threefold use has variance sigma^2: w^2 = 12 sigma^2 / 3 + 1 where it is a whole odd number of pixels.
    private static (int Radius, long Weight, long End) Box(float sigma)
    {
        var variance = sigma * sigma / 3;
        var whole = (float)Math.Floor(((float)Math.Sqrt((12.0 * variance) + 1.0) - 1.0) / 2.0);
        var part = ((2 * whole) + 1) * ((whole * (whole + 1)) - (3 * variance)) / (6 * (variance - ((whole + 1) * (whole + 1))));
        var radius = whole + part;
        var weight = (long)(uint)((1 << 24) / ((radius * 2) + 1));
        return ((int)radius, weight, ((1 << 24) - ((((int)radius * 2) + 1) * weight)) / 2);
    }

    private static byte[] Once(byte[] rgb, int width, int height, int dx, int dy, int radius, long weight, long end)
    {
        var result = new byte[rgb.Length];
        for (var i = 0; i < rgb.Length; i++)
        {
            var (x, y, channel) = (i / 3 % width, i / 3 / width, i % 3);
            var sum = 1L << 23;
            for (var k = -radius - 1; k <= radius + 1; k++)
            {
                var (nx, ny) = (Math.Clamp(x + (k * dx), 0, width - 1), Math.Clamp(y + (k * dy), 0, height - 1));
                sum += rgb[(3 * ((ny * width) + nx)) + channel] * (Math.Abs(k) > radius ? end : weight);
            }

            result[i] = (byte)(sum >> 24);
        }

        return result;
    }
}
