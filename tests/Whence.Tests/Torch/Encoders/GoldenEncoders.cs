using Whence.Encoders;
using Whence.Torch.Encoders;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders;

/// <summary>The tiny encoders of <c>../shared/reference/encoders</c>, and what they must give.</summary>
internal sealed class GoldenEncoders : IDisposable
{
    public static readonly VisionTransformerSpec Timm = Spec(VisionTransformerFamily.Timm, 48, 3, 4);
    public static readonly VisionTransformerSpec Dino = Spec(VisionTransformerFamily.Dino, 48, 3, 4);
    public static readonly VisionTransformerSpec Moco = Spec(VisionTransformerFamily.Moco, 48, 2, 6);
    public static readonly VisionTransformerSpec Clip = Spec(VisionTransformerFamily.Clip, 128, 2, 2);

    private readonly SafetensorsFile _values;

    public GoldenEncoders(string folder) => _values = SafetensorsFile.Open(File(folder, "io.safetensors"));

    public static string File(string folder, string name) => SharedData.Get("reference", "encoders", folder, name);

    public static VisionTransformer Load(VisionTransformerSpec spec, string path)
    {
        using var checkpoint = Checkpoint.Open(path);
        return VisionTransformerWeights.Load(spec, spec.Family == VisionTransformerFamily.Clip ? 24 : spec.Width, checkpoint);
    }

    public Tensor Input(string name = "input") => tensor(_values.ReadSingle(name), [.. _values.Tensors[name].Shape]);

    public float[] Values(string name) => _values.ReadSingle(name);

    public void AssertClose(string expected, Tensor actual)
    {
        Assert.Equal(_values.Tensors[expected].Shape, actual.shape);
        AssertClose(_values.ReadSingle(expected), actual.to_type(ScalarType.Float32).contiguous().data<float>().ToArray());
    }

    /// <summary>Within the reference's tolerance.</summary>
    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        const float Absolute = 1e-5f, Relative = 1e-4f;
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(
                MathF.Abs(expected[i] - actual[i]) <= Absolute + (Relative * MathF.Abs(expected[i])), $"value {i} is {actual[i]} instead of {expected[i]}");
        }
    }

    public void Dispose() => _values.Dispose();

    private static VisionTransformerSpec Spec(VisionTransformerFamily family, int width, int depth, int heads) =>
        new() { Family = family, ImageSize = 32, PatchSize = 8, Width = width, Depth = depth, Heads = heads };
}
