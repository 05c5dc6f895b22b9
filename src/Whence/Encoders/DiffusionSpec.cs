namespace Whence.Encoders;

/// <summary>
/// Features of a latent diffusion model (appendix B.5): the image becomes a latent, gets the noise of a step t, and the mean over positions of what the U-Net's mid block gives with the caption is
/// the feature. Two specs of the same weights and step are equal, wherever the model lies.
/// </summary>
public sealed record DiffusionSpec : NetworkSpec
{
    /// <summary>The model: a folder in diffusers' layout or a single file of Stable Diffusion 1.x; relative to the spec's folder.</summary>
    public required string Model { get; init; }

    /// <summary>SHA-256 of the model's weights, however they are kept in files, as <c>whence encoders describe</c> writes it; checked whenever the model is loaded.</summary>
    public required string Weights { get; init; }

    /// <summary>Step t of the noise, from 0. Default 100, of the 1000 of Stable Diffusion.</summary>
    public int Timestep { get; init; } = 100;

    /// <inheritdoc/>
    public bool Equals(DiffusionSpec? other) => other is not null && Weights == other.Weights && Timestep == other.Timestep;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Weights, Timestep);

    internal override void Validate(int dimension)
    {
        Check(!string.IsNullOrWhiteSpace(Model), "model", $"'{Model}'", "give a folder or a file");
        Check(Weights is { Length: 64 } && Weights.All(char.IsAsciiHexDigitLower), "weights", $"'{Weights}'", "it must be 64 lower-case hexadecimal digits");
        Check(Timestep is >= 0 and < 1_000_000, "timestep", Timestep, "give a step of the model's noise, as a rule 100");
    }
}
