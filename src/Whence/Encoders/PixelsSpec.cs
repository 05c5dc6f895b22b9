namespace Whence.Encoders;

/// <summary>
/// No network: the feature is the prepared image itself, 3 x crop x crop values. What a network must beat, and a finder of copies.
/// </summary>
public sealed record PixelsSpec : NetworkSpec
{
    // That the dimension fits the crop, the encoder's spec checks.
    internal override void Validate(int dimension)
    {
    }
}
