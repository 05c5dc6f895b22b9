using TorchSharp;
using Whence.Torch.Diffusion;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion;

/// <summary>What holds of every way of sampling.</summary>
public class SchedulerTests
{
    private const long Seed = 7;

    public static TheoryData<SchedulerKind, int> KindsAndSteps()
    {
        var data = new TheoryData<SchedulerKind, int>();
        foreach (var kind in Enum.GetValues<SchedulerKind>())
        {
            foreach (var steps in new[] { 2, 3, 7, 30, 333 })
            {
                data.Add(kind, steps);
            }
        }

        return data;
    }

    public static TheoryData<SchedulerKind> Kinds => [.. Enum.GetValues<SchedulerKind>()];

    [Theory]
    [MemberData(nameof(KindsAndSteps))]
    public void A_network_that_knows_the_image_leads_to_it(SchedulerKind kind, int steps)
    {
        using var scope = NewDisposeScope();
        var spec = new SchedulerSpec().As(kind);
        var image = randn([2, 4, 3, 5], generator: new Generator(Seed));
        using var scheduler = Scheduler.Create(spec, steps);
        var noise = new NoiseSchedule(spec);
        var x = randn([2, 4, 3, 5], generator: new Generator(Seed + 1)) * scheduler.InitNoiseSigma;
        for (var i = 0; i < scheduler.Timesteps.Count; i++)
        {
            var abar = Abar(noise, scheduler.Timesteps[i]);
            var eps = (scheduler.ScaleModelInput(i, x) - (Math.Sqrt(abar) * image)) / Math.Sqrt(1 - abar);
            x = scheduler.Step(i, eps, x, scheduler.TakesNoise(i) ? randn_like(x) : null);
        }

        // The noise of step 0 is left in, and PNDM's transfer is one of the third order.
        var (worst, left) = ((x - image).abs().max().item<float>(), Math.Sqrt(1 - noise.AlphasCumprod[0]));
        Assert.InRange(worst, 0, kind == SchedulerKind.Pndm && steps < 30 ? double.MaxValue : (5 * left) + 0.01);
    }

    // Steps that are not all as far apart.
    [Theory]
    [InlineData(TimestepSpacing.Linspace, 3)]
    [InlineData(TimestepSpacing.Trailing, 7)]
    public void DDPM_goes_to_the_step_that_it_asks_about_next(TimestepSpacing spacing, int steps)
    {
        using var scope = NewDisposeScope();
        var spec = new SchedulerSpec { Kind = SchedulerKind.Ddpm, Spacing = spacing };
        using var scheduler = Scheduler.Create(spec, steps);
        var abars = new NoiseSchedule(spec).AlphasCumprod;
        var (x, eps, noise) = (ones(1, 1, 1, 1), full([1, 1, 1, 1], 0.5f), full([1, 1, 1, 1], 0.25f));
        var value = 1.0;
        for (var i = 0; i < steps; i++)
        {
            var (t, last) = ((int)scheduler.Timesteps[i], i == steps - 1);
            double abar = abars[t], before = last ? 1 : abars[(int)scheduler.Timesteps[i + 1]];
            var (alpha, image) = (abar / before, (value - (Math.Sqrt(1 - abar) * 0.5)) / Math.Sqrt(abar));
            value = (Math.Sqrt(before) * (1 - alpha) / (1 - abar) * image) + (Math.Sqrt(alpha) * (1 - before) / (1 - abar) * value)
                + (t > 0 ? Math.Sqrt((1 - before) / (1 - abar) * (1 - alpha)) * 0.25 : 0);
            x = scheduler.Step(i, eps, x, scheduler.TakesNoise(i) ? noise : null);
            Assert.Equal(value, x.item<float>(), 1e-3 * Math.Abs(value));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Velocities_lead_where_the_noise_that_they_tell_of_leads(SchedulerKind kind)
    {
        using var scope = NewDisposeScope();
        var (eps, velocity) = (Run(PredictionType.Epsilon), Run(PredictionType.Velocity));

        Assert.InRange((eps - velocity).abs().max().item<float>(), 0, 1e-3);

        Tensor Run(PredictionType prediction)
        {
            var spec = new SchedulerSpec { Prediction = prediction }.As(kind);
            using var scheduler = Scheduler.Create(spec, 40);
            var (noise, generator) = (new NoiseSchedule(spec), new Generator(Seed));
            var x = randn([1, 4, 3, 5], generator: generator) * scheduler.InitNoiseSigma;
            for (var i = 0; i < scheduler.Timesteps.Count; i++)
            {
                var shown = scheduler.ScaleModelInput(i, x);
                var told = GoldenSchedulerTests.ToyNoise(shown, scheduler.Timesteps[i]);
                if (prediction == PredictionType.Velocity)
                {
                    var abar = Abar(noise, scheduler.Timesteps[i]);
                    told = (told - (Math.Sqrt(1 - abar) * shown)) / Math.Sqrt(abar); // of x = alpha x0 + sigma eps
                }

                x = scheduler.Step(i, told, x, scheduler.TakesNoise(i) ? randn([1, 4, 3, 5], generator: generator) : null);
            }

            return x;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void No_tensor_outlives_a_sampling(SchedulerKind kind)
    {
        var before = Live();
        using (NewDisposeScope())
        {
            using var scheduler = Scheduler.Create(new SchedulerSpec().As(kind), 12);
            var x = ones(1, 4, 2, 2);
            for (var i = 0; i < scheduler.Timesteps.Count; i++)
            {
                x = scheduler.Step(i, x * 0.1, x, scheduler.TakesNoise(i) ? zeros_like(x) : null);
            }
        }

        Assert.Equal(before, Live());

        static long Live() => DisposeScopeManager.Statistics.ThreadTotalLiveCount;
    }

    [Theory]
    [InlineData(SchedulerKind.Ddim, TimestepSpacing.Leading, 4, "751 501 251 1")]
    [InlineData(SchedulerKind.Ddim, TimestepSpacing.Linspace, 4, "999 666 333 0")]
    [InlineData(SchedulerKind.Ddim, TimestepSpacing.Trailing, 4, "999 749 499 249")]
    [InlineData(SchedulerKind.Pndm, TimestepSpacing.Trailing, 4, "999 749 749 499 249")]
    [InlineData(SchedulerKind.Euler, TimestepSpacing.Leading, 4, "751 501 251 1")]
    [InlineData(SchedulerKind.Euler, TimestepSpacing.Linspace, 3, "999 499.5 0")]
    [InlineData(SchedulerKind.DpmSolver, TimestepSpacing.Leading, 4, "801 601 401 201")]
    [InlineData(SchedulerKind.DpmSolver, TimestepSpacing.Trailing, 4, "999 749 499 249")]
    [InlineData(SchedulerKind.Ddpm, TimestepSpacing.Leading, 1, "1")]
    public void Steps_are_spaced_as_asked(SchedulerKind kind, TimestepSpacing spacing, int steps, string expected)
    {
        using var scheduler = Scheduler.Create(new SchedulerSpec { Kind = kind, Spacing = spacing }, steps);
        Assert.Equal(expected, string.Join(' ', scheduler.Timesteps.Select(t => FormattableString.Invariant($"{t}"))));
    }

    [Theory]
    [InlineData(SchedulerKind.Ddim, 0, 0, "--steps is 0")]
    [InlineData(SchedulerKind.Ddim, 1001, 0, "choose from 1 to 1000")]
    [InlineData(SchedulerKind.Ddim, 1000, 0, "steps_offset 1 begin at step 1000")]
    [InlineData(SchedulerKind.DpmSolver, 1000, 0, "too many for DPM-Solver")]
    [InlineData(SchedulerKind.Ddim, 10, -1, "--eta is -1")]
    [InlineData(SchedulerKind.Euler, 10, 0.5, "--scheduler ddim")]
    public void What_cannot_be_sampled_says_why(SchedulerKind kind, int steps, double eta, string part)
    {
        var error = Assert.Throws<WhenceException>(() => Scheduler.Create(new SchedulerSpec { Kind = kind }, steps, eta));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Noise_is_asked_for_where_it_is_taken_and_refused_elsewhere()
    {
        using var scope = NewDisposeScope();
        using var ddim = Scheduler.Create(new SchedulerSpec { Kind = SchedulerKind.Ddim }, 10, eta: 1);
        using var plain = Scheduler.Create(new SchedulerSpec { Kind = SchedulerKind.Ddim }, 10);
        var x = ones(1, 4, 2, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => ddim.Step(0, x, x));
        Assert.Throws<ArgumentOutOfRangeException>(() => plain.Step(0, x, x, x));
    }

    [Fact]
    public void DPM_Solver_may_end_at_no_noise_at_all()
    {
        using var scope = NewDisposeScope();
        var spec = new SchedulerSpec { Kind = SchedulerKind.DpmSolver, FinalSigma = FinalSigma.Zero };
        using var scheduler = Scheduler.Create(spec, 20);
        var abar = Abar(new NoiseSchedule(spec), scheduler.Timesteps[^1]);
        Tensor x = ones(1, 4, 2, 2), last = x;
        for (var i = 0; i < 20; i++)
        {
            last = x;
            x = scheduler.Step(i, x * 0.1, x);
        }

        Assert.True(x.allclose((last - (Math.Sqrt(1 - abar) * last * 0.1)) / Math.Sqrt(abar)));
        Assert.Throws<WhenceException>(() => Scheduler.Create(spec with { Algorithm = DpmAlgorithm.DpmSolver }, 20));
    }

    // Between two steps of training: as Euler's sigma lies between theirs.
    private static double Abar(NoiseSchedule noise, double t)
    {
        var (below, part) = ((int)t, t - (int)t);
        var sigma = ((1 - part) * Sigma(below)) + (part > 0 ? part * Sigma(below + 1) : 0);
        return 1 / (1 + (sigma * sigma));

        double Sigma(int at) => Math.Sqrt((1 - (double)noise.AlphasCumprod[at]) / noise.AlphasCumprod[at]);
    }
}
