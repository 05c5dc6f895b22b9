using System.Numerics;

namespace Whence.Datasets.Styles;

/// <summary>Styles that set the drawing, or its shape, before a ground.</summary>
internal static class Grounds
{
    public static IEnumerable<(string, Func<Picture, Noise, Picture>)> All =>
    [
        ("silhouette", (p, _) => Shape(p, (_, _) => Tone.White, (_, _) => Tone.Hex(0x101010))),
        ("sunset silhouette", (p, _) => Shape(p, (_, y) => Tone.Ramp(y / (float)p.Height, Tone.Hex(0x3B1B6B), Tone.Hex(0xE0437A), Tone.Hex(0xFFB347), Tone.Hex(0xFFE9A8)), (_, _) => Tone.Hex(0x160A24))),
        ("candy stripes", (p, _) => Shape(p, (_, _) => Tone.Hex(0xFFF4F4), (x, y) => (x + y) / (4 * p.Unit) % 2 < 1 ? Tone.Hex(0xE0202F) : Tone.Hex(0xFFFFFF), rim: 0.9f)),
        ("paper cut", (p, _) => PaperCut(p)),
        ("polka dots", (p, _) => Placed(p, (x, y) => InDot(x, y, 8 * p.Unit) ? Tone.White : Tone.Hex(0xF06C9B))),
        ("striped ground", (p, _) => Placed(p, (x, y) => y / (5 * p.Unit) % 2 < 1 ? Tone.Hex(0x9AD0F5) : Tone.Hex(0x3F7FBF))),
        ("starry night", (p, noise) => Placed(p, (x, y) => Sky(p, noise, x, y), 0.72f)),
        ("spotlight", (p, _) => Spotlight(p)),
    ];

    private static Picture Placed(Picture p, Func<int, int, Vector3> ground, float light = 1)
    {
        var subject = p.Subject();
        return p.Map((x, y) => subject[x, y] > 0.5f ? p[x, y] * light : ground(x, y));
    }

    private static Picture Shape(Picture p, Func<int, int, Vector3> ground, Func<int, int, Vector3> fill, float rim = 0)
    {
        var subject = p.Subject();
        var wide = rim > 0 ? subject.Widened(rim * p.Unit) : subject;
        return p.Map((x, y) => subject[x, y] > 0.5f ? fill(x, y) : wide[x, y] > 0.5f ? Tone.Hex(0x8F0F1C) : ground(x, y));
    }

    private static bool InDot(int x, int y, float cell)
    {
        var row = (int)(y / cell);
        var (u, v) = ((((x / cell) + (row % 2 * 0.5f)) % 1) - 0.5f, ((y / cell) % 1) - 0.5f);
        return (u * u) + (v * v) < 0.075f;
    }

    private static Vector3 Sky(Picture p, Noise noise, int x, int y)
    {
        var cell = 5 * p.Unit;
        var (column, row) = ((int)(x / cell), (int)(y / cell));
        var (sx, sy) = ((column + 0.2f + (0.6f * noise.At(column, row, 1))) * cell, (row + 0.2f + (0.6f * noise.At(column, row, 2))) * cell);
        var distance = MathF.Sqrt(((x - sx) * (x - sx)) + ((y - sy) * (y - sy))) / p.Unit;
        var star = noise.At(column, row, 3) < 0.6f ? Tone.Step(-0.4f, 0.4f, 0.4f + (0.5f * noise.At(column, row, 4)) - distance) : 0;
        return Tone.Mix(Tone.Ramp(y / (float)p.Height, Tone.Hex(0x060B2E), Tone.Hex(0x2B1B66)), Tone.Hex(0xFFF6D0), star);
    }

    /// <summary>Layers of flat paper, each with a shadow below it.</summary>
    private static Picture PaperCut(Picture p)
    {
        var (subject, light) = (p.Subject(), p.Luminance().Blurred(0.5f * p.Unit));
        var shadow = subject.Blurred(1.4f * p.Unit);
        var offset = (int)(1.8f * p.Unit);
        var flat = p.Blurred(0.5f).Map(c => Tone.Mix(Tone.Quantize(c, 4), Tone.Hex(0xE8D8C3), 0.18f));
        return p.Map((x, y) =>
        {
            var edge = Math.Clamp((light[x - (offset / 2), y - (offset / 2)] - light[x, y]) * 1.2f, -0.35f, 0.35f);
            return subject[x, y] > 0.5f
                ? flat[x, y] * (1 - MathF.Max(0, -edge))
                : Tone.Mix(Tone.Hex(0xE8825A), Tone.Hex(0x5C2A18), shadow[x - offset, y - offset] * 0.85f);
        });
    }

    /// <summary>A beam from above in a dark room.</summary>
    private static Picture Spotlight(Picture p)
    {
        var subject = p.Subject();
        return p.Map((x, y) =>
        {
            var (u, v) = ((x - (p.Width / 2f)) / p.Width, (y - (p.Height * 0.45f)) / p.Height);
            var beam = 1 - Tone.Step(0.1f, 0.52f, MathF.Sqrt((u * u) + (v * v)));
            var color = subject[x, y] > 0.5f ? p[x, y] : Tone.Hex(0xA88F6A) * 0.9f;
            return color * (0.06f + (beam * 1.05f));
        });
    }
}
