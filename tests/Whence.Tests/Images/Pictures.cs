using Whence.Images;

namespace Whence.Tests.Images;

/// <summary>Pictures for tests, and how far two of them are apart.</summary>
internal static class Pictures
{
    public static RgbImage Noise(int width, int height, int seed)
    {
        var rgb = new byte[width * height * 3];
        new Random(seed).NextBytes(rgb);

        // Black and white make filters that overshoot leave 0..255.
        for (var i = 0; i < rgb.Length; i++)
        {
            rgb[i] = rgb[i] < 60 ? (byte)0 : rgb[i] > 200 ? (byte)255 : rgb[i];
        }

        return RgbImage.FromRgb(rgb, width, height);
    }

    public static byte[] Bytes(RgbImage image)
    {
        var rgb = new byte[image.Width * image.Height * 3];
        image.CopyRgbTo(rgb);
        return rgb;
    }

    public static RgbImage Decode(string path) => ImageDecoder.Decode(File.ReadAllBytes(path));

    /// <summary>Number of unequal pixels and the largest difference of a channel.</summary>
    public static (int Unequal, int Largest) Difference(RgbImage a, RgbImage b)
    {
        Assert.Equal((a.Width, a.Height), (b.Width, b.Height));
        var (x, y) = (Bytes(a), Bytes(b));
        var differences = x.Zip(y, (p, q) => Math.Abs(p - q)).Chunk(3).Select(channels => channels.Max()).ToArray();
        return (differences.Count(d => d > 0), differences.Max());
    }
}
