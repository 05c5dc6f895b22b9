namespace Whence.Datasets.Styles;

/// <summary>One number for each place of a picture: coverage, brightness, strength of an edge.</summary>
internal sealed class Plane(int width, int height, float[] values)
{
    public float[] Values => values;

    /// <summary>The value at a place; beyond the edge that of the edge.</summary>
    public float this[int x, int y] => values[(Math.Clamp(y, 0, height - 1) * width) + Math.Clamp(x, 0, width - 1)];

    public Plane Map(Func<float, float> value) => new(width, height, Array.ConvertAll(values, v => value(v)));

    /// <summary>The largest value within a disc, which makes what is there wider.</summary>
    /// <param name="radius">In pixels.</param>
    public Plane Widened(float radius)
    {
        var reach = (int)MathF.Floor(radius);
        var result = new float[values.Length];
        for (var i = 0; i < result.Length; i++)
        {
            var (x, y) = (i % width, i / width);
            var most = 0f;
            for (var dy = -reach; dy <= reach; dy++)
            {
                for (var dx = -reach; dx <= reach; dx++)
                {
                    if ((dx * dx) + (dy * dy) <= radius * radius)
                    {
                        most = MathF.Max(most, this[x + dx, y + dy]);
                    }
                }
            }

            result[i] = most;
        }

        return new Plane(width, height, result);
    }

    /// <summary>A copy under a Gaussian blur.</summary>
    /// <param name="sigma">Standard deviation in pixels.</param>
    public Plane Blurred(float sigma)
    {
        var weights = Kernel.Gaussian(sigma);
        var rows = new Plane(width, height, Along(weights, 1, 0));
        return new Plane(width, height, rows.Along(weights, 0, 1));
    }

    private float[] Along(float[] weights, int right, int down)
    {
        var radius = weights.Length / 2;
        var result = new float[values.Length];
        for (var i = 0; i < result.Length; i++)
        {
            for (var k = -radius; k <= radius; k++)
            {
                result[i] += this[(i % width) + (k * right), (i / width) + (k * down)] * weights[k + radius];
            }
        }

        return result;
    }
}
