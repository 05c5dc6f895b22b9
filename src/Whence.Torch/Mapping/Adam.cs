using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Whence.Torch.Mapping;

/// <summary>
/// Adam (Kingma and Ba 2015) with beta 0.9 and 0.999 and epsilon 1e-8, as PyTorch computes it, over one array of parameters; with decoupled weight decay
/// (AdamW, Loshchilov and Hutter 2019) where it is asked for.
/// </summary>
/// <param name="length">Number of parameters.</param>
internal sealed class Adam(int length)
{
    private const float Beta1 = 0.9f, Beta2 = 0.999f, Epsilon = 1e-8f;

    /// <summary>Running mean of the gradient.</summary>
    public float[] Mean { get; } = new float[length];

    /// <summary>Running mean of the squared gradient.</summary>
    public float[] Square { get; } = new float[length];

    /// <summary>Moves the parameters once.</summary>
    /// <param name="parameters">Changed in place.</param>
    /// <param name="gradient">Of the loss, for each parameter.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="weightDecay">Share, times the learning rate, by which parameters shrink before they move; 0 for none.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Step(Span<float> parameters, ReadOnlySpan<float> gradient, long step, double learningRate, double weightDecay = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(parameters.Length, Mean.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(gradient.Length, Mean.Length);
        if (weightDecay != 0)
        {
            TensorPrimitives.Multiply(parameters, (float)(1 - (learningRate * weightDecay)), parameters);
        }

        var rate = (float)(learningRate / (1 - Math.Pow(Beta1Exact, step)));
        var root = (float)Math.Sqrt(1 - Math.Pow(Beta2Exact, step));
        var whole = Mean.Length - (Mean.Length % Vector<float>.Count);
        var p = MemoryMarshal.Cast<float, Vector<float>>(parameters[..whole]);
        var g = MemoryMarshal.Cast<float, Vector<float>>(gradient[..whole]);
        var m = MemoryMarshal.Cast<float, Vector<float>>(Mean.AsSpan(0, whole));
        var v = MemoryMarshal.Cast<float, Vector<float>>(Square.AsSpan(0, whole));
        for (var i = 0; i < p.Length; i++)
        {
            m[i] = (m[i] * Beta1) + (g[i] * (1 - Beta1));
            v[i] = (v[i] * Beta2) + (g[i] * g[i] * Rest2);
            p[i] -= rate * m[i] / ((Vector.SquareRoot(v[i]) / new Vector<float>(root)) + new Vector<float>(Epsilon));
        }

        for (var i = whole; i < Mean.Length; i++)
        {
            Mean[i] = (Mean[i] * Beta1) + (gradient[i] * (1 - Beta1));
            Square[i] = (Square[i] * Beta2) + (gradient[i] * gradient[i] * Rest2);
            parameters[i] -= rate * Mean[i] / ((MathF.Sqrt(Square[i]) / root) + Epsilon);
        }
    }

    // In float32, 1 - 0.999f is off by 5 in a hundred thousand.
    private const double Beta1Exact = 0.9, Beta2Exact = 0.999;
    private const float Rest2 = (float)(1 - Beta2Exact);
}
