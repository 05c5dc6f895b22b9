using Whence.Encoders.Text;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion;

/// <summary>The tiny networks of <c>shared/reference/diffusion</c> and what they give.</summary>
internal static class GoldenDiffusion
{
    public static string Path(string name) => SharedData.Get("reference", "diffusion", name);

    public static UNet UNet()
    {
        using var file = Checkpoint.Open(Path("unet.safetensors"));
        var spec = UNetSpec.Load(Path("unet_config.json"));
        return WeightLoading.Load(device => new UNet(spec, device), file, new() { Name = "diffusers' names" });
    }

    public static Autoencoder Autoencoder()
    {
        using var file = Checkpoint.Open(Path("vae.safetensors"));
        var spec = AutoencoderSpec.Load(Path("vae_config.json"));
        return WeightLoading.Load(device => new Autoencoder(spec, device), file, new() { Name = "older names", Source = name => new(CompVisNames.OlderAttention(name)) });
    }

    /// <summary>A whole model of small sizes, whose weights are random.</summary>
    public static DiffusionModel Model(long seed = 7) => DiffusionModel.Create(
        new UNetSpec { SampleSize = 8, BlockChannels = [16, 32], DownAttention = [true, false], UpAttention = [false, true], Heads = [2, 2], NormGroups = 4, LayersPerBlock = 1, CrossAttentionWidth = 16 },
        new AutoencoderSpec { SampleSize = 16, BlockChannels = [8, 16], NormGroups = 4, LayersPerBlock = 1 },
        new ClipTextSpec { Width = 16, Depth = 2, Heads = 2, ContextLength = 20, Dimension = null },
        new ClipTokenizer(new ClipTokenizerOptions { ContextLength = 20, Padding = ClipPadding.EndToken }),
        seed);

    /// <summary>A tensor of a file of golden values; the caller's scope disposes it.</summary>
    public static Tensor Tensor(this SafetensorsFile file, string name)
    {
        long[] shape = [.. file.Tensors[name].Shape];
        return file.Tensors[name].Type == ElementType.I64 ? tensor(file.ReadInt64(name), shape) : TensorValues.ToTensor(file.ReadSingle(name), shape);
    }

    public static void AssertClose(SafetensorsFile file, string name, Tensor actual, float absolute = 2e-5f, float relative = 1e-4f)
    {
        Assert.Equal(file.Tensors[name].Shape, actual.shape);
        AssertClose(file.ReadSingle(name), TensorValues.Of(actual.to(ScalarType.Float32).contiguous()), absolute, relative, name);
    }

    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float absolute, float relative, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= absolute + relative * MathF.Abs(expected[i]), $"{what}[{i}] is {actual[i]}, should be {expected[i]}");
        }
    }

    /// <summary>All weights of a network, by name.</summary>
    public static Dictionary<string, float[]> Values(nn.Module network) =>
        network.state_dict().ToDictionary(pair => pair.Key, pair => TensorValues.Of(pair.Value.detach().to(ScalarType.Float32).contiguous()).ToArray());
}
