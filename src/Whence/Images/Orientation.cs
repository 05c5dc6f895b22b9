using SkiaSharp;

namespace Whence.Images;

/// <summary>Turns a picture upright as its EXIF tag 0x0112 asks.</summary>
internal static class Orientation
{
    public static bool Turns(SKEncodedOrigin origin) => origin is > SKEncodedOrigin.TopLeft and <= SKEncodedOrigin.LeftBottom;

    /// <summary>The upright picture; the stored one's buffer goes back to the pool.</summary>
    public static RgbImage Turn(RgbImage image, SKEncodedOrigin origin, Func<int, int, RgbImage> allocate)
    {
        // Where in the stored picture the upright picture's (x, y) comes from: the origin, the step to the right, the step down.
        var (right, bottom, stride) = (image.Width - 1, image.Height - 1, image.Width);
        (bool Swapped, int Start, int Right, int Down) map = origin switch
        {
            SKEncodedOrigin.TopRight => (false, right, -1, stride),
            SKEncodedOrigin.BottomRight => (false, right + (bottom * stride), -1, -stride),
            SKEncodedOrigin.BottomLeft => (false, bottom * stride, 1, -stride),
            SKEncodedOrigin.LeftTop => (true, 0, stride, 1),
            SKEncodedOrigin.RightTop => (true, bottom * stride, -stride, 1),
            SKEncodedOrigin.RightBottom => (true, right + (bottom * stride), -stride, -1),
            SKEncodedOrigin.LeftBottom => (true, right, stride, -1),
            _ => (false, 0, 1, stride),
        };
        var upright = map.Swapped ? allocate(image.Height, image.Width) : allocate(image.Width, image.Height);
        var from = image.AsWords();
        var to = upright.AsWords();
        for (var y = 0; y < upright.Height; y++)
        {
            var source = map.Start + (y * map.Down);
            foreach (ref var pixel in to.Slice(y * upright.Width, upright.Width))
            {
                pixel = from[source];
                source += map.Right;
            }
        }

        image.Return();
        return upright;
    }
}
