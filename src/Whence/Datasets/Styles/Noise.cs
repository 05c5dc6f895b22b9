namespace Whence.Datasets.Styles;

/// <summary>Random values at places, which follow from a seed and the place alone.</summary>
internal readonly struct Noise(long seed)
{
    /// <summary>Uniform in [0, 1), another for each place and purpose.</summary>
    public float At(int x, int y, int purpose = 0) =>
        (float)new SplitMix64(seed, (((long)purpose * 8191) + y) * 131_071 + x).NextDouble();

    /// <summary>Between smooth hills and valleys, in [0, 1).</summary>
    /// <param name="x">Place in hills.</param>
    /// <param name="y">Place in hills.</param>
    /// <param name="purpose">Another landscape for each.</param>
    public float Smooth(float x, float y, int purpose = 0)
    {
        var (left, top) = ((int)MathF.Floor(x), (int)MathF.Floor(y));
        var (across, down) = (Tone.Step(0, 1, x - left), Tone.Step(0, 1, y - top));
        var upper = At(left, top, purpose) + ((At(left + 1, top, purpose) - At(left, top, purpose)) * across);
        var lower = At(left, top + 1, purpose) + ((At(left + 1, top + 1, purpose) - At(left, top + 1, purpose)) * across);
        return upper + ((lower - upper) * down);
    }

    /// <summary>The point of a jittered grid that is nearest, and how much farther the next one is.</summary>
    /// <param name="x">Place in cells.</param>
    /// <param name="y">Place in cells.</param>
    /// <param name="jitter">How far a point may be from its cell's centre, from 0 to 1.</param>
    public (float X, float Y, float Margin) Cell(float x, float y, float jitter)
    {
        var (column, row) = ((int)MathF.Floor(x), (int)MathF.Floor(y));
        var (best, second, bestX, bestY) = (float.MaxValue, float.MaxValue, 0f, 0f);
        for (var dy = -1; dy <= 1; dy++)
        {
            for (var dx = -1; dx <= 1; dx++)
            {
                var px = column + dx + 0.5f + (jitter * (At(column + dx, row + dy, 1) - 0.5f));
                var py = row + dy + 0.5f + (jitter * (At(column + dx, row + dy, 2) - 0.5f));
                var distance = MathF.Sqrt(((px - x) * (px - x)) + ((py - y) * (py - y)));
                if (distance < best)
                {
                    (second, best, bestX, bestY) = (best, distance, px, py);
                }
                else if (distance < second)
                {
                    second = distance;
                }
            }
        }

        return (bestX, bestY, second - best);
    }
}
