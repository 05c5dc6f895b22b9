using System.Numerics;

namespace Whence.Datasets.Styles;

/// <summary>Styles that draw by lines.</summary>
internal static class Outlines
{
    public static IEnumerable<(string, Func<Picture, Noise, Picture>)> All =>
    [
        ("outline", (p, _) => OnGround(p, Lines(p, 0.8f), Tone.White, Tone.Hex(0x111111))),
        ("thick outline", (p, _) => Bold(p)),
        ("pencil", Pencil),
        ("blueprint", (p, _) => Blueprint(p)),
        ("chalkboard", Chalk),
        ("neon", (p, _) => Neon(p)),
        ("sticker", (p, _) => Sticker(p)),
        ("topographic", (p, _) => Contours(p)),
    ];

    /// <summary>Lines where colours change, 1 on a line.</summary>
    /// <param name="p">The picture.</param>
    /// <param name="width">In units.</param>
    private static Plane Lines(Picture p, float width) =>
        p.Blurred(0.5f).Edges().Map(e => Tone.Step(0.06f, 0.22f, e)).Widened((width - 0.5f) * p.Unit);

    private static Picture OnGround(Picture p, Plane lines, Vector3 ground, Vector3 ink) => p.Map((x, y) => Tone.Mix(ground, ink, lines[x, y]));

    /// <summary>The colours within a heavy black line.</summary>
    private static Picture Bold(Picture p)
    {
        var (subject, lines) = (p.Subject(), Lines(p, 0.5f));
        var around = subject.Widened(2.2f * p.Unit);
        return p.Map((x, y) => subject[x, y] > 0.5f ? Tone.Mix(p[x, y], Tone.Black, lines[x, y] * 0.9f) : Tone.Mix(Tone.White, Tone.Black, around[x, y]));
    }

    /// <summary>Grey strokes: the brightness divided by that of its surroundings, and the grain of paper.</summary>
    private static Picture Pencil(Picture p, Noise noise)
    {
        var light = p.Luminance();
        var inverse = light.Map(l => 1 - l).Blurred(2.2f * p.Unit);
        return p.Map((x, y) =>
        {
            var line = MathF.Min(1, light[x, y] / MathF.Max(0.05f, 1 - inverse[x, y]));
            var shade = 1 - ((1 - light[x, y]) * 0.35f * (((x + y) / (int)MathF.Max(1, p.Unit) % 3) == 0 ? 1.3f : 0.5f));
            return Tone.Gray(MathF.Min(line * line, shade) - (noise.At(x, y) * 0.16f)) * new Vector3(1, 0.99f, 0.96f);
        });
    }

    private static Picture Blueprint(Picture p)
    {
        var lines = Lines(p, 0.7f);
        var cell = (int)(8 * p.Unit);
        return p.Map((x, y) =>
        {
            var grid = x % cell < 1 || y % cell < 1 ? 0.22f : 0;
            return Tone.Mix(Tone.Hex(0x1B4A9C), Tone.White, MathF.Max(grid, lines[x, y]));
        });
    }

    private static Picture Chalk(Picture p, Noise noise)
    {
        var (lines, subject) = (Lines(p, 1.3f), p.Subject());
        return p.Map((x, y) =>
        {
            var board = Tone.Hex(0x27402F) + Tone.Gray((noise.Smooth(x / (6 * p.Unit), y / (6 * p.Unit)) - 0.5f) * 0.09f);
            var dust = subject[x, y] * 0.22f * noise.At(x, y, 1);
            var color = Tone.Mix(p[x, y], Tone.White, 0.65f);
            return Tone.Mix(board, color, MathF.Max(dust, lines[x, y] * (0.45f + (0.55f * noise.At(x, y, 2)))));
        });
    }

    /// <summary>Glowing tubes in the dark, in the colours of the drawing.</summary>
    private static Picture Neon(Picture p)
    {
        var lines = Lines(p, 0.7f);
        var tubes = p.Map((x, y) =>
        {
            var near = p.Mean(x, y, 2 * p.Unit);
            var vivid = near - Tone.Gray(Tone.Darkest(near) * 0.9f);
            var most = Tone.Brightest(vivid);
            return (most < 0.06f ? Tone.Hex(0x35E0FF) : vivid / most) * lines[x, y];
        });
        var glow = tubes.Blurred(2.4f);
        return p.Map((x, y) => Tone.Hex(0x0B0718) + (glow[x, y] * 1.3f) + tubes[x, y] + Tone.Gray(MathF.Max(0, lines[x, y] - 0.7f)));
    }

    /// <summary>Cut out with a white rim, on a coloured sheet.</summary>
    private static Picture Sticker(Picture p)
    {
        var subject = p.Subject();
        var rim = subject.Widened(3 * p.Unit);
        var shadow = rim.Blurred(1.2f * p.Unit);
        var offset = (int)(1.6f * p.Unit);
        return p.Map((x, y) =>
        {
            var sheet = Tone.Mix(Tone.Hex(0x4FB8AE), Tone.Hex(0x1F5C57), shadow[x - offset, y - offset] * 0.8f);
            return subject[x, y] > 0.5f ? p[x, y] : Tone.Mix(sheet, Tone.White, rim[x, y]);
        });
    }

    /// <summary>Brown lines of equal brightness, as heights on a map.</summary>
    private static Picture Contours(Picture p)
    {
        const int levels = 9;
        var height = p.Luminance().Blurred(1.6f * p.Unit);
        return p.Map((x, y) =>
        {
            var (here, right, below) = ((int)(height[x, y] * levels), (int)(height[x + 1, y] * levels), (int)(height[x, y + 1] * levels));
            var ground = Tone.Ramp(height[x, y], Tone.Hex(0x7FB069), Tone.Hex(0xCFDB8F), Tone.Hex(0xF6F0D8));
            return here == right && here == below ? ground : Tone.Hex(0x6E3C12);
        });
    }
}
