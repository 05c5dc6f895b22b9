using System.Numerics;

namespace Whence.Datasets.Styles;

/// <summary>Colours, and numbers between 0 and 1.</summary>
internal static class Tone
{
    public static Vector3 White => Vector3.One;

    public static Vector3 Black => Vector3.Zero;

    /// <summary>A colour as the web writes it: 0xRRGGBB.</summary>
    public static Vector3 Hex(int rgb) => new Vector3((rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255) / 255;

    public static Vector3 Gray(float level) => new(level);

    /// <summary>Brightness of an sRGB colour by the weights of Rec. 601, in [0, 1].</summary>
    public static float Luminance(Vector3 color) => Vector3.Dot(color, new Vector3(0.299f, 0.587f, 0.114f));

    public static float Brightest(Vector3 color) => MathF.Max(color.X, MathF.Max(color.Y, color.Z));

    public static float Darkest(Vector3 color) => MathF.Min(color.X, MathF.Min(color.Y, color.Z));

    public static Vector3 Mix(Vector3 from, Vector3 to, float share) => from + ((to - from) * Math.Clamp(share, 0, 1));

    /// <summary>0 below the first bound, 1 above the second, smooth in between.</summary>
    public static float Step(float low, float high, float value)
    {
        var t = Math.Clamp((value - low) / (high - low), 0, 1);
        return t * t * (3 - (2 * t));
    }

    /// <summary>The colour at a place, from 0 to 1, of a ramp whose colours are equally far from each other.</summary>
    public static Vector3 Ramp(float place, params ReadOnlySpan<Vector3> colors)
    {
        var at = Math.Clamp(place, 0, 1) * (colors.Length - 1);
        var from = Math.Min((int)at, colors.Length - 2);
        return Mix(colors[from], colors[from + 1], at - from);
    }

    /// <summary>Further from grey, or nearer to it below 1.</summary>
    public static Vector3 Saturate(Vector3 color, float factor) =>
        Vector3.Clamp(Mix(Gray(Luminance(color)), color, 1) + ((color - Gray(Luminance(color))) * (factor - 1)), Vector3.Zero, Vector3.One);

    /// <summary>Each channel at the nearest of some levels.</summary>
    public static Vector3 Quantize(Vector3 color, int levels)
    {
        var scaled = (color * (levels - 1)) + new Vector3(0.5f);
        return new Vector3(MathF.Floor(scaled.X), MathF.Floor(scaled.Y), MathF.Floor(scaled.Z)) / (levels - 1);
    }
}
