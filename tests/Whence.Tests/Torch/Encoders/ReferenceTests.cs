using System.Security.Cryptography;
using Whence.Encoders;
using Whence.Torch.Encoders;
using Whence.Vectors;

namespace Whence.Tests.Torch.Encoders;

/// <summary>The reference's own encoders, from checkpoint files and their specs, against what the originals gave.</summary>
public sealed class ReferenceTests : IDisposable
{
    private static readonly VisionTransformerSpec Small = new() { Family = VisionTransformerFamily.Dino, ImageSize = 32, PatchSize = 8, Width = 48, Depth = 3, Heads = 4 };
    private readonly TempFolder _temp = new();

    public static TheoryData<string, string, NetworkSpec, int, string> Cases => new()
    {
        { "timm_vit", "weights.safetensors", Small with { Family = VisionTransformerFamily.Timm }, 48, "feature" },
        { "dino", "weights.pth", Small, 48, "feature" },
        { "moco", "checkpoint.pth.tar", Small with { Family = VisionTransformerFamily.Moco, Depth = 2, Heads = 6 }, 48, "feature" },
        { "clip", "weights.safetensors", Small with { Family = VisionTransformerFamily.Clip, Width = 128, Depth = 2, Heads = 2 }, 24, "image_features" },
        { "resnet18", "weights.safetensors", new ResNetSpec { Depth = 18, Width = 8 }, 64, "pooled" },
        { "resnet50", "weights.safetensors", new ResNetSpec { Depth = 50, Width = 8 }, 256, "pooled" },
        { "sscd", "weights_classy.safetensors", new ResNetSpec { Depth = 50, Width = 8, Head = ResNetHead.Sscd }, 24, "feature" },
    };

    public void Dispose() => _temp.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_encoder_gives_what_the_original_gave(string folder, string file, NetworkSpec network, int dimension, string feature)
    {
        using var encoder = Open(SharedData.Get("reference", "encoders", folder, file), network, dimension, WriteReference(folder, feature));
        using var reference = EncoderReference.Open(_temp["r.safetensors"]);
        var check = ReferenceCheck.Run(encoder, reference, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Null(check.FirstDifference);
        Assert.All(check.Comparisons, comparison => Assert.Equal((EncodingStep.Network, EncodingStep.Network), (comparison.First, comparison.Last)));
    }

    [Fact]
    public void Other_weights_of_the_same_network_are_told_as_the_network()
    {
        using var encoder = Open(SharedData.Get("reference", "encoders", "timm_vit", "weights.safetensors"), Small with { Family = VisionTransformerFamily.Timm }, 48, WriteReference("dino", "feature"));
        using var reference = EncoderReference.Open(_temp["r.safetensors"]);
        var difference = ReferenceCheck.Run(encoder, reference, cancellationToken: TestContext.Current.CancellationToken).FirstDifference!;
        Assert.Equal(EncodingStep.Network, difference.Last);
        Assert.True(difference.Cosine < 0.9 && difference.Mean > 0 && difference.Largest > difference.Mean);
    }

    /// <summary>Returns the side of the images.</summary>
    private int WriteReference(string folder, string feature)
    {
        using var golden = SafetensorsFile.Open(SharedData.Get("reference", "encoders", folder, "io.safetensors"));
        var input = golden.Tensors.ContainsKey("input") ? "input" : "image";
        var (shape, values, features) = (golden.Tensors[input].Shape, golden.ReadSingle(input), golden.ReadSingle(feature));
        var (n, side) = ((int)shape[0], (int)shape[2]);
        var (length, dimension) = (values.Length / n, features.Length / n);
        SafetensorsFile.Write(
            _temp["r.safetensors"],
            [.. Enumerable.Range(0, n).SelectMany(i => new[]
            {
                TensorData.FromSingle($"{i}.normalized", values.AsSpan(i * length, length), 3, side, side),
                TensorData.FromSingle($"{i}.feature", features.AsSpan(i * dimension, dimension), dimension),
            })],
            new Dictionary<string, string> { ["format"] = "whence-encoder-reference", ["version"] = "1" });
        return side;
    }

    private static IImageEncoder Open(string weights, NetworkSpec network, int dimension, int side) => ImageEncoders.Open(new EncoderSpec
    {
        Name = "golden",
        Dimension = dimension,
        Preprocessing = new() { Resize = side, Crop = side },
        Network = network,
        Model = new ModelFile { File = weights, Sha256 = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(weights))) },
    });
}
