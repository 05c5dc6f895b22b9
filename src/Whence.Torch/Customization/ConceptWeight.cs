using System.Numerics.Tensors;

namespace Whence.Torch.Customization;

/// <summary>One weight of the U-Net as a customization left it: whole, or what is to be added to the base model's as a product u v of low rank.</summary>
public sealed class ConceptWeight
{
    private readonly float[] _values, _right;

    private ConceptWeight(IReadOnlyList<long> shape, float[] values, float[] right, int? rank) =>
        (Shape, _values, _right, Rank) = (shape, values, right, rank);

    /// <summary>Shape of the whole weight: [output, input], or [output] for a bias.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Rank of the product; null where the weight is whole.</summary>
    public int? Rank { get; }

    /// <summary>The whole weight, row after row; of a product u [output, rank].</summary>
    internal ReadOnlySpan<float> Values => _values;

    /// <summary>v [rank, input] of a product.</summary>
    internal ReadOnlySpan<float> Right => _right;

    /// <summary>A whole weight.</summary>
    /// <param name="values">Row after row; not copied.</param>
    /// <param name="shape">[output, input] or [output].</param>
    /// <exception cref="ArgumentException">The lengths do not fit.</exception>
    public static ConceptWeight Whole(float[] values, params IReadOnlyList<long> shape)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(shape);
        return shape.Count is 1 or 2 && shape.Aggregate((Int128)1, (count, d) => count * d) == values.Length
            ? new ConceptWeight([.. shape], values, [], rank: null)
            : throw new ArgumentException($"{values.Length} values are not [{string.Join(", ", shape)}].", nameof(shape));
    }

    /// <summary>What is to be added to the base model's weight.</summary>
    /// <param name="u">[output, rank], row after row; not copied.</param>
    /// <param name="v">[rank, input].</param>
    /// <param name="rank">At least 1.</param>
    /// <exception cref="ArgumentException">The lengths are no multiples of the rank.</exception>
    public static ConceptWeight LowRank(float[] u, float[] v, int rank)
    {
        ArgumentNullException.ThrowIfNull(u);
        ArgumentNullException.ThrowIfNull(v);
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        return u.Length > 0 && v.Length > 0 && u.Length % rank == 0 && v.Length % rank == 0
            ? new ConceptWeight([u.Length / rank, v.Length / rank], u, v, rank)
            : throw new ArgumentException($"{u.Length} and {v.Length} values are no products of rank {rank}.", nameof(rank));
    }

    /// <summary>The whole weight over that of the base model.</summary>
    /// <param name="baseWeight">The base model's, of <see cref="Shape"/>, row after row.</param>
    /// <exception cref="ArgumentException">Of another length.</exception>
    public float[] Over(ReadOnlySpan<float> baseWeight)
    {
        if (baseWeight.Length != Shape.Aggregate(1L, (count, d) => count * d))
        {
            throw new ArgumentException($"{baseWeight.Length} values are not [{string.Join(", ", Shape)}].", nameof(baseWeight));
        }

        if (Rank is not { } rank)
        {
            return [.. _values];
        }

        var result = baseWeight.ToArray();
        var columns = (int)Shape[1];
        for (var row = 0; row < Shape[0]; row++)
        {
            var sum = result.AsSpan(row * columns, columns);
            for (var k = 0; k < rank; k++)
            {
                TensorPrimitives.MultiplyAdd(_right.AsSpan(k * columns, columns), _values[(row * rank) + k], sum, sum);
            }
        }

        return result;
    }
}

/// <summary>A new word that a customization taught the text encoder.</summary>
/// <param name="Name">As it stands in prompts, for example <c>&lt;new1&gt;</c>.</param>
/// <param name="Embedding">Its row of the token embedding, as many values as the text encoder is wide.</param>
public sealed record ConceptToken(string Name, IReadOnlyList<float> Embedding);
