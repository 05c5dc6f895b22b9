using TorchSharp;
using Whence.Tests.Torch.Encoders;
using Whence.Torch.Diffusion;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion;

public class UNetTests
{
    [Fact]
    public void Gives_the_references_noise_and_every_part_on_the_way()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var network = GoldenDiffusion.UNet();
        using var golden = SafetensorsFile.Open(GoldenDiffusion.Path("unet_io.safetensors"));
        var seen = new List<string>();
        network.Observer = (name, value) =>
        {
            seen.Add(name);
            GoldenDiffusion.AssertClose(golden, "debug." + name, value);
        };
        GoldenDiffusion.AssertClose(golden, "eps", network.forward(golden.Tensor("latents"), golden.Tensor("timesteps"), golden.Tensor("context")));
        Assert.Equal(["time_embedding", "conv_in", "down_blocks.0", "down_blocks.1", "mid_block", "up_blocks.0", "up_blocks.1", "conv_norm_out"], seen);
        GoldenDiffusion.AssertClose(golden, "debug.time_proj", UNet.Waves(golden.Tensor("timesteps"), 32, cosineFirst: true, shift: 0));
        GoldenDiffusion.AssertClose(golden, "debug.mid_block", network.MidBlock(golden.Tensor("latents"), golden.Tensor("timesteps"), golden.Tensor("context")));
    }

    [Fact]
    public void Takes_sides_that_differ_and_times_that_are_no_whole_numbers()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var network = GoldenDiffusion.UNet();
        using var golden = SafetensorsFile.Open(GoldenDiffusion.Path("unet_io.safetensors"));
        var times = golden.Tensor("timesteps.nonsquare");
        foreach (var t in (Tensor[])[times, times.to(ScalarType.Float32)])
        {
            GoldenDiffusion.AssertClose(golden, "eps.nonsquare", network.forward(golden.Tensor("latents.nonsquare"), t, golden.Tensor("context.nonsquare")));
        }
    }

    [Fact]
    public void Takes_sides_that_halve_to_no_whole_number()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var network = GoldenDiffusion.UNet();
        Assert.Equal([1, 4, 7, 5], network.forward(randn(1, 4, 7, 5), tensor(new long[] { 3 }), randn(1, 2, 32)).shape);
    }

    [Fact]
    public void Names_and_shapes_of_the_full_size_are_Stable_Diffusions()
    {
        using var scope = NewDisposeScope();
        var spec = new UNetSpec();
        using var network = new UNet(spec, META);
        Manifest.AssertHoldsFile(GoldenDiffusion.Path("manifests/sd1_unet.json"), network, new() { Name = "diffusers' names" });
    }

    [Fact]
    public void Detaching_the_first_token_changes_gradients_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        using var network = GoldenDiffusion.UNet();
        using var golden = SafetensorsFile.Open(GoldenDiffusion.Path("unet_io.safetensors"));
        var key = network.get_parameter("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight")!;
        key.requires_grad_(true);
        var gradients = new List<float[]>();
        foreach (var detach in (bool[])[false, true])
        {
            network.DetachFirstToken = detach;
            var context = golden.Tensor("context").requires_grad_(true);
            var output = network.forward(golden.Tensor("latents"), golden.Tensor("timesteps"), context);
            GoldenDiffusion.AssertClose(golden, "eps", output.detach());
            output.square().sum().backward();
            gradients.Add(TensorValues.Of(key.grad!).ToArray());
            key.grad!.zero_();
            Assert.Equal(detach, context.grad!.narrow(1, 0, 1).abs().max().item<float>() == 0);
        }

        Assert.NotEqual(gradients[0], gradients[1]);
    }

    [Fact]
    public void Gradients_are_differences()
    {
        using var scope = NewDisposeScope();
        using var network = GoldenDiffusion.UNet().to(ScalarType.Float64);
        var x = randn([1, 4, 4, 4], dtype: ScalarType.Float64, generator: new Generator(1));
        var (t, context) = (tensor(new long[] { 17 }), randn([1, 3, 32], dtype: ScalarType.Float64, generator: new Generator(2)));
        foreach (var name in (string[])["conv_in.weight", "up_blocks.1.attentions.2.transformer_blocks.0.ff.net.0.proj.weight", "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"])
        {
            var weight = network.get_parameter(name)!;
            weight.requires_grad_(true);
            network.forward(x, t, context).square().sum().backward();
            var gradient = weight.grad!.flatten()[5].item<double>();
            weight.requires_grad_(false);
            using var none = no_grad();
            const double Step = 1e-5;
            weight.view(-1)[5].add_(Step);
            var above = network.forward(x, t, context).square().sum().item<double>();
            weight.view(-1)[5].sub_(2 * Step);
            var below = network.forward(x, t, context).square().sum().item<double>();
            weight.view(-1)[5].add_(Step);
            Assert.Equal((above - below) / (2 * Step), gradient, 1e-4 * Math.Max(1, Math.Abs(gradient)));
        }
    }

    [Fact]
    public void No_tensor_stays_alive()
    {
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope())
        using (var network = GoldenDiffusion.UNet())
        {
            var (x, t, context) = (randn(2, 4, 8, 8), tensor(new long[] { 3, 4 }), randn(2, 5, 32));
            var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            for (var i = 0; i < 3; i++)
            {
                network.forward(x, t, context).Dispose();
                network.MidBlock(x, t, context).Dispose();
                Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
            }
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
