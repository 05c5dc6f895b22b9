using Whence.Encoders;
using Whence.Images;

namespace Whence.Tests;

/// <summary>A quick stand-in for a network: the means of 4 x 4 patches of the crop, three channels, minus one half.</summary>
internal sealed class PatchEncoder(int maxBatch = 4) : IImageEncoder
{
    private const int Side = 16;
    private const int Patches = 4;

    public EncoderSpec Spec { get; } = new()
    {
        Name = "patches",
        Dimension = 3 * Patches * Patches,
        Preprocessing = new PreprocessingSpec { Resize = Side, Crop = Side, Interpolation = Interpolation.Bilinear },
        Model = new ModelFile { File = "none.onnx", Sha256 = new string('0', 64) },
    };

    public int MaxBatch => maxBatch;

    /// <summary>Called with the number of images of every call, before it is answered.</summary>
    public Action<int>? OnEncode { get; init; }

    /// <summary>May change the features of every call.</summary>
    public Action<float[]>? AfterEncode { get; init; }

    public void Encode(ReadOnlySpan<float> images, Span<float> features)
    {
        OnEncode?.Invoke(features.Length / Spec.Dimension);
        const int patch = Side / Patches;
        for (var f = 0; f < features.Length; f++)
        {
            var (plane, cell) = (f / (Patches * Patches), f % (Patches * Patches));
            var sum = 0f;
            for (var i = 0; i < patch * patch; i++)
            {
                var (y, x) = ((cell / Patches * patch) + (i / patch), (cell % Patches * patch) + (i % patch));
                sum += images[(plane * Side * Side) + (y * Side) + x];
            }

            features[f] = (sum / (patch * patch)) - 0.5f;
        }

        if (AfterEncode is not null)
        {
            var copy = features.ToArray();
            AfterEncode(copy);
            copy.CopyTo(features);
        }
    }

    public void Dispose()
    {
    }
}
