using Whence.Images;

namespace Whence.Torch.Customization;

/// <summary>
/// How exemplars are varied while a model is customized to them: Custom Diffusion's own augmentation, which the paper uses. Sizes are shares of the
/// side S of the model's images. Defaults are the authors' (170 to 512, below 307, and 614 to 716 pixels for S = 512).
/// </summary>
public sealed record ExemplarAugmentation
{
    /// <summary>Nothing is varied: every exemplar (its middle, by <see cref="CenterCrop"/>) fills S x S, the whole of it counts, and prompts stay as they are.</summary>
    public static ExemplarAugmentation None { get; } = new() { FlipChance = 0, SmallChance = 1, SmallFrom = 1, PasteBelow = 0, SmallPrefixes = [], ZoomPrefixes = [] };

    /// <summary>Chance of a horizontal flip, 0 to 1. Default 0.5.</summary>
    public double FlipChance { get; init; } = 0.5;

    /// <summary>Chance of a scale in <see cref="SmallFrom"/> to 1; all others are zoomed. 0 to 1. Default 2/3.</summary>
    public double SmallChance { get; init; } = 2 / 3.0;

    /// <summary>The smallest scale, above 0, at most 1. Default 1/3.</summary>
    public double SmallFrom { get; init; } = 1 / 3.0;

    /// <summary>
    /// Below this scale an exemplar is shrunk, pasted at a random place on gray, and only its place counts; from it on it fills the image, whatever the
    /// scale. 0 to 1. Default 0.6.
    /// </summary>
    public double PasteBelow { get; init; } = 0.6;

    /// <summary>Smallest scale of a zoomed exemplar, which is cropped at a random place; at least 1. Default 1.2.</summary>
    public double ZoomFrom { get; init; } = 1.2;

    /// <summary>Scale that a zoomed exemplar stays below; above <see cref="ZoomFrom"/>. Default 1.4.</summary>
    public double ZoomTo { get; init; } = 1.4;

    /// <summary>
    /// Cells of the latent grid by which the place of a pasted exemplar, rounded down to cells, is taken smaller on each side, since the cells at its border see the gray too;
    /// 0 to 32767. At least one cell is left. Default 1.
    /// </summary>
    public int Margin { get; init; } = 1;

    /// <summary>What is put before the prompt of a pasted exemplar: one of these, with a space between. Default "a far away" and "very small".</summary>
    public IReadOnlyList<string> SmallPrefixes { get; init; } = ["a far away", "very small"];

    /// <summary>What is put before the prompt of a zoomed exemplar. Default "zoomed in" and "close up".</summary>
    public IReadOnlyList<string> ZoomPrefixes { get; init; } = ["zoomed in", "close up"];

    /// <summary>
    /// True, the default, takes the largest square in the middle of an exemplar, as the authors' script on CompVis's code does; false squeezes all of it to a
    /// square, as their script on diffusers does.
    /// </summary>
    public bool CenterCrop { get; init; } = true;

    /// <summary>The filter of resizing. Default bilinear.</summary>
    public Interpolation Interpolation { get; init; } = Interpolation.Bilinear;

    internal void Validate()
    {
        Check(FlipChance is >= 0 and <= 1, nameof(FlipChance), FlipChance, "0 to 1");
        Check(SmallChance is >= 0 and <= 1, nameof(SmallChance), SmallChance, "0 to 1");
        Check(SmallFrom is > 0 and <= 1, nameof(SmallFrom), SmallFrom, "above 0, at most 1");
        Check(PasteBelow is >= 0 and <= 1, nameof(PasteBelow), PasteBelow, "0 to 1");
        Check(ZoomFrom is >= 1 and <= 16, nameof(ZoomFrom), ZoomFrom, "1 to 16");
        Check(ZoomTo > ZoomFrom && ZoomTo <= 16, nameof(ZoomTo), ZoomTo, "above ZoomFrom, at most 16");
        ArgumentOutOfRangeException.ThrowIfNegative(Margin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Margin, short.MaxValue);
        if (!Enum.IsDefined(Interpolation))
        {
            throw new ArgumentOutOfRangeException(nameof(Interpolation), Interpolation, null);
        }
    }

    private static void Check(bool holds, string name, double value, string range)
    {
        if (!holds)
        {
            throw new ArgumentOutOfRangeException(name, value, $"Must be {range}.");
        }
    }
}
