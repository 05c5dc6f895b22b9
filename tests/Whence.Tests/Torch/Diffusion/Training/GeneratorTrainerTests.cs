using TorchSharp;
using Whence.Datasets;
using Whence.Encoders.Text;
using Whence.Files;
using Whence.Tests.Evaluation;
using Whence.Torch.Diffusion;
using Whence.Torch.Diffusion.Training;
using Whence.Torch.Training;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion.Training;

// One thread each: libtorch's wait for each other, which takes long where other tests run at the same time.
public sealed class GeneratorTrainerTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void What_was_trained_is_a_model_in_diffusers_layout_with_all_that_tells_of_it()
    {
        var points = Trainer().Train(_temp["out"]);
        Assert.Equal(
            ["model", "model/model_index.json", "recipe.json", "reconstructions.png", "samples", "training.csv", "training.lock", "training.png", "training.svg"],
            Directory.EnumerateFileSystemEntries(_temp["out"]).Append(_temp["out", "model", "model_index.json"]).Select(f => Path.GetRelativePath(_temp["out"], f).Replace('\\', '/')).Order(StringComparer.Ordinal));
        Assert.Equal(["step-0000005.png", "step-0000008.png"], Directory.GetFiles(_temp["out", "samples"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal([.. Enumerable.Range(1, 6).Select(i => ("autoencoder", (long)i)), .. Enumerable.Range(1, 8).Select(i => ("unet", (long)i))], points.Select(p => (p.Stage, p.Step)));
        Assert.Equal(15, File.ReadAllLines(_temp["out", "training.csv"]).Length);
        Assert.Equal("stage,step,learning_rate,loss,gradient,error,divergence", File.ReadLines(_temp["out", "training.csv"]).First());
        Assert.Equivalent(GeneratorRecipe.Load(ToyGenerator.Write(_temp["r"])), GeneratorRecipe.Load(_temp["out", "recipe.json"]), strict: true);

        using var model = DiffusionModel.Open(GeneratorTrainer.ModelIn(_temp["out"]));
        Assert.Equal((16, 4), (model.ImageSize, model.Factor));
        Assert.Equal((8, ClipPadding.EndToken, 2), (model.Tokenizer.ContextLength, model.Tokenizer.Options.Padding, model.Tokenizer.ReservedTokens.Count));
        Assert.Equal(5, model.Tokenizer.Encode("a red thing").Tokens);
    }

    [Fact]
    public void Latents_are_scaled_to_a_deviation_of_one_and_the_configuration_holds_the_factor()
    {
        Trainer().Train(_temp["out"]);
        using var model = DiffusionModel.Open(GeneratorTrainer.ModelIn(_temp["out"]));
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var images = ToyGenerator.Images();
        float[] pixels = [.. Enumerable.Range(0, images.Count).SelectMany(i => Enumerable.Range(0, 3 * 256).Select(p => (images.Pixels(i)[(p % 256 * 3) + (p / 256)] / 127.5f) - 1))];
        var (mean, logVariance) = Autoencoder.Split(model.Autoencoder.Moments(tensor(pixels, [images.Count, 3, 16, 16])));
        var variance = (mean - mean.mean()).square().mean().item<float>() + logVariance.exp().mean().item<float>();
        Assert.Equal(1 / Math.Sqrt(variance), model.Autoencoder.Spec.ScalingFactor, 1e-4 / Math.Sqrt(variance));
    }

    [Theory]
    [InlineData(Optimizer.AdamW)]
    [InlineData(Optimizer.Muon)]
    public void Interrupted_again_and_again_it_ends_with_the_same_bytes(Optimizer optimizer)
    {
        var recipe = Recipe();
        recipe = recipe with
        {
            Autoencoder = recipe.Autoencoder with { Training = recipe.Autoencoder.Training with { Optimizer = optimizer } },
            UNet = recipe.UNet with { Training = recipe.UNet.Training with { Optimizer = optimizer } },
        };
        var expected = Trainer(recipe).Train(_temp["expected"]);
        var stops = 0;
        for (var stop = 0; ; stop = (stop + 1) % 3)
        {
            using var source = new CancellationTokenSource();
            var told = 0;
            try
            {
                var points = Trainer(recipe).Train(_temp["out"], new Listener<StepProgress>(_ =>
                {
                    if (told++ == stop)
                    {
                        source.Cancel();
                    }
                }), source.Token);
                Assert.Equal(expected, points);
                break;
            }
            catch (OperationCanceledException)
            {
                stops++;
            }
        }

        Assert.True(stops > 5, $"{stops} interruptions");
        AssertSame();
    }

    [Fact]
    public void What_a_kill_leaves_is_gone_on_from_and_costs_one_interval()
    {
        var recipe = Recipe();
        Trainer(recipe).Train(_temp["expected"]);

        // A process that ends at once leaves the last checkpoint; here the states of several are kept and gone on from.
        foreach (var (stage, step) in ((string, long)[])[("autoencoder", 4), ("unet", 3), ("unet", 6)])
        {
            var folder = _temp[$"{stage}{step}"];
            Assert.Throws<InvalidOperationException>(() => Trainer(recipe).Train(folder, new Listener<StepProgress>(p =>
            {
                if ((p.Stage, p.Step) == (stage, step))
                {
                    throw new InvalidOperationException("killed");
                }
            })));
            var steps = new List<long>();
            Trainer(recipe).Train(folder, new Listener<StepProgress>(p => steps.Add(p.Step)));
            Assert.Equal(step, steps[0]); // only the step that was not yet written is done again
            AssertSame(folder);
        }
    }

    [Fact]
    public async Task The_pixels_that_it_read_itself_are_let_go_once_there_are_latents_and_those_that_were_given_are_kept()
    {
        var trainer = await GeneratorTrainer.OpenAsync(ToyGenerator.Write(_temp["recipe"]), threads: 1, TestContext.Current.CancellationToken);
        var held = new List<(string Stage, bool Held)>();
        trainer.Train(_temp["out"], new Listener<StepProgress>(p => held.Add((p.Stage, Holds(trainer)))), TestContext.Current.CancellationToken);
        Assert.All(held, h => Assert.Equal(h.Stage == "autoencoder", h.Held));
        Assert.Equal((12, 12), (trainer.Images.Count, trainer.Images.Captions.Count));

        var given = Trainer();
        given.Train(_temp["given"], cancellation: TestContext.Current.CancellationToken);
        Assert.True(Holds(given));

        static bool Holds(GeneratorTrainer trainer)
        {
            try
            {
                return trainer.Images.Pixels(0).Length > 0;
            }
            catch (InvalidOperationException)
            {
                return false;
            }
        }
    }

    [Fact]
    public void Another_recipe_or_other_images_do_not_go_on_from_a_state_and_a_trained_model_is_not_trained_over()
    {
        Stop(_temp["out"], "unet", 2);
        var recipe = Recipe();
        AssertRefused("unet.training.batch 5, not 4", recipe with { UNet = recipe.UNet with { Training = recipe.UNet.Training with { Batch = 4 } } });
        AssertRefused("autoencoder.patch 2, not 1", recipe with { Autoencoder = recipe.Autoencoder with { Patch = 1, Channels = [8, 8, 8] } });
        AssertRefused("seed 3, not 4", recipe with { Seed = 4 });
        Trainer(recipe with { Samples = recipe.Samples with { Every = 0 }, Checkpoint = recipe.Checkpoint with { Steps = 2 } }).Train(_temp["out"]);
        AssertRefused("this training is done", recipe);

        void AssertRefused(string expected, GeneratorRecipe other) =>
            Assert.Contains(expected, Assert.Throws<WhenceException>(() => Trainer(other).Train(_temp["out"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_autoencoder_is_kept_where_only_what_follows_it_is_changed()
    {
        Stop(_temp["out"], "unet", 1);
        File.Delete(_temp["out", "checkpoint.safetensors"]);
        var recipe = Recipe();
        var stages = new HashSet<string>();
        Trainer(recipe with { UNet = recipe.UNet with { Training = recipe.UNet.Training with { Steps = 2 } } }).Train(_temp["out"], new Listener<StepProgress>(p => stages.Add(p.Stage)));
        Assert.Equal(["unet"], stages);
    }

    [Fact]
    public void Whether_it_is_trained_already_is_asked_under_the_lock()
    {
        Directory.CreateDirectory(GeneratorTrainer.ModelIn(_temp["out"]));
        using (FolderLock.Acquire(_temp["out"], "training.lock"))
        {
            AssertRefused("another process is writing this training");
        }

        AssertRefused("this training is done");
    }

    [Fact]
    public void State_that_a_kill_left_beside_the_model_is_deleted_by_the_next_call_and_no_file_of_others()
    {
        Stop(_temp["out"], "unet", 2);
        Directory.CreateDirectory(GeneratorTrainer.ModelIn(_temp["out"]));
        AssertRefused("this training is done");
        Assert.Empty(Directory.GetFiles(_temp["out"], "*.safetensors"));
        File.WriteAllText(_temp["out", "checkpoint.safetensors"], "somebody's");
        AssertRefused("this training is done");
        Assert.Equal("somebody's", File.ReadAllText(_temp["out", "checkpoint.safetensors"]));
    }

    [Fact]
    public void A_trained_autoencoder_of_another_layout_is_refused()
    {
        Stop(_temp["out"], "unet", 2);
        var path = _temp["out", "autoencoder.safetensors"];
        using (var file = SafetensorsFile.Open(path))
        {
            TensorData moments = TensorData.FromSingle("moments", file.ReadSingle("moments"), 12, 4, 4, 4), few = TensorData.FromSingle("moments", new float[64], 1, 4, 4, 4);
            SafetensorsFile.Write(_temp["few"], [few], file.Metadata);
            SafetensorsFile.Write(_temp["empty"], [], file.Metadata);
            SafetensorsFile.Write(_temp["networkless"], [moments], file.Metadata);
        }

        foreach (var (name, expected) in ((string, string)[])[("few", "has no 'moments' that is F32 [12, 4, 4, 4]"), ("empty", "has no 'moments'"), ("networkless", "that is F32 [8")])
        {
            File.Copy(_temp[name], path, overwrite: true);
            AssertRefused(expected);
        }
    }

    [Fact]
    public void Captions_that_are_cut_are_counted()
    {
        Assert.Equal((0, 5), (Trainer().CutCaptions, Trainer().LongestCaption));
        var recipe = Recipe();
        var trainer = Trainer(recipe with { Vocabulary = recipe.Vocabulary with { Tokens = 4 } });
        Assert.Equal((12, 5), (trainer.CutCaptions, trainer.LongestCaption));
    }

    [Fact]
    public void Latents_are_the_same_however_many_images_are_encoded_together_and_what_libtorch_cannot_do_is_told()
    {
        using var scope = NewDisposeScope();
        var recipe = Recipe();
        using var network = new Autoencoder(recipe.AutoencoderSpec(), CPU);
        FirstWeights.Fill(network, 1);
        var (together, one) = (Moments(5, ToyGenerator.Images()), Moments(1, ToyGenerator.Images()));
        Assert.Equal([12L, 4, 4, 4], together.Shape);
        Assert.All(together.Values.Zip(one.Values), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        var odd = CaptionedImages.Of(17, [(new byte[17 * 17 * 3], "a thing")]); // no multiple of the patch
        var message = Assert.Throws<WhenceException>(() => Moments(5, odd)).Message;
        Assert.EndsWith("free what other programs take, and the same command goes on from there.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("training.batch", message, StringComparison.Ordinal); // another recipe would be refused

        (float[] Values, long[] Shape) Moments(int batch, CaptionedImages images)
        {
            using var training = new AutoencoderTraining(
                recipe with { Autoencoder = recipe.Autoencoder with { Training = recipe.Autoencoder.Training with { Batch = batch } } }, images, network, threads: 1);
            return training.Moments(CancellationToken.None);
        }
    }

    [Fact]
    public void Damaged_states_are_refused_in_one_line()
    {
        Stop(_temp["out"], "unet", 2);
        var (path, bytes) = (_temp["out", "checkpoint.safetensors"], File.ReadAllBytes(_temp["out", "checkpoint.safetensors"]));
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
        AssertRefused("checkpoint.safetensors");
        File.WriteAllBytes(path, bytes);
        using (var file = SafetensorsFile.Open(path))
        {
            SafetensorsFile.Write(_temp["few"], [TensorData.FromSingle("weights", [1f], 1)], file.Metadata);
            SafetensorsFile.Write(_temp["state"], [], new Dictionary<string, string>(file.Metadata) { ["state"] = "{" });
            SafetensorsFile.Write(_temp["format"], [], new Dictionary<string, string>(file.Metadata) { ["format"] = "other" });
        }

        foreach (var (name, expected) in ((string, string)[])[("few", "has no 'weights'"), ("state", "header is damaged"), ("format", "no file of a training")])
        {
            File.Copy(_temp[name], path, overwrite: true);
            AssertRefused(expected);
        }

        void AssertRefused(string expected)
        {
            var message = Assert.Throws<WhenceException>(() => Trainer().Train(_temp["out"])).Message;
            Assert.Contains(expected, message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    [Fact]
    public void A_loss_that_is_not_finite_any_more_is_told()
    {
        var recipe = Recipe();
        recipe = recipe with { Autoencoder = recipe.Autoencoder with { Training = new() { Steps = 50, Batch = 2, LearningRate = 1000, Warmup = 0, Clip = 1e30 } } };
        var message = Assert.Throws<WhenceException>(() => Trainer(recipe).Train(_temp["out"])).Message;
        Assert.Contains("of the autoencoder; lower 'autoencoder.training.learningRate' (1000)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_training_leaves_no_tensor_behind_however_many_its_steps()
    {
        var recipe = Recipe();
        Trainer(recipe).Train(_temp["warm"]);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Trainer(recipe).Train(_temp["few"]);
        var after = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Trainer(recipe with { UNet = recipe.UNet with { Training = recipe.UNet.Training with { Steps = 100 } } }).Train(_temp["many"]);
        Assert.Equal((before, before), (after, DisposeScopeManager.Statistics.ThreadTotalLiveCount));
    }

    [Fact]
    public void In_bfloat16_it_learns_too()
    {
        var recipe = Recipe();
        recipe = recipe with
        {
            Autoencoder = recipe.Autoencoder with { Training = recipe.Autoencoder.Training with { Precision = Whence.Encoders.EncoderPrecision.BF16 } },
            UNet = recipe.UNet with { Training = recipe.UNet.Training with { Precision = Whence.Encoders.EncoderPrecision.BF16 } },
        };
        var (exact, rough) = (Trainer().Train(_temp["exact"]), Trainer(recipe).Train(_temp["rough"]));
        Assert.All(exact.Zip(rough), pair => Assert.Equal(pair.First.Loss, pair.Second.Loss, 0.1 * pair.First.Loss));
        using var model = DiffusionModel.Open(GeneratorTrainer.ModelIn(_temp["rough"]));
        Assert.All(model.UNet.parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
    }

    [Fact]
    public void Written_in_float16_it_is_half_as_large_and_what_was_learned_rounded()
    {
        var recipe = Recipe();
        Trainer(recipe).Train(_temp["whole"]);
        Trainer(recipe with { Model = new() { Precision = WeightPrecision.F16 } }).Train(_temp["half"]);
        foreach (var part in (string[])["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"])
        {
            using var whole = SafetensorsFile.Open(Path.Combine(GeneratorTrainer.ModelIn(_temp["whole"]), part + ".safetensors"));
            using var half = SafetensorsFile.Open(Path.Combine(GeneratorTrainer.ModelIn(_temp["half"]), part + ".safetensors"));
            Assert.All(half.Tensors.Values, tensor => Assert.Equal(ElementType.F16, tensor.Type));
            Assert.All(whole.Tensors.Keys, name => Assert.Equal([.. whole.ReadSingle(name).Select(value => (float)(Half)value)], half.ReadSingle(name)));
        }

        using var model = DiffusionModel.Open(GeneratorTrainer.ModelIn(_temp["half"]));
        Assert.Equal(16, model.ImageSize);
    }

    [Fact]
    public void With_activations_computed_twice_it_learns_the_same_but_for_the_last_bits_and_leaves_no_tensor_behind()
    {
        var recipe = Recipe();
        var kept = Trainer(recipe).Train(_temp["kept"]);
        recipe = recipe with { UNet = recipe.UNet with { Checkpointing = true } };
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var twice = Trainer(recipe).Train(_temp["twice"]);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.All(kept.Zip(twice), pair => Assert.Equal(pair.First.Loss, pair.Second.Loss, 1e-3 * pair.First.Loss));
    }

    internal static GeneratorTrainer Trainer(GeneratorRecipe? recipe = null) => new(recipe ?? Recipe(), ToyGenerator.Images(), threads: 1);

    internal static GeneratorRecipe Recipe()
    {
        using var temp = new TempFolder();
        return GeneratorRecipe.Load(ToyGenerator.Write(temp.Path));
    }

    private void AssertRefused(string expected) =>
        Assert.Contains(expected, Assert.Throws<WhenceException>(() => Trainer().Train(_temp["out"])).Message, StringComparison.Ordinal);

    internal static void Stop(string folder, string stage, long step)
    {
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Trainer().Train(folder, new Listener<StepProgress>(p =>
        {
            if ((p.Stage, p.Step) == (stage, step))
            {
                source.Cancel();
            }
        }), source.Token));
    }

    private void AssertSame(string? folder = null)
    {
        string[] files = [.. Directory.GetFiles(_temp["expected"], "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(_temp["expected"], f)).Order(StringComparer.Ordinal)];
        Assert.Equal(files, Directory.GetFiles(folder ?? _temp["out"], "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder ?? _temp["out"], f)).Order(StringComparer.Ordinal));
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(_temp["expected", file]), File.ReadAllBytes(Path.Combine(folder ?? _temp["out"], file))));
    }
}
