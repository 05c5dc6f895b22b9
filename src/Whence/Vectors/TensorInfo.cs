namespace Whence.Vectors;

/// <summary>What a stored tensor is, without its numbers.</summary>
/// <param name="Type">The type of each element.</param>
/// <param name="Shape">Its dimensions, outermost first; empty for a scalar.</param>
public sealed record TensorInfo(ElementType Type, IReadOnlyList<long> Shape)
{
    /// <summary>Number of elements: the product of the shape, 1 for a scalar.</summary>
    public long Count => Shape.Aggregate(1L, (product, dimension) => product * dimension);

    /// <summary>For people, for example <c>F32 [96, 64]</c>.</summary>
    public override string ToString() => $"{Type} [{string.Join(", ", Shape)}]";
}
