using System.Numerics;

namespace Whence.Datasets.Styles;

/// <summary>Styles of brushes, sticks and surfaces.</summary>
internal static class Paints
{
    public static IEnumerable<(string, Func<Picture, Noise, Picture>)> All =>
    [
        ("watercolour", Watercolour),
        ("oil painting", OilPainting),
        ("crayon", Crayon),
        ("charcoal", Charcoal),
        ("spray paint", SprayPaint),
        ("blurred", (p, _) => p.Blurred(2.2f)),
        ("film grain", Grain),
        ("embossed", (p, _) => Embossed(p)),
    ];

    /// <summary>Thin, uneven washes that bleed over their rims and dry darker there.</summary>
    private static Picture Watercolour(Picture p, Noise noise)
    {
        var bled = p.Map((x, y) => p[
            x + (int)((noise.Smooth(x / (5 * p.Unit), y / (5 * p.Unit), 1) - 0.5f) * 5 * p.Unit),
            y + (int)((noise.Smooth(x / (5 * p.Unit), y / (5 * p.Unit), 2) - 0.5f) * 5 * p.Unit)]).Blurred(0.9f);
        var rims = bled.Edges();
        return p.Map((x, y) =>
        {
            var wash = 0.45f + (0.4f * noise.Smooth(x / (10 * p.Unit), y / (10 * p.Unit), 3));
            var paper = Tone.Hex(0xFCF8EF) - Tone.Gray(noise.At(x, y, 4) * 0.06f);
            var pigment = Tone.Saturate(bled[x, y], 1.25f);
            return paper * Tone.Mix(Tone.White, pigment, wash + (rims[x, y] * 0.9f));
        });
    }

    /// <summary>Of the four quarters around a place the mean of the quietest one (Kuwahara's filter): dabs with sharp rims.</summary>
    private static Picture OilPainting(Picture p, Noise noise)
    {
        var reach = (int)(2.5f * p.Unit);
        var dabs = p.Map((x, y) =>
        {
            var (best, quietest) = (Vector3.Zero, float.MaxValue);
            for (var quarter = 0; quarter < 4; quarter++)
            {
                var (fromX, fromY) = (x - (quarter % 2 * reach), y - (quarter / 2 * reach));
                var (sum, squares) = (Vector3.Zero, 0f);
                for (var dy = 0; dy <= reach; dy++)
                {
                    for (var dx = 0; dx <= reach; dx++)
                    {
                        var c = p[fromX + dx, fromY + dy];
                        sum += c;
                        squares += c.LengthSquared();
                    }
                }

                var mean = sum / ((reach + 1) * (reach + 1));
                var variance = (squares / ((reach + 1) * (reach + 1))) - mean.LengthSquared();
                (best, quietest) = variance < quietest ? (mean, variance) : (best, quietest);
            }

            return best;
        });
        return p.Map((x, y) =>
        {
            var color = Tone.Darkest(dabs[x, y]) > 0.96f ? Tone.Hex(0xD9C9A3) : Tone.Saturate(dabs[x, y], 1.2f) * 0.92f;
            var bristle = noise.Smooth((x + y) / (1.1f * p.Unit), (x - y) / (7 * p.Unit)) - 0.5f;
            return color + Tone.Gray(bristle * 0.24f);
        });
    }

    /// <summary>Wax on rough paper: strokes in one direction that leave gaps.</summary>
    private static Picture Crayon(Picture p, Noise noise)
    {
        var soft = p.Blurred(0.7f);
        return p.Map((x, y) =>
        {
            var stroke = noise.Smooth((x - y) / (0.9f * p.Unit), (x + y) / (9 * p.Unit));
            var wax = Tone.Step(0.22f, 0.5f, stroke + ((noise.At(x, y, 1) - 0.5f) * 0.5f));
            var color = Tone.Saturate(soft[x, y], 1.35f);
            return Tone.Mix(Tone.Hex(0xFFFDF8), color, Tone.Darkest(color) > 0.97f ? 0 : 0.12f + (0.85f * wax));
        });
    }

    /// <summary>Smudged black on grey paper.</summary>
    private static Picture Charcoal(Picture p, Noise noise)
    {
        var (light, lines) = (p.Luminance().Blurred(1.6f * p.Unit), p.Blurred(0.8f).Edges().Map(e => Tone.Step(0.05f, 0.2f, e)).Widened(0.9f * p.Unit));
        return p.Map((x, y) =>
        {
            var coal = MathF.Max(lines[x, y] * 0.95f, (1 - light[x, y]) * 0.75f);
            return Tone.Mix(Tone.Hex(0xC9C4BA), Tone.Hex(0x191817), coal * (0.55f + (0.6f * noise.At(x, y)))) + Tone.Gray((noise.At(x, y, 1) - 0.5f) * 0.08f);
        });
    }

    /// <summary>Droplets that miss, on concrete.</summary>
    private static Picture SprayPaint(Picture p, Noise noise) => p.Map((x, y) =>
    {
        var far = 3.6f * p.Unit * noise.At(x, y, 3);
        var (sin, cos) = MathF.SinCos(noise.At(x, y, 4) * MathF.Tau);
        var color = p[x + (int)(far * cos), y + (int)(far * sin)];
        var wall = Tone.Hex(0x8E8C88) + Tone.Gray(((noise.Smooth(x / (4 * p.Unit), y / (4 * p.Unit)) - 0.5f) * 0.12f) + ((noise.At(x, y, 5) - 0.5f) * 0.1f));
        return Tone.Darkest(color) > 0.965f ? wall : Tone.Mix(wall, Tone.Saturate(color, 1.5f), 0.9f);
    });

    private static Picture Grain(Picture p, Noise noise) => p.Map((x, y) =>
    {
        var faded = Tone.Mix(Tone.Hex(0x2A1F3D), Tone.Hex(0xF2E2B8), 0.5f);
        var grain = noise.At((int)(x / p.Unit), (int)(y / p.Unit)) - 0.5f;
        return Tone.Mix(p[x, y], faded, 0.3f) * new Vector3(1, 0.96f, 0.84f) + Tone.Gray(grain * 0.42f);
    });

    /// <summary>Pressed into grey card, lit from the upper left.</summary>
    private static Picture Embossed(Picture p)
    {
        var height = p.Luminance().Blurred(0.7f * p.Unit);
        var reach = Math.Max(1, (int)p.Unit);
        return p.Map((x, y) => Tone.Gray(0.62f) + Tone.Gray((height[x + reach, y + reach] - height[x - reach, y - reach]) * 0.9f));
    }
}
