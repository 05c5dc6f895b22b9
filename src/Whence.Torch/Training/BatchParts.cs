using TorchSharp;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Training;

/// <summary>
/// The images of a step in parts, each computed on threads of its own by networks of its own. Small networks are mostly operations too small for libtorch to share between threads, which wait
/// for each other then; two halves of a batch need not wait.
/// </summary>
/// <param name="Images">Images of a step.</param>
/// <param name="Threads">Threads of libtorch in all, at least 1.</param>
internal readonly record struct BatchParts(int Images, int Threads)
{
    // What every operation costs, however few its images are, each part pays; and each has its own copy of the weights and their gradients.
    private const int FewestImages = 8;

    /// <summary>How many there are, at least 1 and at most as many as threads.</summary>
    public int Count => Math.Clamp(Images / FewestImages, 1, Threads);

    /// <summary>The images of a part: the first, and how many.</summary>
    public (int First, int Count) this[int part]
    {
        get
        {
            var first = (int)((long)Images * part / Count);
            return (first, (int)((long)Images * (part + 1) / Count) - first);
        }
    }

    /// <summary>Networks beside the first ones, one for each other part.</summary>
    /// <param name="type">What they compute in.</param>
    /// <param name="create">Makes one, with whatever weights.</param>
    public T[] Twins<T>(ScalarType type, Func<T> create) where T : nn.Module => [.. Enumerable.Range(1, Count - 1).Select(_ => create().to(type))];

    /// <summary>Computes the parts side by side.</summary>
    /// <param name="compute">What is computed of a part: numbers that add up to those of the step.</param>
    /// <returns>The parts' sum, always in the same order.</returns>
    public double[] Sum(Func<int, double[]> compute)
    {
        var results = new double[Count][];
        ForEach(part => results[part] = compute(part));
        return results.Aggregate((sum, next) => [.. sum.Zip(next, (a, b) => a + b)]);
    }

    /// <summary>Works at the parts side by side, each in a dispose scope of its own.</summary>
    /// <param name="work">The work at a part, on whatever thread.</param>
    public void ForEach(Action<int> work) => TorchRuntime.ForEach(Enumerable.Range(0, Count), Count, Threads / Count, work);
}
