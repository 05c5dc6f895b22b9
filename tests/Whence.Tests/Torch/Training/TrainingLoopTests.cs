using Whence.Torch.Encoders;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Training;

public sealed class TrainingLoopTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly LinearLayer _network = new(7, 5, CPU);
    private readonly List<long> _steps = [];

    public TrainingLoopTests()
    {
        using var none = no_grad();
        foreach (var parameter in _network.parameters())
        {
            parameter.fill_(1);
        }
    }

    public void Dispose()
    {
        _network.Dispose();
        _temp.Dispose();
    }

    [Fact]
    public void It_computes_with_its_own_threads_and_leaves_them_to_what_follows_also_where_no_step_is_left()
    {
        var before = get_num_threads();
        try
        {
            TorchRuntime.Use(1);
            Loop(threads: 2).Run(Backward(_ => Assert.Equal(2, get_num_threads())), null, CancellationToken.None);
            TorchRuntime.Use(1);
            Loop(threads: 2).Run(Backward(_ => Assert.Fail("none is left")), null, CancellationToken.None);
            Assert.Equal(2, get_num_threads());
        }
        finally
        {
            TorchRuntime.Use(before);
        }
    }

    [Fact]
    public void All_steps_and_the_curve_are_kept_when_it_ends()
    {
        var first = Loop();
        first.Run(Backward(), null, CancellationToken.None);
        var next = Loop();
        next.Run(Backward(), null, CancellationToken.None);
        Assert.Equal([0, 1, 2, 3], _steps);
        Assert.Equal(first.Points, next.Points);
        Assert.Equal(5, File.ReadAllLines(_temp["training.csv"]).Length);
    }

    [Fact]
    public void What_was_learned_is_kept_before_it_is_looked_at_and_a_look_that_failed_is_taken_again()
    {
        var looks = new List<long>();
        Assert.Throws<InvalidOperationException>(() => Loop().Run(Backward(), null, CancellationToken.None, 2, done => throw new InvalidOperationException("no room")));
        Assert.Equal(3, File.ReadAllLines(_temp["training.csv"]).Length);
        Loop().Run(Backward(), null, CancellationToken.None, 2, looks.Add);
        Assert.Equal([0, 1, 2, 3], _steps);
        Assert.Equal([2], looks); // not after the last step: what follows the loop does that
    }

    [Fact]
    public void Memory_that_does_not_suffice_is_told_with_what_to_do()
    {
        var message = Fails(Loop(), at: 0);
        Assert.StartsWith("libtorch failed in step 1 of the unet (", message, StringComparison.Ordinal);
        Assert.EndsWith("a smaller 'unet.training.batch' (3) takes less memory.", message, StringComparison.Ordinal);
        Assert.EndsWith($"takes less memory; delete '{_temp["checkpoint.safetensors"]}' then.", Fails(Loop(), at: 2), StringComparison.Ordinal);

        string Fails(TrainingLoop loop, long at)
        {
            var message = Assert.Throws<WhenceException>(() => loop.Run(Backward(step => (step == at ? empty(1L << 50) : null)?.Dispose()), null, CancellationToken.None, 2, _ => { })).Message;
            Assert.DoesNotContain('\n', message);
            return message;
        }
    }

    [Fact]
    public void What_is_to_be_deleted_after_a_divergence_is_named_only_where_it_is_there()
    {
        Assert.EndsWith("or raise its 'warmup'.", Diverges(at: 0), StringComparison.Ordinal);
        Assert.EndsWith($"or raise its 'warmup'; delete '{_temp["checkpoint.safetensors"]}' then.", Diverges(at: 2), StringComparison.Ordinal);

        string Diverges(long at)
        {
            var backward = Backward();
            return Assert.Throws<WhenceException>(() => Loop().Run(step => step == at ? new StepLoss(double.NaN) : backward(step), null, CancellationToken.None, 2, _ => { })).Message;
        }
    }

    [Fact]
    public void A_first_stage_that_has_kept_what_belongs_to_the_old_values_is_begun_again_elsewhere()
    {
        var (backward, told) = (Backward(), 0);
        var loop = Loop(stage: "autoencoder", keeping: () => told++);
        var message = Assert.Throws<WhenceException>(() => loop.Run(step => step == 2 ? new StepLoss(double.NaN) : backward(step), null, CancellationToken.None, 2, _ => { })).Message;
        Assert.EndsWith("or raise its 'warmup'; give another --out then.", message, StringComparison.Ordinal);
        Assert.Equal(1, told);
    }

    [Fact]
    public void A_checkpoint_of_a_later_stage_is_not_written_over()
    {
        Loop().Run(Backward(), null, CancellationToken.None);
        var bytes = File.ReadAllBytes(_temp["checkpoint.safetensors"]);
        Assert.Contains("is of the stage 'unet', but 'autoencoder.safetensors', with which it began, is gone", Refused(1), StringComparison.Ordinal);
        Assert.Contains("belongs to another training (seed 1, not 2)", Refused(2), StringComparison.Ordinal);
        Assert.Equal(bytes, File.ReadAllBytes(_temp["checkpoint.safetensors"]));

        string Refused(int seed) => Assert.Throws<WhenceException>(() => new TrainingLoop(
            "autoencoder", "autoencoder.training", Training, new TrainedWeights(_network), _temp.Path, new RecipeCheckpoint(), 1, Settings(new { Seed = seed }, "seed"), [])).Message;
    }

    private static RecipeTraining Training => new() { Steps = 4, Batch = 3, LearningRate = 1e-3 };

    private TrainingLoop Loop(int threads = 1, string stage = "unet", Action? keeping = null) => new(
        stage, $"{stage}.training", Training, new TrainedWeights(_network), _temp.Path, new RecipeCheckpoint { Steps = 1000, Seconds = 1e6 }, threads, Settings(new { Seed = 1, Unet = 4 }, "seed", "unet"), [])
    {
        IsFirst = stage == "autoencoder",
        Keeping = keeping,
    };

    private static TrainingSettings Settings<T>(T recipe, params string[] sections) => TrainingSettings.Of("test", recipe, recipe, "", 1, sections);

    private Func<long, StepLoss> Backward(Action<long>? also = null) => step =>
    {
        also?.Invoke(step);
        _steps.Add(step);
        var loss = _network.forward(ones(1, 7)).sum();
        loss.backward();
        return new StepLoss(loss.item<float>());
    };
}
