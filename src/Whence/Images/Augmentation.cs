namespace Whence.Images;

/// <summary>How a picture is changed at random to make further views of it (appendix B.2 of the paper).</summary>
public enum Augmentation
{
    /// <summary>
    /// Horizontal flip, resize and crop. The paper gives no range; the crop's is that of <see cref="Strong"/>, so that the two differ in colours only.
    /// </summary>
    Mild,

    /// <summary>
    /// The two global views of DINO (Caron et al. 2021), either with equal chance and without the small crops: as <see cref="Mild"/>, then colour jitter,
    /// grayscale, Gaussian blur and solarisation.
    /// </summary>
    Strong,
}
