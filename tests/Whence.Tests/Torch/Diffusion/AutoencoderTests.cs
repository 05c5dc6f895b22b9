using Whence.Tests.Torch.Encoders;
using Whence.Torch.Diffusion;
using Whence.Torch.Training;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion;

public class AutoencoderTests
{
    [Fact]
    public void Gives_the_references_moments_samples_and_images()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var network = GoldenDiffusion.Autoencoder();
        using var golden = SafetensorsFile.Open(GoldenDiffusion.Path("vae_io.safetensors"));
        var moments = network.Moments(golden.Tensor("image"));
        GoldenDiffusion.AssertClose(golden, "moments", moments);
        var (mean, logVariance) = Autoencoder.Split(moments);
        GoldenDiffusion.AssertClose(golden, "mean", mean);
        GoldenDiffusion.AssertClose(golden, "logvar", logVariance);
        GoldenDiffusion.AssertClose(golden, "std", (logVariance / 2).exp());
        var sample = Autoencoder.Sample(moments, golden.Tensor("noise"));
        GoldenDiffusion.AssertClose(golden, "sample", sample);
        GoldenDiffusion.AssertClose(golden, "decoded", network.Decode(golden.Tensor("sample")));
    }

    [Fact]
    public void Variances_stay_within_bounds()
    {
        using var scope = NewDisposeScope();
        var (_, logVariance) = Autoencoder.Split(cat([zeros(1, 1, 1, 2), tensor(new float[] { 1000, -1000 }).view(1, 1, 1, 2)], 1));
        Assert.Equal([20f, -30f], logVariance.data<float>().ToArray());
    }

    [Fact]
    public void Names_and_shapes_of_the_full_size_are_Stable_Diffusions_older_ones()
    {
        using var scope = NewDisposeScope();
        using var network = new Autoencoder(new AutoencoderSpec(), META);
        Manifest.AssertHoldsFile(GoldenDiffusion.Path("manifests/sd1_vae.json"), network, new() { Name = "older names", Source = name => new(CompVisNames.OlderAttention(name)) });
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(4, 16)]
    public void Patches_of_pixels_make_cells_larger(int patch, int factor)
    {
        using var scope = NewDisposeScope();
        var spec = new AutoencoderSpec { BlockChannels = [8, 8, 8], NormGroups = 4, LayersPerBlock = 1, PatchSize = patch, LatentChannels = 3 };
        Assert.Equal(factor, spec.Factor);
        using var network = new Autoencoder(spec, CPU);
        FirstWeights.Fill(network, 1);
        var moments = network.Moments(randn(2, 3, 32, 48));
        Assert.Equal([2, 6, 32 / factor, 48 / factor], moments.shape);
        Assert.Equal([2, 3, 32, 48], network.Decode(moments.narrow(1, 0, 3)).shape);
    }
}
