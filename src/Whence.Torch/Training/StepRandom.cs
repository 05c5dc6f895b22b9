using static TorchSharp.torch;

namespace Whence.Torch.Training;

/// <summary>What a step draws: it follows from the seed, the stage and the step alone, so that a training that goes on draws what it would have drawn.</summary>
internal sealed class StepRandom : IDisposable
{
    private readonly Generator _generator;
    private SplitMix64 _numbers;

    /// <param name="seed">Of the training.</param>
    /// <param name="stage">A number of its own for each stage.</param>
    /// <param name="step">From 0.</param>
    public StepRandom(long seed, int stage, long step)
    {
        _numbers = new SplitMix64(seed, (step * 16) + stage);
        _generator = new Generator((ulong)_numbers.Next(int.MaxValue), CPU);
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double Next() => _numbers.NextDouble();

    /// <summary>Normally distributed numbers, in the current scope.</summary>
    public Tensor Normal(params long[] shape) => randn(shape, generator: _generator);

    /// <inheritdoc/>
    public void Dispose() => _generator.Dispose();
}
