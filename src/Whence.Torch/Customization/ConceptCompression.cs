using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Torch.Customization;

/// <summary>
/// Makes a concept small: what each weight differs by from the base model's is replaced by its best approximation of low rank, u v, which the singular value
/// decomposition gives (Eckart and Young 1936). A new object changes weights along few directions.
/// </summary>
internal static class ConceptCompression
{
    /// <summary>The concept with weights of low rank; biases stay as they are.</summary>
    /// <param name="concept">Whole weights, or ones of low rank, which become so again.</param>
    /// <param name="baseWeight">The base model's weight of a name, as many values, row after row.</param>
    /// <param name="rank">Rank to keep, at least 1; null: as many as <paramref name="energy"/> needs.</param>
    /// <param name="energy">Share of the sum of squares of each difference that is kept, above 0 and at most 1; null: all that <paramref name="rank"/> allows.</param>
    public static ConceptWeights Compress(ConceptWeights concept, Func<string, float[]> baseWeight, int? rank, double? energy)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank ?? 1, 1, nameof(rank));
        if (energy is not (null or (> 0 and <= 1)) || (rank is null && energy is null))
        {
            throw new ArgumentOutOfRangeException(nameof(energy), energy, "A rank, or a share above 0 and at most 1, says how much is kept.");
        }

        var weights = new Dictionary<string, ConceptWeight>(StringComparer.Ordinal);
        foreach (var (name, weight) in concept.Weights)
        {
            weights[name] = weight.Shape.Count == 2 ? Compress(weight, baseWeight(name), rank ?? int.MaxValue, energy ?? 1) : weight;
        }

        return new ConceptWeights(weights, concept.Tokens);
    }

    private static ConceptWeight Compress(ConceptWeight weight, float[] baseWeight, int rank, double energy)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var from = TensorValues.ToTensor(baseWeight, [.. weight.Shape]);
        var difference = TensorValues.ToTensor(weight.Over(baseWeight), [.. weight.Shape]).sub_(from); // output x input
        var (u, s, v) = linalg.svd(difference, fullMatrices: false);
        var kept = Kept(TensorValues.Of(s.contiguous()), rank, energy);
        var left = (u.narrow(1, 0, kept) * s.narrow(0, 0, kept)).contiguous(); // output x rank
        return ConceptWeight.LowRank(TensorValues.Of(left).ToArray(), TensorValues.Of(v.narrow(0, 0, kept).contiguous()).ToArray(), kept);
    }

    /// <summary>Singular values to keep, at least 1: no more than the rank, and no more than the share of the squares needs.</summary>
    private static int Kept(ReadOnlySpan<float> singular, int rank, double energy)
    {
        var all = 0.0;
        foreach (var value in singular)
        {
            all += (double)value * value;
        }

        var kept = 0;
        for (var sum = 0.0; kept < Math.Min(rank, singular.Length) && (kept == 0 || sum < energy * all); kept++)
        {
            sum += (double)singular[kept] * singular[kept];
        }

        return kept;
    }
}
