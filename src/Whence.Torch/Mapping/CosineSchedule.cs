namespace Whence.Torch.Mapping;

/// <summary>A learning rate that falls to zero along half a cosine, step by step.</summary>
/// <param name="first">Of step 0.</param>
/// <param name="steps">Steps of the whole training.</param>
internal sealed class CosineSchedule(double first, long steps)
{
    /// <summary>The rate of a step.</summary>
    /// <param name="step">From 0.</param>
    public double At(long step) => first * (1 + Math.Cos(Math.PI * step / steps)) / 2;
}
