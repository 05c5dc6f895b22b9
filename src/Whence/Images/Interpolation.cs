using System.Text.Json.Serialization;

namespace Whence.Images;

/// <summary>How a pixel of a resized picture comes from its source. All but <see cref="Nearest"/> average over the whole
/// footprint of the new pixel (antialiasing), as Pillow does.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Interpolation>))]
public enum Interpolation
{
    /// <summary>The pixel under the centre.</summary>
    [JsonStringEnumMemberName("nearest")]
    Nearest,

    /// <summary>The plain mean.</summary>
    [JsonStringEnumMemberName("box")]
    Box,

    /// <summary>A triangle of radius 1.</summary>
    [JsonStringEnumMemberName("bilinear")]
    Bilinear,

    /// <summary>Keys' cubic with a = -0.5, radius 2.</summary>
    [JsonStringEnumMemberName("bicubic")]
    Bicubic,

    /// <summary>The sinc windowed by a wider sinc, radius 3.</summary>
    [JsonStringEnumMemberName("lanczos")]
    Lanczos,
}

/// <summary>The filters as functions of the distance to the new pixel's centre, in source pixels (at scale 1).</summary>
internal static class InterpolationExtensions
{
    public static double Radius(this Interpolation interpolation) => interpolation switch
    {
        Interpolation.Box => 0.5,
        Interpolation.Bilinear => 1,
        Interpolation.Bicubic => 2,
        Interpolation.Lanczos => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(interpolation), interpolation, "Not a filter with weights."),
    };

    public static double Weight(this Interpolation interpolation, double x) => interpolation switch
    {
        Interpolation.Box => x is > -0.5 and <= 0.5 ? 1 : 0,
        Interpolation.Bilinear => Math.Max(0, 1 - Math.Abs(x)),
        Interpolation.Bicubic => Cubic(Math.Abs(x)),
        Interpolation.Lanczos => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0,
        _ => throw new ArgumentOutOfRangeException(nameof(interpolation), interpolation, "Not a filter with weights."),
    };

    private static double Cubic(double x)
    {
        const double A = -0.5;
        return x switch
        {
            < 1 => ((((A + 2) * x) - (A + 3)) * x * x) + 1,
            < 2 => ((((x - 5) * x) + 8) * x - 4) * A,
            _ => 0,
        };
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
