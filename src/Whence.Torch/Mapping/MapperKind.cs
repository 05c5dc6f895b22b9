namespace Whence.Torch.Mapping;

/// <summary>What h and h~ are (appendix B of the paper).</summary>
public enum MapperKind
{
    /// <summary>W x + b with a square W, the paper's choice; begins as the identity.</summary>
    Linear,

    /// <summary>One factor for each dimension; begins as ones.</summary>
    Channel,

    /// <summary>Two layers with batch normalisation, as MoCo v3's projection head; begins at random.</summary>
    Mlp,
}
