using ScottPlot;
using SkiaSharp;

namespace Whence.Reports;

/// <summary>
/// How plots look: ink and greys, and colours that people with every kind of colour vision tell apart (Okabe and Ito's). Lengths are CSS pixels.
/// </summary>
internal static class PlotStyle
{
    public const float TitleSize = 17;
    public const float TextSize = 12;
    public const float SmallSize = 11;
    public const float Margin = 28;
    public const float MarkerSize = 9;

    public static SKColor Paper { get; } = SKColors.White;

    public static SKColor Ink { get; } = new(0x1F, 0x29, 0x33);

    public static SKColor Muted { get; } = new(0x5F, 0x6B, 0x7A);

    public static SKColor Grid { get; } = new(0xE6, 0xE9, 0xED);

    public static SKColor Reference { get; } = new(0x8A, 0x95, 0xA3);

    public static SKColor Blue { get; } = new(0x00, 0x72, 0xB2);

    public static SKColor Vermillion { get; } = new(0xD5, 0x5E, 0x00);

    /// <summary>Colours of series, in order; a ninth series starts again, with another shape or name to tell it by.</summary>
    public static IReadOnlyList<SKColor> Series { get; } =
    [
        Blue, Vermillion, new(0x00, 0x9E, 0x73), new(0xCC, 0x79, 0xA7), new(0xE6, 0x9F, 0x00), new(0x56, 0xB4, 0xE9), new(0x4D, 0x55, 0x60), new(0x8C, 0x6D, 0x1F),
    ];

    public static Color Plot(SKColor color) => new(color.Red, color.Green, color.Blue, color.Alpha);
}

/// <summary>What a point is drawn as.</summary>
internal enum MarkShape
{
    Circle,
    Square,
    Triangle,
    Diamond,
}

/// <summary>A point's look.</summary>
/// <param name="Color">Its colour.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Hollow">Only its outline.</param>
internal sealed record Mark(SKColor Color, MarkShape Shape = MarkShape.Circle, bool Hollow = false);
