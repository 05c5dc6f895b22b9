using Whence.Torch.Diffusion;

namespace Whence.Tests.Torch.Diffusion;

/// <summary><c>scheduler_config.json</c> as people have it.</summary>
public class SchedulerSpecTests
{
    // As published with Stable Diffusion 1.5.
    private const string StableDiffusion = """
        { "_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
          "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null, "clip_sample": false }
        """;

    [Fact]
    public void A_new_one_is_Stable_Diffusions() => AssertSame(new SchedulerSpec(), Read(StableDiffusion));

    [Fact]
    public void Keys_that_are_not_there_are_as_diffusers_has_them()
    {
        var ddim = Read("""{ "_class_name": "DDIMScheduler" }""");
        Assert.Equal(
            (SchedulerKind.Ddim, 1000, BetaSchedule.Linear, 0.0001, 0.02, 0, true, true, PredictionType.Epsilon),
            (ddim.Kind, ddim.TrainSteps, ddim.BetaSchedule, ddim.BetaStart, ddim.BetaEnd, ddim.StepsOffset, ddim.SetAlphaToOne, ddim.ClipSample, ddim.Prediction));
        Assert.False(Read("""{ "_class_name": "EulerDiscreteScheduler" }""").ClipSample);
    }

    public static TheoryData<string> Files =>
    [
        StableDiffusion,
        """{ "_class_name": "DDPMScheduler", "variance_type": "fixed_large", "clip_sample_range": 2.5, "prediction_type": "v_prediction", "beta_schedule": "squaredcos_cap_v2" }""",
        """{ "_class_name": "DDIMScheduler", "num_train_timesteps": 3, "trained_betas": [0.1, 0.2, 0.3], "timestep_spacing": "trailing" }""",
        """{ "_class_name": "DPMSolverMultistepScheduler", "solver_order": 3, "algorithm_type": "dpmsolver", "solver_type": "heun", "lower_order_final": false, "lambda_min_clipped": -Infinity }""",
        """{ "_class_name": "DPMSolverMultistepScheduler", "final_sigmas_type": "zero", "variance_type": null, "use_karras_sigmas": false }""",
        """{ "_class_name": "EulerDiscreteScheduler", "interpolation_type": "linear", "sigma_min": null, "timestep_spacing": "leading" }""",
        """{ "_class_name": "HeunDiscreteScheduler", "use_karras_sigmas": true, "beta_start": 0.5, "somethingNew": {"a": [1, "NaN"]} }""",
    ];

    [Theory]
    [MemberData(nameof(Files))]
    public void What_is_written_is_read_again(string json)
    {
        using var folder = new TempFolder();
        var spec = Read(json);
        spec.Save(folder["scheduler_config.json"]);
        AssertSame(spec, SchedulerSpec.Load(folder["scheduler_config.json"]));
    }

    [Theory]
    [InlineData("""{ "_class_name": "HeunDiscreteScheduler" }""", "_class_name \"HeunDiscreteScheduler\"")]
    [InlineData("""{ "_class_name": "PNDMScheduler" }""", "skip_prk_steps false")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "thresholding": true }""", "thresholding true")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "rescale_betas_zero_snr": true }""", "rescale_betas_zero_snr true")]
    [InlineData("""{ "_class_name": "DDPMScheduler", "variance_type": "learned_range" }""", "variance_type \"learned_range\"")]
    [InlineData("""{ "_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++" }""", "algorithm_type \"sde-dpmsolver++\"")]
    [InlineData("""{ "_class_name": "DPMSolverMultistepScheduler", "use_karras_sigmas": true }""", "use_karras_sigmas true")]
    [InlineData("""{ "_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -5.1 }""", "lambda_min_clipped -5.1")]
    [InlineData("""{ "_class_name": "EulerDiscreteScheduler", "final_sigmas_type": "sigma_min" }""", "final_sigmas_type \"sigma_min\"")]
    [InlineData("""{ "_class_name": "EulerDiscreteScheduler", "of_the_future": 1 }""", "of_the_future 1")]
    public void What_would_change_the_images_is_refused_when_it_is_sampled_with_and_can_be_got_around(string json, string part)
    {
        var spec = Read(json);
        var error = Assert.Throws<WhenceException>(() => Scheduler.Create(spec, 10));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.Contains("--scheduler ddim", error.Message, StringComparison.Ordinal);
        _ = new NoiseSchedule(spec);
        var other = spec.Kind == SchedulerKind.Euler ? SchedulerKind.Pndm : SchedulerKind.Euler;
        if (!json.Contains("rescale", StringComparison.Ordinal) && !json.Contains("karras", StringComparison.Ordinal))
        {
            Scheduler.Create(spec.As(other), 10).Dispose();
        }
    }

    [Fact]
    public void Another_way_of_sampling_keeps_the_noise_and_what_the_file_said()
    {
        var spec = Read(StableDiffusion).As(SchedulerKind.Ddim);
        Assert.Equal((SchedulerKind.Ddim, 1, false, false, 0.012), (spec.Kind, spec.StepsOffset, spec.SetAlphaToOne, spec.ClipSample, spec.BetaEnd));
        var spaced = Read("""{ "_class_name": "PNDMScheduler", "timestep_spacing": "leading" }""");
        Assert.Null(spaced.As(SchedulerKind.DpmSolver).Spacing);
        Assert.Same(spaced, spaced.As(SchedulerKind.Pndm));
        Scheduler.Create(Read("""{ "_class_name": "UniPCMultistepScheduler", "predict_x0": true, "thresholding": true }""").As(SchedulerKind.Pndm), 5).Dispose();
    }

    [Theory]
    [InlineData("", "not a usable scheduler_config.json")]
    [InlineData("[]", "not an object")]
    [InlineData("{}", "'_class_name' is missing")]
    [InlineData("""{ "_class_name": 3 }""", "_class_name is 3, but must be a text")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "num_train_timesteps": 1 }""", "num_train_timesteps is 1")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "num_train_timesteps": 2000000000 }""", "num_train_timesteps is 2000000000")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "num_train_timesteps": 10.5 }""", "a whole number")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "beta_start": NaN }""", "beta_start is \"NaN\"")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "beta_end": 1e999 }""", "beta_end is 1e999")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "beta_end": 1 }""", "beta_end is 1, but must be above 0 and below 1")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "beta_schedule": "sigmoid" }""", "known are linear, scaled_linear, squaredcos_cap_v2")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "prediction_type": "sample" }""", "known are epsilon, v_prediction")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "trained_betas": [0.1] }""", "a list of 1")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "trained_betas": ["a"] }""", "a list of numbers")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "steps_offset": -1 }""", "steps_offset is -1")]
    [InlineData("""{ "_class_name": "DPMSolverMultistepScheduler", "solver_order": 4 }""", "1, 2 or 3")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "clip_sample": "yes" }""", "true or false")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "steps_offset": 1, "steps_offset": 0 }""", "uplicate")]
    [InlineData("""{ "_class_name": "\ud800" }""", "not a usable scheduler_config.json")]
    [InlineData("""{ "_class_name": "DDIMScheduler", "\ud800": true }""", "not a usable scheduler_config.json")]
    public void A_damaged_file_is_named_with_what_is_wrong(string json, string part)
    {
        var error = Assert.Throws<WhenceException>(() => Read(json));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.Contains("scheduler_config.json", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void What_is_no_file_is_not_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "devices");
        using var folder = new TempFolder();
        File.CreateSymbolicLink(folder["scheduler_config.json"], "/dev/zero");
        Assert.Contains("not a regular file", Assert.Throws<WhenceException>(() => SchedulerSpec.Load(folder["scheduler_config.json"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1e-9, 0.012, 1000, "the image without noise at the first step")]
    [InlineData(0.1, 0.9, 1000, "nothing of the image at the last step")]
    public void Noise_that_float32_cannot_tell_from_none_or_all_is_refused(double first, double last, int steps, string part) =>
        Assert.Contains(part, Assert.Throws<WhenceException>(() => new NoiseSchedule(new SchedulerSpec { BetaStart = first, BetaEnd = last, TrainSteps = steps })).Message, StringComparison.Ordinal);

    private static SchedulerSpec Read(string json)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["scheduler_config.json"], json);
        return SchedulerSpec.Load(folder["scheduler_config.json"]);
    }

    private static void AssertSame(SchedulerSpec expected, SchedulerSpec actual)
    {
        Assert.Equal(expected.Unsupported.OrderBy(option => option.Key), actual.Unsupported.OrderBy(option => option.Key));
        Assert.Equal(expected.TrainedBetas, actual.TrainedBetas);
        Assert.Equal(
            expected with { Unsupported = actual.Unsupported, TrainedBetas = null }, actual with { TrainedBetas = null });
    }
}
