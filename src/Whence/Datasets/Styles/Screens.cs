using System.Numerics;

namespace Whence.Datasets.Styles;

/// <summary>Styles that print tones by dots and strokes.</summary>
internal static class Screens
{
    private static readonly float[] Bayer = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5];
    private static readonly Vector3[] Handheld = [Tone.Hex(0x0F380F), Tone.Hex(0x306230), Tone.Hex(0x8BAC0F), Tone.Hex(0xC4D64E)];

    public static IEnumerable<(string, Func<Picture, Noise, Picture>)> All =>
    [
        ("halftone", (p, _) => Halftone(p)),
        ("comic dots", (p, _) => ColorDots(p)),
        ("engraving", (p, _) => Engraving(p)),
        ("dithered", (p, _) => p.Map((x, y) => Tone.Luminance(Chunky(p, x, y)) > Threshold(p, x, y) ? Tone.White : Tone.Black)),
        ("handheld console", (p, _) => Console(p)),
        ("hatching", (p, noise) => Hatched(p, noise, crossed: false)),
        ("cross-hatching", (p, noise) => Hatched(p, noise, crossed: true)),
        ("woodcut", Woodcut),
        ("stippled", (p, noise) => Stippled(p, noise)),
    ];

    /// <summary>Black dots on a turned grid, larger where it is darker.</summary>
    private static Picture Halftone(Picture p)
    {
        var cell = 4 * p.Unit;
        return p.Map((x, y) => Tone.Gray(1 - Dot(p, x, y, cell, 0.7854f, c => 1 - Tone.Luminance(c))));
    }

    /// <summary>Coverage of a place by the dot of its cell.</summary>
    private static float Dot(Picture p, int x, int y, float cell, float angle, Func<Vector3, float> ink)
    {
        var (sin, cos) = MathF.SinCos(angle);
        var (u, v) = (((x * cos) + (y * sin)) / cell, ((y * cos) - (x * sin)) / cell);
        var (cu, cv) = (MathF.Floor(u) + 0.5f, MathF.Floor(v) + 0.5f);
        var (cx, cy) = (((cu * cos) - (cv * sin)) * cell, ((cu * sin) + (cv * cos)) * cell);
        var radius = MathF.Sqrt(Math.Clamp(ink(p.Mean(cx, cy, cell * 0.4f)), 0, 1)) * 0.72f;
        var distance = MathF.Sqrt(((u - cu) * (u - cu)) + ((v - cv) * (v - cv)));
        return Tone.Step(-0.12f, 0.12f, radius - distance) * (radius > 0.1f ? 1 : 0);
    }

    /// <summary>Cyan, magenta and yellow dots under a black line, as in old comics.</summary>
    private static Picture ColorDots(Picture p)
    {
        var cell = 3.2f * p.Unit;
        var lines = p.Blurred(0.5f).Edges().Map(e => Tone.Step(0.12f, 0.3f, e));
        return p.Map((x, y) =>
        {
            var paper = Tone.Hex(0xFFF8E4);
            paper *= Tone.Mix(Tone.White, Tone.Hex(0x00AEEF), Dot(p, x, y, cell, 0.26f, c => 1 - c.X));
            paper *= Tone.Mix(Tone.White, Tone.Hex(0xEC008C), Dot(p, x, y, cell, 1.31f, c => 1 - c.Y));
            paper *= Tone.Mix(Tone.White, Tone.Hex(0xFFF200), Dot(p, x, y, cell, 0, c => 1 - c.Z));
            return Tone.Mix(paper, Tone.Hex(0x15101A), lines[x, y] * 0.85f);
        });
    }

    /// <summary>Level lines that swell where it is darker.</summary>
    private static Picture Engraving(Picture p)
    {
        var light = p.Luminance().Blurred(0.6f * p.Unit);
        var pitch = 3 * p.Unit;
        return p.Map((x, y) =>
        {
            var wave = MathF.Abs((((y + (1.2f * p.Unit * MathF.Sin(x / (7 * p.Unit)))) / pitch) % 1) - 0.5f) * 2;
            return Tone.Mix(Tone.Hex(0xF3F6EC), Tone.Hex(0x16402B), Tone.Step(-0.18f, 0.18f, (1 - light[x, y]) * 0.95f - wave - 0.02f));
        });
    }

    private static Vector3 Chunky(Picture p, int x, int y)
    {
        var block = Math.Max(1, (int)p.Unit);
        return p.Mean((x / block * block) + ((block - 1) / 2f), (y / block * block) + ((block - 1) / 2f), (block - 1) / 2f);
    }

    private static float Threshold(Picture p, int x, int y)
    {
        var block = Math.Max(1, (int)p.Unit);
        return (Bayer[(y / block % 4 * 4) + (x / block % 4)] + 0.5f) / 16;
    }

    /// <summary>Four greens on coarse pixels.</summary>
    private static Picture Console(Picture p)
    {
        var block = Math.Max(1, (int)(2 * p.Unit));
        return p.Map((x, y) =>
        {
            var light = Tone.Luminance(p.Mean((x / block * block) + ((block - 1) / 2f), (y / block * block) + ((block - 1) / 2f), (block - 1) / 2f));
            var lift = ((Bayer[(y / block % 4 * 4) + (x / block % 4)] + 0.5f) / 16) - 0.5f;
            return Handheld[Math.Clamp((int)((light * 3) + 0.5f + (lift * 0.7f)), 0, 3)];
        });
    }

    private static Picture Hatched(Picture p, Noise noise, bool crossed)
    {
        var (light, lines) = (p.Luminance(), p.Blurred(0.5f).Edges());
        var pitch = 3.2f * p.Unit;
        var (paper, ink) = crossed ? (Tone.Hex(0xFBF4E6), Tone.Hex(0x5B2A0E)) : (Tone.White, Tone.Hex(0x1F2F8F));
        return p.Map((x, y) =>
        {
            var shake = (noise.Smooth(x / (5 * p.Unit), y / (5 * p.Unit)) - 0.5f) * 1.4f * p.Unit;
            var dark = 1 - light[x, y];
            var strokes = Stroke(x + y + shake, dark, 0.12f);
            if (crossed)
            {
                strokes = MathF.Max(strokes, Stroke(x - y + shake, dark, 0.4f));
                strokes = MathF.Max(strokes, Stroke((1.4f * y) + shake, dark, 0.7f));
            }

            return Tone.Mix(paper, ink, MathF.Max(strokes, Tone.Step(0.1f, 0.3f, lines[x, y])));
        });

        float Stroke(float along, float dark, float from)
        {
            var wave = MathF.Abs((((along / pitch) % 1) + 1) % 1 - 0.5f) * 2;
            return dark < from ? 0 : Tone.Step(-0.2f, 0.2f, 0.2f + (dark * 0.3f) - wave + 0.05f);
        }
    }

    /// <summary>Black printed from a carved block: the ground carved in rays, the drawing in two tones.</summary>
    private static Picture Woodcut(Picture p, Noise noise)
    {
        var (light, subject) = (p.Luminance().Blurred(0.7f * p.Unit), p.Subject());
        var rim = subject.Widened(1 * p.Unit);
        return p.Map((x, y) =>
        {
            var grain = noise.Smooth(x / (9 * p.Unit), y / (1.1f * p.Unit));
            if (subject[x, y] < 0.5f)
            {
                return Tone.Mix(Tone.Hex(0xF4E9D0), Tone.Hex(0x1A1512), rim[x, y] > 0.5f ? 1 : Tone.Step(0.68f, 0.74f, grain));
            }

            return Tone.Mix(Tone.Hex(0xB5402A), Tone.Hex(0x1A1512), Tone.Step(-0.08f, 0.08f, 0.5f - light[x, y] + ((grain - 0.5f) * 0.4f)));
        });
    }

    /// <summary>Single points, denser where it is darker.</summary>
    private static Picture Stippled(Picture p, Noise noise)
    {
        var (light, lines) = (p.Luminance(), p.Blurred(0.5f).Edges());
        var cell = 1.35f * p.Unit;
        return p.Map((x, y) =>
        {
            var (u, v) = (x / cell, y / cell);
            var (px, py, _) = noise.Cell(u, v, 0.8f);
            var dark = 1 - light[(int)(px * cell), (int)(py * cell)] + (lines[(int)(px * cell), (int)(py * cell)] * 0.5f);
            var kept = noise.At((int)MathF.Round(px * 64), (int)MathF.Round(py * 64), 3) < 0.02f + (dark * 1.5f);
            var distance = MathF.Sqrt(((u - px) * (u - px)) + ((v - py) * (v - py)));
            return Tone.Mix(Tone.Hex(0xFDFBF5), Tone.Hex(0x201A33), kept ? Tone.Step(-0.15f, 0.15f, 0.5f - distance) : 0);
        });
    }
}
