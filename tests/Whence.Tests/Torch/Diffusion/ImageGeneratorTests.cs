using TorchSharp;
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

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    public void Latents_are_the_same_to_the_bit_alone_and_together_where_that_is_asked_for(double guidance)
    {
        TorchRuntime.UseAllCores();
        using var scope = NewDisposeScope();
        using var unet = GoldenDiffusion.UNet();
        var generator = new Generator(3);
        var (noise, conditional, unconditional) = (randn([3, 4, 5, 7], generator: generator), randn([3, 9, 32], generator: generator), randn([3, 9, 32], generator: generator));
        var fresh = Enumerable.Range(0, 4).Select(_ => randn([3, 4, 5, 7], generator: generator)).ToArray();
        var alone = cat([.. Enumerable.Range(0, 3).Select(i => Run(Row(noise, i), Row(conditional, i), Row(unconditional, i), [.. fresh.Select(f => Row(f, i))], exact: false))]);
        Assert.True(alone.Equals(Run(noise, conditional, unconditional, fresh, exact: true)));
        Assert.True(alone.allclose(Run(noise, conditional, unconditional, fresh, exact: false), 1e-4, 1e-4));

        Tensor Run(Tensor noise, Tensor conditional, Tensor unconditional, Tensor[] fresh, bool exact)
        {
            var step = 0;
            using var scheduler = Scheduler.Create(new SchedulerSpec { Kind = SchedulerKind.Ddim }, 4, eta: 1);
            return new GuidedSampling(unet, scheduler, guidance, exact).Run(noise, conditional, unconditional, () => fresh[step++]);
        }

        static Tensor Row(Tensor tensor, int i) => tensor.narrow(0, i, 1);
    }

    [Fact]
    public void The_noise_is_PyTorchs_of_the_seed()
    {
        // torch.randn(4, 4) of PyTorch after manual_seed(0), its first three numbers.
        using var scope = NewDisposeScope();
        var first = randn([1, 4, 2, 2], generator: new Generator(0)).data<float>().Take(3).ToArray();
        Assert.Equal([-1.1258f, -1.1524f, -0.2506f], first.Select(x => MathF.Round(x, 4)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Without_guidance_one_of_the_prompts_alone_counts(double guidance)
    {
        using var model = GoldenDiffusion.Model();
        var generator = new ImageGenerator(model, new() { Steps = 2, Guidance = guidance });
        var request = new GenerationRequest { Prompt = "a cat", NegativePrompt = "a dog" };
        var (other, negative) = (Draw(request with { Prompt = "a red circle" }), Draw(request with { NegativePrompt = "blue" }));
        Assert.Equal((guidance == 0, guidance == 1), (other.SequenceEqual(Draw(request)), negative.SequenceEqual(Draw(request))));

        byte[] Draw(GenerationRequest one) => Bytes(generator.Generate([one]).Single());
    }

    [Fact]
    public void Progress_counts_steps_and_images_and_cancelling_keeps_what_is_ready()
    {
        using var model = GoldenDiffusion.Model();
        var generator = new ImageGenerator(model, new() { Steps = 3, Batch = 2, Scheduler = model.Scheduler.As(SchedulerKind.Ddim) });
        GenerationRequest[] requests = [.. Enumerable.Range(0, 3).Select(i => new GenerationRequest { Prompt = "a cat", Seed = i })];
        var steps = new List<(int, int, int)>();
        Assert.Equal(3, generator.Generate(requests, new Recorder(p => steps.Add((p.Done, p.Step, p.AtWork)))).Count());
        Assert.Equal([(0, 1, 2), (0, 2, 2), (0, 3, 2), (2, 0, 1), (2, 1, 1), (2, 2, 1), (2, 3, 1), (3, 0, 0)], steps);

        using var stop = new CancellationTokenSource();
        var ready = new List<GeneratedImage>();
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (var image in generator.Generate(requests, new Recorder(p => Cancel(p.Done == 2 && p.Step == 1)), stop.Token))
            {
                ready.Add(image);
            }
        });
        Assert.Equal([0, 1], ready.Select(image => (int)image.Request.Seed));

        void Cancel(bool now)
        {
            if (now)
            {
                stop.Cancel();
            }
        }
    }

    [Fact]
    public void No_tensor_outlives_the_images()
    {
        using var model = GoldenDiffusion.Model();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        foreach (var kind in Enum.GetValues<SchedulerKind>())
        {
            _ = new ImageGenerator(model, new() { Steps = 3, Batch = 2, Scheduler = model.Scheduler.As(kind) }).Generate(
                [new() { Prompt = "a" }, new() { Prompt = "b", Seed = 1 }, new() { Prompt = "c" }]).Count();
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void A_model_keeps_its_scheduler_and_tells_its_weights()
    {
        using var folder = new TempFolder();
        using var model = GoldenDiffusion.Model();
        model.Scheduler = new SchedulerSpec { Kind = SchedulerKind.Euler, Prediction = PredictionType.Velocity };
        model.Save(folder["one"]);
        using var again = DiffusionModel.Open(folder["one"]);
        Assert.Equal((SchedulerKind.Euler, PredictionType.Velocity, "one"), (again.Scheduler.Kind, again.Scheduler.Prediction, again.Name));
        Assert.Equal(model.WeightsSha256(), again.WeightsSha256());
        Assert.Contains("EulerDiscreteScheduler", File.ReadAllText(folder["one", "model_index.json"]), StringComparison.Ordinal);
        using var other = GoldenDiffusion.Model(seed: 8);
        Assert.NotEqual(model.WeightsSha256(), other.WeightsSha256());
        File.Delete(folder["one", "scheduler", "scheduler_config.json"]);
        Assert.Contains("scheduler_config.json", Assert.Throws<WhenceException>(() => DiffusionModel.Open(folder["one"])).Message, StringComparison.Ordinal);
    }

    private sealed class Recorder(Action<GenerationProgress> record) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => record(value);
    }
}
