using Whence.Images;

namespace Whence.Datasets.Styles;

/// <summary>
/// A way to redraw any picture in a style: a pure function of the picture and a seed, the same bytes each time. It expects a drawing on a white ground.
/// </summary>
public sealed class Treatment
{
    private readonly Func<Picture, Noise, Picture> _apply;

    internal Treatment(string name, string family, Func<Picture, Noise, Picture> apply) => (Name, Family, _apply) = (name, family, apply);

    /// <summary>What the style is called in a caption: "halftone".</summary>
    public string Name { get; }

    /// <summary>What kind of style it is: "outlines", "palettes", ...</summary>
    public string Family { get; }

    /// <summary>Redraws a picture.</summary>
    /// <param name="image">The picture, at least 8 pixels wide and high; it is left as it is.</param>
    /// <param name="seed">Where the grain lies and pieces are cut; what the style is does not depend on it.</param>
    /// <returns>A picture of the same size.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The picture is smaller.</exception>
    public RgbImage Apply(RgbImage image, long seed)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(Math.Min(image.Width, image.Height), 8, nameof(image));
        return _apply(Picture.Of(image), new Noise(seed)).ToImage();
    }
}
