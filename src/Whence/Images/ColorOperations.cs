namespace Whence.Images;

/// <summary>Changes of colours in place, with the numbers that torchvision gives on Pillow's images.</summary>
internal static class ColorOperations
{
    private const byte SolarizeFrom = 128;

    /// <summary>Mixes with black: factor 0 is black, 1 the picture.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="factor">0 or more.</param>
    public static void Brightness(RgbImage image, double factor) => ByTable(image, Blend(0, factor));

    /// <summary>Mixes with the mean of the picture's luminance, rounded: factor 0 is that gray, 1 the picture.</summary>
    public static void Contrast(RgbImage image, double factor)
    {
        var sum = 0L;
        foreach (var pixel in image.AsWords())
        {
            sum += Luminance(pixel);
        }

        ByTable(image, Blend((int)(((double)sum / (image.Width * image.Height)) + 0.5), factor));
    }

    /// <summary>Mixes each pixel with its luminance: factor 0 is gray, 1 the picture.</summary>
    public static void Saturation(RgbImage image, double factor)
    {
        var alpha = (float)factor;
        foreach (ref var pixel in image.AsWords())
        {
            var gray = Luminance(pixel);
            pixel = Mix(gray, (byte)pixel, alpha) | ((uint)Mix(gray, (byte)(pixel >> 8), alpha) << 8) | ((uint)Mix(gray, (byte)(pixel >> 16), alpha) << 16);
        }
    }

    /// <summary>Turns the hue by a share of the whole circle, in 255ths, on 8-bit hue, saturation and value; gray stays gray.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="turn">-0.5 to 0.5.</param>
    public static void Hue(RgbImage image, double turn)
    {
        var shift = (byte)(int)(turn * 255);
        foreach (ref var pixel in image.AsWords())
        {
            var (h, s, v) = ToHsv((byte)pixel, (byte)(pixel >> 8), (byte)(pixel >> 16));
            pixel = FromHsv((byte)(h + shift), s, v);
        }
    }

    /// <summary>Replaces each pixel by its luminance.</summary>
    public static void Grayscale(RgbImage image)
    {
        foreach (ref var pixel in image.AsWords())
        {
            pixel = Luminance(pixel) * 0x01_01_01u;
        }
    }

    /// <summary>Inverts every value from 128 on.</summary>
    public static void Solarize(RgbImage image)
    {
        var table = new byte[256];
        for (var i = 0; i < table.Length; i++)
        {
            table[i] = (byte)(i < SolarizeFrom ? i : 255 - i);
        }

        ByTable(image, table);
    }

    /// <summary>ITU-R 601-2 luma in fixed point with 16 fraction bits, rounded.</summary>
    internal static byte Luminance(uint pixel) => (byte)((((byte)pixel * 19595u) + ((byte)(pixel >> 8) * 38470u) + ((byte)(pixel >> 16) * 7471u) + 0x8000) >> 16);

    /// <summary>Hue, saturation and value, each 0..255, rounded down; the hue of gray is 0.</summary>
    internal static (byte H, byte S, byte V) ToHsv(byte r, byte g, byte b)
    {
        var (least, most) = (Math.Min(r, Math.Min(g, b)), Math.Max(r, Math.Max(g, b)));
        if (least == most)
        {
            return (0, 0, most);
        }

        // The widths of these numbers decide where the rounding falls, here as elsewhere in this file.
        float range = most - least;
        var (red, green, blue) = ((most - r) / range, (most - g) / range, (most - b) / range);
        var sixths = r == most ? blue - green : g == most ? (float)(2.0 + red - blue) : (float)(4.0 + green - red);
        var turned = (sixths / 6.0) + 1.0;
        var hue = (float)(turned >= 1 ? turned - 1 : turned);
        return ((byte)(hue * 255.0), (byte)(range / most * 255.0), most);
    }

    private static uint FromHsv(byte h, byte s, byte v)
    {
        if (s == 0)
        {
            return v * 0x01_01_01u;
        }

        var sixths = h * 6.0 / 255.0;
        var sector = (int)sixths;
        double within = sixths - sector, share = s / 255.0;
        var p = Round(v * (1.0 - share));
        var q = Round(v * (1.0 - (share * within)));
        var t = Round(v * (1.0 - (share * (1.0 - within))));
        var (red, green, blue) = (sector % 6) switch
        {
            0 => (v, t, p),
            1 => (q, v, p),
            2 => (p, v, t),
            3 => (p, q, v),
            4 => (t, p, v),
            _ => (v, p, q),
        };
        return red | ((uint)green << 8) | ((uint)blue << 16);
    }

    // Never negative: half away from zero is half up.
    private static byte Round(double value) => (byte)Math.Min(255, (int)(value + 0.5));

    private static byte[] Blend(int with, double factor)
    {
        var (table, alpha) = (new byte[256], (float)factor);
        for (var i = 0; i < table.Length; i++)
        {
            table[i] = Mix(with, i, alpha);
        }

        return table;
    }

    // Rounded down, unlike most of Pillow.
    private static byte Mix(int with, int value, float alpha) => (byte)Math.Clamp(with + (alpha * (value - with)), 0f, 255f);

    private static void ByTable(RgbImage image, byte[] table)
    {
        foreach (ref var value in image.Pixels.AsSpan(0, image.Height * image.Stride))
        {
            value = table[value];
        }
    }
}
