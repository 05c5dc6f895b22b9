using System.IO.Enumeration;

namespace Whence.Torch.Encoders;

/// <summary>Where the values of a network's tensor lie in a checkpoint.</summary>
/// <param name="Names">Names there, without the format's prefix; several are joined along the network's first dimension.</param>
internal sealed record WeightSource(params string[] Names)
{
    /// <summary>Shape of each in the checkpoint; null: the network's, its first dimension shared among the names, before <see cref="Order"/>.</summary>
    public long[]? Shape { get; init; }

    /// <summary>Which of the checkpoint's dimensions becomes the network's first, second and so on; null: they are in order.</summary>
    public int[]? Order { get; init; }

    /// <summary>Shape that each of the names has in the checkpoint.</summary>
    /// <param name="network">Shape of the network's tensor.</param>
    public long[] ShapeFor(ReadOnlySpan<long> network)
    {
        if (Shape is not null)
        {
            return Shape;
        }

        long[] shape = [.. network];
        if (Names.Length > 1)
        {
            shape[0] /= Names.Length;
        }

        return Order is null ? shape : [.. Enumerable.Range(0, shape.Length).Select(d => shape[Array.IndexOf(Order, d)])];
    }
}

/// <summary>How a kind of checkpoints names the tensors of a network.</summary>
internal sealed record WeightFormat
{
    /// <summary>Whose names they are, for messages, for example <c>timm's names</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Where the network's sizes stand, for messages. Default <c>'network' in the spec</c>.</summary>
    public string Described { get; init; } = "'network' in the spec";

    /// <summary>What all names that are wanted begin with. Default nothing.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>From a name in the network's state dict to where its values lie. Default: under the same name.</summary>
    public Func<string, WeightSource> Source { get; init; } = name => new(name);

    /// <summary>Whole names of what such files are known to hold beside it, <c>*</c> for any characters; everything else is an error.</summary>
    public IReadOnlyList<string> Extras { get; init; } = [];

    /// <summary>Whether a tensor that the network does not need belongs in such a file.</summary>
    public bool IsKnownExtra(string name) => Extras.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false));
}
