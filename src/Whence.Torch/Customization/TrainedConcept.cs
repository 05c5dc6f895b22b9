using Whence.Torch.Diffusion;

namespace Whence.Torch.Customization;

/// <summary>What a customization made.</summary>
public sealed class TrainedConcept
{
    private readonly ConceptWeights _before;
    private readonly UNetSpec _unet;

    internal TrainedConcept(ConceptWeights concept, ConceptWeights before, UNetSpec unet) => (Concept, _before, _unet) = (concept, before, unet);

    /// <summary>The weights and tokens.</summary>
    public ConceptWeights Concept { get; }

    /// <summary>The same with weights that are added to the base model's as products of low rank, for small files.</summary>
    /// <param name="rank">Rank to keep, at least 1; null: as many as <paramref name="energy"/> needs.</param>
    /// <param name="energy">Share of the sum of squares of each weight's change that is kept, above 0 and at most 1; null: all that the rank allows.</param>
    public ConceptWeights Compress(int? rank, double? energy) => ConceptCompression.Compress(Concept, name => [.. _before.Weights[name].Values], rank, energy);

    /// <summary>Writes a file for the model that was customized, compressed where a rank or an energy is given.</summary>
    /// <param name="path">As for <see cref="ConceptWeights.Save"/>, as the others are.</param>
    /// <param name="format">The layout.</param>
    /// <param name="rank">As for <see cref="Compress"/>.</param>
    /// <param name="energy">As for <see cref="Compress"/>.</param>
    /// <exception cref="WhenceException">It cannot be written, or the layout cannot hold it.</exception>
    public void Save(string path, ConceptFormat format = ConceptFormat.Delta, int? rank = null, double? energy = null) =>
        (rank is null && energy is null ? Concept : Compress(rank, energy)).Save(path, format, _unet);
}
