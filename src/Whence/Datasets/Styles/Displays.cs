using System.Numerics;

namespace Whence.Datasets.Styles;

/// <summary>Styles of screens, lenses and what goes wrong with them.</summary>
internal static class Displays
{
    public static IEnumerable<(string, Func<Picture, Noise, Picture>)> All =>
    [
        ("anaglyph", (p, _) => Anaglyph(p)),
        ("television", (p, _) => Television(p)),
        ("green terminal", (p, _) => Terminal(p)),
        ("glitched", Glitched),
        ("rippled", (p, _) => Rippled(p)),
        ("motion blur", (p, _) => MotionBlur(p)),
        ("shattered", Shattered),
    ];

    private static Picture Anaglyph(Picture p)
    {
        var apart = (int)(2.4f * p.Unit);
        var light = p.Luminance();
        return p.Map((x, y) => new Vector3(light[x + apart, y], light[x - apart, y], light[x - apart, y]));
    }

    /// <summary>Columns of red, green and blue under dark lines.</summary>
    private static Picture Television(Picture p)
    {
        var thin = Math.Max(1, (int)p.Unit);
        return p.Map((x, y) =>
        {
            var color = p.Mean((x / (3 * thin) * 3 * thin) + (1.5f * thin), y, 1.4f * thin);
            var mask = (x / thin % 3) switch { 0 => new Vector3(1.3f, 0.45f, 0.45f), 1 => new Vector3(0.45f, 1.3f, 0.45f), _ => new Vector3(0.45f, 0.45f, 1.3f) };
            return color * mask * (y / thin % 4 == 3 ? 0.35f : 0.95f);
        });
    }

    private static Picture Terminal(Picture p)
    {
        var (light, subject, edges) = (p.Luminance(), p.Subject(), p.Blurred(0.5f).Edges());
        var thin = Math.Max(1, (int)p.Unit);
        return p.Map((x, y) =>
        {
            var glow = (subject[x, y] * (0.12f + (light[x, y] * 0.75f))) + (edges[x, y] * 0.6f);
            return Tone.Ramp(glow * (y / thin % 3 == 2 ? 0.35f : 1), Tone.Hex(0x020A04), Tone.Hex(0x0E8F3A), Tone.Hex(0xA8FFC0));
        });
    }

    /// <summary>Bands that slipped sideways, with their colours apart.</summary>
    private static Picture Glitched(Picture p, Noise noise)
    {
        var band = Math.Max(1, (int)(4 * p.Unit));
        return p.Map((x, y) =>
        {
            var row = y / band;
            var slip = noise.At(row, 0, 1) < 0.55f ? 0 : (int)((noise.At(row, 0, 2) - 0.5f) * 26 * p.Unit);
            var apart = slip == 0 ? 0 : (int)(2.2f * p.Unit);
            return new Vector3(p[x + slip + apart, y].X, p[x + slip, y].Y, p[x + slip - apart, y].Z);
        });
    }

    /// <summary>Seen through moving water.</summary>
    private static Picture Rippled(Picture p) => p.Map((x, y) =>
    {
        var wave = MathF.Sin(y / (2.3f * p.Unit)) * 2.6f * p.Unit;
        var crest = MathF.Cos(y / (2.3f * p.Unit));
        return p[x + (int)MathF.Round(wave), y] * Tone.Mix(Tone.Hex(0x8FC7E8), Tone.Hex(0xD4F1FF), 0.5f + (crest * 0.5f));
    });

    private static Picture MotionBlur(Picture p)
    {
        var reach = (int)(9 * p.Unit);
        return p.Map((x, y) =>
        {
            var (sum, weight) = (Vector3.Zero, 0f);
            for (var k = 0; k <= reach; k++)
            {
                var w = 1 - (k / (reach + 1f));
                sum += p[x + k - (reach / 3), y] * w;
                weight += w;
            }

            return sum / weight;
        });
    }

    /// <summary>Shards of a mirror, each a little out of place.</summary>
    private static Picture Shattered(Picture p, Noise noise)
    {
        var cell = 19 * p.Unit;
        return p.Map((x, y) =>
        {
            var (px, py, margin) = noise.Cell(x / cell, y / cell, 1);
            var (ix, iy) = ((int)MathF.Round(px * 64), (int)MathF.Round(py * 64));
            var (dx, dy) = ((noise.At(ix, iy, 5) - 0.5f) * 6 * p.Unit, (noise.At(ix, iy, 6) - 0.5f) * 6 * p.Unit);
            var shade = 0.72f + (0.3f * noise.At(ix, iy, 7));
            return Tone.Mix(Tone.Hex(0x202633), p[x + (int)dx, y + (int)dy] * new Vector3(0.93f, 0.97f, 1) * shade, Tone.Step(0.02f, 0.06f, margin));
        });
    }
}
