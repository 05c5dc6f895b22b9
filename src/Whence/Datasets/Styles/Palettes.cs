using System.Numerics;

namespace Whence.Datasets.Styles;

/// <summary>Styles that only change colours.</summary>
internal static class Palettes
{
    public static IEnumerable<(string, Func<Picture, Noise, Picture>)> All =>
    [
        ("navy and cream", (p, _) => Graded(p, 0x14213D, 0xFFF3D6)),
        ("crimson and pink", (p, _) => Graded(p, 0x8C0327, 0xFFC9DE)),
        ("forest and lime", (p, _) => Graded(p, 0x0B3D2E, 0xC8F169)),
        ("purple and orange", (p, _) => Graded(p, 0x43127A, 0xFF9E2C)),
        ("teal and yellow", (p, _) => Graded(p, 0x00545C, 0xFFE94A)),
        ("gold on black", (p, _) => Graded(p, 0xFFE9A3, 0xC9962E, 0x4A3208, 0x0D0B08)),
        ("ice", (p, _) => Graded(p, 0x1B5E9E, 0x6FB7E6, 0xC6EAFB, 0xF4FCFF)),
        ("sepia", (p, _) => Graded(p, 0x2B1608, 0x9A6B3E, 0xF1DFBE)),
        ("black and white photo", (p, _) => p.Map(c => Tone.Gray(Tone.Step(0.02f, 0.98f, Tone.Luminance(c))) * 0.94f)),
        ("thermal", (p, _) => Graded(p, 0xFFFBD0, 0xFFC02E, 0xE8432E, 0x7A1A8C, 0x100A4A)),
        ("inverted", (p, _) => p.Map(c => Tone.White - c)),
        ("posterised", (p, _) => p.Map(c => Tone.Quantize(Tone.Saturate(c, 1.5f), 3))),
        ("pastel", (p, _) => p.Map(c => Tone.Mix(Tone.Saturate(c, 0.75f), Tone.Hex(0xFFE6F2), 0.55f))),
        ("moonlit", (p, _) => p.Map(c => Tone.Ramp(Tone.Luminance(c), Tone.Hex(0x02040F), Tone.Hex(0x1A2F5E), Tone.Hex(0x5F84B8)) + (Tone.Saturate(c, 0.7f) * 0.10f))),
        ("x-ray", (p, _) => XRay(p)),
        ("pop art", (p, _) => Pop(p)),
        ("swapped colours", (p, _) => p.Map(c => new Vector3(c.Z, c.X, c.Y))),
    ];

    private static Picture Graded(Picture p, params int[] colors)
    {
        var ramp = Array.ConvertAll(colors, Tone.Hex);
        return p.Map(c => Tone.Ramp(Tone.Step(0, 1, Tone.Luminance(c)), ramp));
    }

    /// <summary>Bodies shine through in blue and white, denser at their rims.</summary>
    private static Picture XRay(Picture p)
    {
        var (light, subject) = (p.Luminance(), p.Subject());
        var (inner, edges) = (subject.Blurred(3 * p.Unit), p.Blurred(0.6f).Edges());
        return p.Map((x, y) =>
        {
            var density = subject[x, y] * (0.18f + ((1 - light[x, y]) * 0.4f) + ((1 - inner[x, y]) * 0.55f)) + (edges[x, y] * 0.5f);
            return Tone.Ramp(density, Tone.Hex(0x03070F), Tone.Hex(0x3A6E96), Tone.Hex(0xE9F8FF));
        });
    }

    /// <summary>Four flat, loud colours by brightness on a loud ground.</summary>
    private static Picture Pop(Picture p)
    {
        var (light, subject) = (p.Luminance(), p.Subject());
        return p.Map((x, y) => subject[x, y] < 0.5f ? Tone.Hex(0xFFE11A) : light[x, y] switch
        {
            < 0.3f => Tone.Hex(0x1A1A66),
            < 0.55f => Tone.Hex(0xE6007E),
            < 0.78f => Tone.Hex(0xFF5A1F),
            < 0.93f => Tone.Hex(0x19B5E6),
            _ => Tone.White,
        });
    }
}
