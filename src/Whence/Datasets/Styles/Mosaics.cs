using System.Numerics;

namespace Whence.Datasets.Styles;

/// <summary>Styles that lay a picture out of pieces.</summary>
internal static class Mosaics
{
    public static IEnumerable<(string, Func<Picture, Noise, Picture>)> All =>
    [
        ("pixel mosaic", (p, _) => Blocks(p, 4, (_, _, c) => c)),
        ("toy bricks", (p, _) => Blocks(p, 6, Stud)),
        ("beads", (p, _) => Blocks(p, 4, Bead)),
        ("cross-stitch", (p, _) => Blocks(p, 4, Stitch)),
        ("stained glass", StainedGlass),
        ("tile mosaic", Tiles),
        ("low poly", LowPoly),
        ("honeycomb", (p, _) => Honeycomb(p)),
        ("pointillist", Pointillist),
    ];

    /// <summary>Squares, each of one colour, with a pattern by the place within the square, from -1 to 1.</summary>
    private static Picture Blocks(Picture p, float units, Func<float, float, Vector3, Vector3> pattern)
    {
        var cell = units * p.Unit;
        return p.Map((x, y) =>
        {
            var (column, row) = ((int)(x / cell), (int)(y / cell));
            var (cx, cy) = (((column + 0.5f) * cell) - 0.5f, ((row + 0.5f) * cell) - 0.5f);
            return pattern((x - cx) / (cell / 2), (y - cy) / (cell / 2), p.Mean(cx, cy, (cell - 1) / 2));
        });
    }

    private static Vector3 Stud(float u, float v, Vector3 color)
    {
        color = Tone.Quantize(Tone.Saturate(color, 1.25f), 5) * 0.93f;
        var radius = MathF.Sqrt((u * u) + (v * v));
        var light = (u + v) * -0.5f;
        if (MathF.Max(MathF.Abs(u), MathF.Abs(v)) > 0.84f)
        {
            return color * 0.72f;
        }

        return radius > 0.62f ? color : radius > 0.4f ? Tone.Mix(color, light > 0 ? Tone.White : Tone.Black, MathF.Abs(light) * 0.7f) : Tone.Mix(color, Tone.White, 0.12f);
    }

    private static Vector3 Bead(float u, float v, Vector3 color)
    {
        var radius = MathF.Sqrt((u * u) + (v * v));
        var bead = Tone.Mix(color * 0.95f, Tone.White, 0.35f * Tone.Step(0.2f, 0.6f, -(u + v) * 0.6f));
        return Tone.Mix(Tone.Mix(Tone.Hex(0x6B6470), bead, Tone.Step(-0.15f, 0.15f, 0.92f - radius)), color * 0.35f, Tone.Step(-0.15f, 0.15f, 0.3f - radius));
    }

    private static Vector3 Stitch(float u, float v, Vector3 color)
    {
        var cloth = Tone.Hex(0xEFE3CB) * (MathF.Max(MathF.Abs(u), MathF.Abs(v)) > 0.8f ? 0.86f : 1);
        var thread = MathF.Max(Tone.Step(-0.2f, 0.2f, 0.36f - MathF.Abs(u - v)), Tone.Step(-0.2f, 0.2f, 0.36f - MathF.Abs(u + v)));
        return Tone.Darkest(color) > 0.95f ? cloth : Tone.Mix(cloth, color * (MathF.Abs(u - v) < 0.5f ? 1 : 0.8f), thread);
    }

    private static Picture StainedGlass(Picture p, Noise noise)
    {
        var cell = 6 * p.Unit;
        return p.Map((x, y) =>
        {
            var (px, py, margin) = noise.Cell(x / cell, y / cell, 0.9f);
            var glass = Tone.Saturate(p.Mean(px * cell, py * cell, cell * 0.25f), 1.6f);
            glass = Tone.Darkest(glass) > 0.9f ? Tone.Hex(0xBFE3F2) : glass;
            return Tone.Mix(Tone.Hex(0x0E0E12), glass * (0.82f + (0.3f * noise.At((int)(px * 99), (int)(py * 99), 4))), Tone.Step(0.07f, 0.16f, margin));
        });
    }

    private static Picture Tiles(Picture p, Noise noise)
    {
        var cell = 4.2f * p.Unit;
        return p.Map((x, y) =>
        {
            var (px, py, margin) = noise.Cell(x / cell, y / cell, 0.55f);
            var tile = p.Mean(px * cell, py * cell, cell * 0.2f);
            tile = Tone.Mix(tile, Tone.Hex(0xD9CBB4), 0.15f) + Tone.Gray((noise.At((int)(px * 99), (int)(py * 99), 4) - 0.5f) * 0.2f);
            return Tone.Mix(Tone.Hex(0x77695A), tile, Tone.Step(0.12f, 0.3f, margin));
        });
    }

    /// <summary>Triangles of one colour each, between the points of a jittered grid.</summary>
    private static Picture LowPoly(Picture p, Noise noise)
    {
        var cell = 6.4f * p.Unit;
        var pixels = new Vector3[p.Pixels.Length];
        var cells = (int)MathF.Ceiling(p.Width / cell) + 1;
        var rows = (int)MathF.Ceiling(p.Height / cell) + 1;
        for (var row = -1; row < rows; row++)
        {
            for (var column = -1; column < cells; column++)
            {
                var (a, b, c, d) = (Corner(column, row), Corner(column + 1, row), Corner(column, row + 1), Corner(column + 1, row + 1));
                Fill(a, b, c, 1.04f);
                Fill(b, d, c, 0.94f);
            }
        }

        return new Picture(p.Width, p.Height, pixels);

        Vector2 Corner(int column, int row) =>
            new Vector2(column + ((noise.At(column, row, 1) - 0.5f) * 0.7f), row + ((noise.At(column, row, 2) - 0.5f) * 0.7f)) * cell;

        void Fill(Vector2 a, Vector2 b, Vector2 c, float light)
        {
            var center = (a + b + c) / 3;
            var color = p.Mean(center.X, center.Y, cell * 0.15f) * light;
            var (low, high) = (Vector2.Min(a, Vector2.Min(b, c)), Vector2.Max(a, Vector2.Max(b, c)));
            for (var y = Math.Max(0, (int)low.Y); y <= Math.Min(p.Height - 1, (int)high.Y + 1); y++)
            {
                for (var x = Math.Max(0, (int)low.X); x <= Math.Min(p.Width - 1, (int)high.X + 1); x++)
                {
                    var at = new Vector2(x, y);
                    if (Side(a, b, at) >= 0 && Side(b, c, at) >= 0 && Side(c, a, at) >= 0)
                    {
                        pixels[(y * p.Width) + x] = color;
                    }
                }
            }
        }

        static float Side(Vector2 from, Vector2 to, Vector2 at) => ((to.X - from.X) * (at.Y - from.Y)) - ((to.Y - from.Y) * (at.X - from.X));
    }

    private static Picture Honeycomb(Picture p)
    {
        var size = 3.6f * p.Unit;
        return p.Map((x, y) =>
        {
            var (q, r) = (((MathF.Sqrt(3) / 3 * x) - (y / 3f)) / size, 2f / 3 * y / size);
            var (cube, other) = (Round(q, r), new Vector2(q, r));
            var offset = other - cube;
            var edge = MathF.Max(MathF.Abs(offset.X - offset.Y), MathF.Max(MathF.Abs((2 * offset.X) + offset.Y), MathF.Abs(offset.X + (2 * offset.Y))));
            var color = p.Mean(size * ((MathF.Sqrt(3) * cube.X) + (MathF.Sqrt(3) / 2 * cube.Y)), size * 1.5f * cube.Y, size * 0.5f);
            return Tone.Mix(color, Tone.Hex(0x5A3A06), Tone.Step(0.74f, 0.92f, edge));
        });

        static Vector2 Round(float q, float r)
        {
            var s = -q - r;
            var (rq, rr, rs) = (MathF.Round(q), MathF.Round(r), MathF.Round(s));
            var (dq, dr, ds) = (MathF.Abs(rq - q), MathF.Abs(rr - r), MathF.Abs(rs - s));
            return dq > dr && dq > ds ? new Vector2(-rr - rs, rr) : dr > ds ? new Vector2(rq, -rq - rs) : new Vector2(rq, rr);
        }
    }

    /// <summary>Dabs of strong, slightly wrong colours on primed cloth.</summary>
    private static Picture Pointillist(Picture p, Noise noise)
    {
        var cell = 2.6f * p.Unit;
        return p.Map((x, y) =>
        {
            var (u, v) = (x / cell, y / cell);
            var (px, py, _) = noise.Cell(u, v, 1);
            var (ix, iy) = ((int)MathF.Round(px * 64), (int)MathF.Round(py * 64));
            var jitter = new Vector3(noise.At(ix, iy, 5), noise.At(ix, iy, 6), noise.At(ix, iy, 7)) - new Vector3(0.5f);
            var dab = Tone.Saturate(p[(int)(px * cell), (int)(py * cell)], 1.4f) + (jitter * 0.45f);
            var distance = MathF.Sqrt(((u - px) * (u - px)) + ((v - py) * (v - py)));
            return Tone.Mix(Tone.Hex(0xEDE6D6), dab, Tone.Step(-0.1f, 0.1f, 0.52f - distance));
        });
    }
}
