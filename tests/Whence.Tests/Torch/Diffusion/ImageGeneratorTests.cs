using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion;

/// <summary>Images from prompts.</summary>
public class ImageGeneratorTests
{
    [Fact]
    public void Guided_sampling_is_that_of_diffusers()
    {
        TorchRuntime.UseAllCores();
        using var golden = SafetensorsFile.Open(GoldenDiffusion.Path("guided.safetensors"));
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var unet = GoldenDiffusion.UNet();
        using var autoencoder = GoldenDiffusion.Autoencoder();
        using var scheduler = Scheduler.Create(new SchedulerSpec { Kind = SchedulerKind.Ddim }, 10, eta: 1);
        Assert.Equal(golden.ReadInt64("timesteps"), scheduler.Timesteps.Select(t => (long)t));
        var sampling = new GuidedSampling(unet, scheduler, guidance: 6);
        var (conditional, unconditional, states, noise, guided) =
            (golden.Tensor("cond"), golden.Tensor("uncond"), golden.Tensor("x"), golden.Tensor("noise"), golden.Tensor("eps_guided"));

        // Each prediction where the reference stood, then the whole way.
        for (var i = 0; i < 10; i++)
        {
            AssertNear(guided[i], sampling.Predict(states[i], scheduler.Timesteps[i], conditional, unconditional), 1e-4f);
        }

        var step = 0;
        var latents = sampling.Run(states[0], conditional, unconditional, () => noise[step++], (done, x) => AssertNear(states[done], x, 1e-3f));
        Assert.Equal(10, step);
        var decoded = autoencoder.Decode(latents / 0.18215);
        var bytes = (((decoded / 2) + 0.5).clamp(0, 1) * 255).round().permute(0, 2, 3, 1).contiguous();
        Assert.InRange((bytes - tensor(Array.ConvertAll(golden.Bytes("image_uint8").ToArray(), b => (float)b), bytes.shape)).abs().max().item<float>(), 0, 1);

        static void AssertNear(Tensor expected, Tensor actual, float tolerance) =>
            Assert.InRange((expected - actual).abs().max().item<float>() / expected.abs().max().item<float>(), 0, tolerance);
    }

    [Theory]
    [InlineData(SchedulerKind.Ddim, 1)]
    [InlineData(SchedulerKind.Ddpm, 0)]
    [InlineData(SchedulerKind.DpmSolver, 0)]
    public void An_image_depends_on_its_seed_and_prompts_only(SchedulerKind kind, double eta)
    {
        using var model = GoldenDiffusion.Model();
        GenerationRequest[] requests =
        [
            .. Enumerable.Range(0, 5).Select(i => new GenerationRequest { Prompt = i < 3 ? "a red circle" : "a cat", NegativePrompt = i == 2 ? "blue" : "", Seed = i % 4 }),
        ];
        var options = new GenerationOptions { Steps = 5, Scheduler = model.Scheduler.As(kind), Eta = eta, Width = 24, Height = 16 };
        byte[][] alone = [.. requests.SelectMany(request => new ImageGenerator(model, options).Generate([request])).Select(Bytes)];
        Assert.Equal(5, alone.Select(Convert.ToHexString).Distinct().Count());
        foreach (var batch in new[] { 1, 2, 4, 5 })
        {
            Assert.Equal(alone, new ImageGenerator(model, options with { Batch = batch }).Generate(requests).Select(Bytes));
        }
    }

    private static byte[] Bytes(GeneratedImage generated)
    {
        var bytes = new byte[generated.Image.Width * generated.Image.Height * 3];
        generated.Image.CopyRgbTo(bytes);
        return bytes;
    }

    [Fact]
    public void PROBE()
    {
        TorchRuntime.UseAllCores();
        using var none = no_grad();
        using var unet = GoldenDiffusion.UNet();
        foreach (var side in new[] { 8, 16, 24 })
        {
            var x = randn([8, 4, side, side]);
            var c = randn([8, 77, 32]);
            var t = full([8], 500.0f);
            var all = unet.forward(x, t, c);
            foreach (var n in new[] { 1, 2, 4 })
            {
                var part = cat([.. Enumerable.Range(0, 8 / n).Select(i => unet.forward(x.narrow(0, i * n, n), t.narrow(0, 0, n), c.narrow(0, i * n, n)))]);
                var w = System.Diagnostics.Stopwatch.StartNew();
                for (var k = 0; k < 3; k++)
                {
                    for (var i = 0; i < 8 / n; i++)
                    {
                        unet.forward(x.narrow(0, i * n, n), t.narrow(0, 0, n), c.narrow(0, i * n, n));
                    }
                }

                var ms = w.ElapsedMilliseconds / 3.0;
                w.Restart();
                for (var k = 0; k < 3; k++)
                {
                    unet.forward(x, t, c);
                }

                Console.Error.WriteLine($"side {side} n {n}: max diff {(all - part).abs().max().item<float>()} ms {ms} against {w.ElapsedMilliseconds / 3.0}");
            }
        }
    }
}
