namespace Whence.Datasets.Styles;

/// <summary>Weights of a blur.</summary>
internal static class Kernel
{
    /// <summary>A Gaussian's weights at whole distances up to three standard deviations, adding up to 1.</summary>
    public static float[] Gaussian(float sigma)
    {
        var radius = Math.Max(1, (int)MathF.Ceiling(3 * sigma));
        var weights = new float[(2 * radius) + 1];
        for (var k = -radius; k <= radius; k++)
        {
            weights[k + radius] = MathF.Exp(-(k * k) / (2 * sigma * sigma));
        }

        var sum = weights.Sum();
        return Array.ConvertAll(weights, w => w / sum);
    }
}
