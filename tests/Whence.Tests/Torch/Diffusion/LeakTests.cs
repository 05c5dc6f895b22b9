using TorchSharp;
using Whence.Torch.Customization;
using Whence.Torch.Diffusion;
using Whence.Torch.Mapping;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion;

/// <summary>A hundred steps leave as many tensors as they found, and no more memory. Alone: the memory is the process's.</summary>
[Collection(nameof(LeakTests))]
[CollectionDefinition(nameof(LeakTests), DisableParallelization = true)]
public class LeakTests
{
    private const int Steps = 100, Side = 16;

    // What a process may grow by for other reasons: a single step of these sizes makes tensors of some ten megabytes.
    private const long Megabytes = 64 << 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Custom_Diffusion_keeps_nothing(bool checkpointing)
    {
        using var model = GoldenDiffusion.Model();
        using var row = model.TextEncoder.Tokens.narrow(0, 0, 1).contiguous();
        using var optimization = new CustomDiffusionOptimization(
            model.UNet, model.TextEncoder, new NoiseSchedule(new SchedulerSpec()), new() { Checkpointing = checkpointing }, [model.TextEncoder.Spec.VocabularySize], TensorValues.Of(row));
        AssertNothingStays(() => optimization.Step(
            new(randn(2, 4, Side, Side), randn(2, 4, Side, Side), tensor([10L, 900L]), full([2, 20], model.TextEncoder.Spec.VocabularySize, ScalarType.Int64), null, 2), microBatch: 1));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Training_all_weights_keeps_nothing(bool checkpointing)
    {
        using var model = GoldenDiffusion.Model();
        model.UNet.Checkpointing = checkpointing;
        var weights = new TrainedWeights(model.UNet);
        AssertNothingStays(() =>
        {
            nn.functional.mse_loss(model.UNet.forward(randn(2, 4, Side, Side), tensor([10L, 900L]), model.EncodeText(["a cat", ""])), randn(2, 4, Side, Side)).backward();
            weights.Step(1, 1e-4, new(0.01, 1, 0.999));
            weights.ClearGradients();
        });
    }

    [Fact]
    public void Sampling_and_the_autoencoder_keep_nothing()
    {
        using var model = GoldenDiffusion.Model();
        AssertNothingStays(() =>
        {
            using var none = no_grad();
            using var scheduler = Scheduler.Create(new SchedulerSpec { Kind = SchedulerKind.Ddim }, 2, 1);
            var latents = new GuidedSampling(model.UNet, scheduler, 6).Run(
                randn(1, 4, Side, Side), model.EncodeText(["a cat"]), model.EncodeText([""]), () => randn(1, 4, Side, Side));
            model.Autoencoder.Moments(model.Autoencoder.Decode(latents));
        });
    }

    private static void AssertNothingStays(Action step)
    {
        for (var i = 0; i < 3; i++)
        {
            Once(step);
        }

        var (tensors, memory) = (Live(), Environment.WorkingSet);
        for (var i = 0; i < Steps; i++)
        {
            Once(step);
        }

        Assert.Equal(tensors, Live());
        Assert.InRange(Environment.WorkingSet, 0, memory + Megabytes);
    }

    private static void Once(Action step)
    {
        using var scope = NewDisposeScope();
        step();
    }

    private static long Live() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
}
