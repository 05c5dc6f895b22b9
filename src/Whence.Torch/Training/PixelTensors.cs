using Whence.Datasets;
using Whence.Images;
using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Torch.Training;

/// <summary>How a picture is shown.</summary>
/// <param name="Flipped">Whether left and right are exchanged, before it is moved.</param>
/// <param name="Right">Pixels that it is moved to the right; less than 0 for the left. What comes in repeats the edge.</param>
/// <param name="Down">Pixels that it is moved down.</param>
internal readonly record struct Placement(bool Flipped, int Right, int Down);

/// <summary>Tensors of pictures, and pictures of tensors.</summary>
internal static class PixelTensors
{
    /// <summary>Images as n x 3 x size x size, from -1 to 1.</summary>
    /// <param name="images">All images.</param>
    /// <param name="which">Those that are taken.</param>
    /// <param name="place">How each is shown, asked in order; null: as it is.</param>
    public static Tensor Of(CaptionedImages images, IReadOnlyList<int> which, Func<Placement>? place = null)
    {
        var size = images.Size;
        var x = empty(which.Count, 3, size, size);
        var values = TensorValues.Of(x);
        var offsets = new int[size * size];
        foreach (var (i, image) in which.Index())
        {
            Offsets(offsets, size, place?.Invoke() ?? default);
            var pixels = images.Pixels(image);
            for (var channel = 0; channel < 3; channel++)
            {
                var plane = values.Slice(((i * 3) + channel) * offsets.Length, offsets.Length);
                for (var p = 0; p < plane.Length; p++)
                {
                    plane[p] = (pixels[offsets[p] + channel] / 127.5f) - 1;
                }
            }
        }

        return x;
    }

    /// <summary>n x 3 x h x w from -1 to 1 as n pictures; what lies outside is cut.</summary>
    public static IReadOnlyList<RgbImage> ToImages(Tensor images)
    {
        using var scope = NewDisposeScope();
        var bytes = ((images.detach().to(ScalarType.Float32) * 127.5f) + 127.5f).clamp(0, 255).round().to(ScalarType.Byte).permute(0, 2, 3, 1).contiguous();
        var (height, width) = ((int)bytes.shape[1], (int)bytes.shape[2]);
        var all = bytes.bytes;
        var pictures = new List<RgbImage>();
        for (var i = 0; i < bytes.shape[0]; i++)
        {
            pictures.Add(RgbImage.FromRgb(all.Slice(i * height * width * 3, height * width * 3), width, height));
        }

        return pictures;
    }

    // Where in an image's bytes each pixel of what is shown begins.
    private static void Offsets(int[] offsets, int size, Placement placement)
    {
        for (var y = 0; y < size; y++)
        {
            var row = Math.Clamp(y - placement.Down, 0, size - 1);
            for (var x = 0; x < size; x++)
            {
                var column = Math.Clamp(x - placement.Right, 0, size - 1);
                offsets[(y * size) + x] = 3 * ((row * size) + (placement.Flipped ? size - 1 - column : column));
            }
        }
    }
}
