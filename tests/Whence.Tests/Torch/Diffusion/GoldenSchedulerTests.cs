using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Torch.Diffusion;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion;

/// <summary>Trajectories of diffusers with a noise model that is a formula.</summary>
public class GoldenSchedulerTests
{
    private const float Absolute = 1e-5f, Relative = 1e-4f;

    public static TheoryData<string> Names =>
    [
        "ddim_eta0", "ddim_eta1", "ddim_plain", "pndm", "dpmsolver_pp", "dpmsolver_pp_heun", "dpmsolver", "dpmsolver_pp_order3", "dpmsolver_pp_order1", "euler", "ddpm_small", "ddpm_large50",
    ];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_step_is_that_of_diffusers(string name)
    {
        using var golden = SafetensorsFile.Open(SharedData.Get("reference", "diffusion", "schedulers.safetensors"));
        using var json = JsonDocument.Parse(File.ReadAllText(SharedData.Get("reference", "diffusion", "schedulers.json")));
        var entry = json.RootElement.GetProperty(name);
        var every = entry.GetProperty("record_every").GetInt32();
        var absolute = name == "ddpm_small" ? 1e-4f : Absolute;
        using var scope = NewDisposeScope();
        using var scheduler = Scheduler.Create(
            SpecOf(entry), entry.GetProperty("steps").GetInt32(), entry.TryGetProperty("eta", out var eta) ? eta.GetDouble() : 0);

        AssertClose(golden.ReadSingle(name + ".timesteps"), [.. scheduler.Timesteps.Select(t => (float)t)], 0);
        Assert.Equal(entry.GetProperty("init_noise_sigma").GetDouble(), scheduler.InitNoiseSigma, 1e-5);
        var (states, predictions) = (Tensor("x"), Tensor("eps"));
        var noise = golden.Tensors.ContainsKey(name + ".noise") ? Tensor("noise") : null;
        var (x, recorded) = (states[0], 0);
        for (var i = 0; i < scheduler.Timesteps.Count; i++)
        {
            var prediction = ToyNoise(scheduler.ScaleModelInput(i, x), scheduler.Timesteps[i]);
            x = scheduler.Step(i, prediction, x, scheduler.TakesNoise(i) ? noise![i] : null);
            if ((i + 1) % every == 0 || i + 1 == scheduler.Timesteps.Count)
            {
                AssertClose(Values(predictions[recorded]), Values(prediction), absolute);
                AssertClose(Values(states[++recorded]), Values(x), absolute);
            }
        }

        Assert.Equal(states.shape[0] - 1, recorded);

        Tensor Tensor(string part) => tensor(golden.ReadSingle($"{name}.{part}"), [.. golden.Tensors[$"{name}.{part}"].Shape]);
    }

    [Fact]
    public void Eulers_sigmas_are_those_of_diffusers()
    {
        using var golden = SafetensorsFile.Open(SharedData.Get("reference", "diffusion", "schedulers.safetensors"));
        using var euler = new EulerScheduler(new SchedulerSpec { Kind = SchedulerKind.Euler }, 30);
        AssertClose(golden.ReadSingle("euler.sigmas"), [.. euler.Sigmas.Select(sigma => (float)sigma)], Absolute);
    }

    [Fact]
    public void Betas_and_their_products_are_those_of_diffusers()
    {
        using var golden = SafetensorsFile.Open(SharedData.Get("reference", "diffusion", "schedulers.safetensors"));
        var noise = new NoiseSchedule(new SchedulerSpec());
        foreach (var (name, values) in new[] { ("betas", noise.Betas), ("alphas_cumprod", noise.AlphasCumprod) })
        {
            // float32 within its last bits: PyTorch's own depend on how wide its vectors are.
            Assert.All(golden.ReadSingle(name).Zip(values), pair => Assert.InRange(pair.Second / pair.First, 1 - 1e-6f, 1 + 1e-6f));
        }
    }

    [Theory]
    [InlineData(PredictionType.Epsilon)]
    [InlineData(PredictionType.Velocity)]
    public void Noise_is_added_and_the_target_made_as_by_diffusers(PredictionType prediction)
    {
        using var golden = SafetensorsFile.Open(SharedData.Get("reference", "diffusion", "schedulers.safetensors"));
        using var scope = NewDisposeScope();
        var schedule = new NoiseSchedule(new SchedulerSpec { Prediction = prediction });
        var (images, noise) = (Of("x0"), Of("noise"));
        var timesteps = tensor(golden.ReadInt64("add_noise.timesteps"));
        AssertClose(golden.ReadSingle("add_noise.noisy"), Values(schedule.AddNoise(images, noise, timesteps)), Absolute);
        AssertClose(golden.ReadSingle("add_noise.velocity"), Values(schedule.Velocity(images, noise, timesteps)), Absolute);
        AssertClose(golden.ReadSingle(prediction == PredictionType.Epsilon ? "add_noise.noise" : "add_noise.velocity"), Values(schedule.Target(images, noise, timesteps)), Absolute);

        Tensor Of(string part) => tensor(golden.ReadSingle("add_noise." + part), [.. golden.Tensors["add_noise." + part].Shape]);
    }

    /// <summary>The reference's noise model.</summary>
    internal static Tensor ToyNoise(Tensor x, double t) => ((0.5 * x).tanh() * (0.6 + (0.4 * Math.Cos(t / 200)))) + (0.1 * ((2 * x) + (0.01 * t)).sin());

    private static SchedulerSpec SpecOf(JsonElement entry)
    {
        using var folder = new TempFolder();
        var config = JsonNode.Parse(entry.GetProperty("config").GetRawText())!.AsObject();
        config["_class_name"] = entry.GetProperty("class").GetString();
        var path = Path.Combine(folder.Path, "scheduler_config.json");
        File.WriteAllText(path, config.ToJsonString());
        return SchedulerSpec.Load(path);
    }

    private static float[] Values(Tensor tensor) => tensor.contiguous().data<float>().ToArray();

    private static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float absolute)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= absolute + (Relative * MathF.Abs(expected[i])), $"value {i} is {actual[i]} instead of {expected[i]}");
        }
    }
}
