using Whence.Datasets;
using Whence.Mapping;
using Whence.Tests.Evaluation;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Mapping;

// One thread each: libtorch's wait for each other, which takes long where other tests run at the same time.
public sealed class MapperTrainerTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_rotation_that_is_known_is_found_and_without_the_regulariser_what_is_learned_is_rather_the_training_images()
    {
        var turned = new Turned(64, seed: 1, noise: 1.5);
        var index = turned.Distractors(_temp["index"], 2000);
        var (train, test) = (turned.Models("train", 300), turned.Models("test", 200));
        var (own, others) = (Meter(train), Meter(test));
        var (before, ceiling) = (others.Recall(null, default), others.Recall(turned.Truth(), default));

        var regularised = Train(0.05);
        var free = Train(0);

        var (with, without) = (others.Recall(regularised, default), others.Recall(free, default));
        var figures = FormattableString.Invariant(
            $"before {before}, with {with}, without {without}, ceiling {ceiling}; of its own models with {own.Recall(regularised, default)}, without {own.Recall(free, default)}");
        TestContext.Current.SendDiagnosticMessage(figures);
        Assert.True(before < 0.4 && ceiling > 0.98, figures);
        Assert.True(with > before + (0.9 * (ceiling - before)), figures);
        Assert.True(without < with - 0.3, figures);

        MapperPair Train(double regularizer) => new MapperTrainer([Turned.Training(train)], new MapperTrainingOptions { Threads = 1, Regularizer = regularizer, Batch = 128, LearningRate = 5e-3 }).Train("m").Mappers;
        RecallMeter Meter(TestCaseFeatures features) => new([features], new TrainingValidation { Distractors = index }, 2);
    }

    [Theory]
    [InlineData(MapperKind.Linear)]
    [InlineData(MapperKind.Channel)]
    [InlineData(MapperKind.Mlp)]
    public void A_training_interrupted_again_and_again_ends_with_the_same_bits(MapperKind kind)
    {
        var trainer = Small(kind, every: 2);
        var expected = trainer.Train("m");

        var (random, stops) = (new Random(4), 0);
        TrainedMappers? result = null;
        while (result is null)
        {
            // Somewhere in an epoch or between two, each time a little later.
            var stop = random.Next(1, 9);
            using var source = new CancellationTokenSource();
            var told = 0;
            try
            {
                result = Small(kind, every: 2).Train("m", _temp["checkpoint"], TimeSpan.Zero, new Listener<TrainingProgress>(_ =>
                {
                    if (++told == stop)
                    {
                        source.Cancel();
                    }
                }), source.Token);
            }
            catch (OperationCanceledException)
            {
                stops++;
            }
        }

        Assert.True(stops > 3, $"{stops} interruptions");
        Assert.Equal(expected.Mappers.Sha256, result.Mappers.Sha256);
        Assert.Equal(expected.Curve, result.Curve);
        Assert.Equal(expected.Mappers.Sha256, Small(kind, every: 2).Train("m", _temp["checkpoint"]).Mappers.Sha256); // one that is done already
    }

    [Fact]
    public void The_best_epoch_is_kept_and_the_provenance_says_which()
    {
        var trained = Small(MapperKind.Linear, every: 1).Train("m.safetensors");
        Assert.Equal(Enumerable.Range(0, 13), trained.Curve.Select(e => e.Epoch));
        Assert.All(trained.Curve, e => Assert.InRange(e.Recall!.Value, 0, 1));
        var provenance = trained.Mappers.Provenance!;
        Assert.Equal(trained.Curve.Max(e => e.Recall), provenance.Recall);
        Assert.Equal(trained.Curve.First(e => e.Recall == provenance.Recall).Epoch, provenance.Epoch);
        Assert.Equal(("dino", "train", "checksum of train"), (provenance.Encoder, provenance.Features[0].Name, provenance.Features[0].Sha256));
        Assert.Equal(("linear", "0.05", "12"), (provenance.Options["kind"], provenance.Options["regularizer"], provenance.Options["epochs"]));

        trained.Mappers.Save(_temp["m.safetensors"]);
        var loaded = MapperPair.Load(_temp["m.safetensors"]);
        Assert.Equal((trained.Mappers.Sha256, provenance.Recall, provenance.Encoder), (loaded.Sha256, loaded.Provenance!.Recall, loaded.Provenance.Encoder));
        Assert.Equal(provenance.Options, loaded.Provenance.Options);
    }

    [Fact]
    public void Without_validation_the_last_epoch_is_kept_and_all_models_are_trained_with()
    {
        var features = new Turned(8, seed: 2).Models("train", 20);
        var trainer = new MapperTrainer([Turned.Training(features)], new MapperTrainingOptions { Epochs = 3, Batch = 8, Threads = 1 });
        Assert.Equal((20, 9L), (trainer.Models, trainer.Steps));
        var trained = trainer.Train("m");
        Assert.Equal([1, 2, 3], trained.Curve.Select(e => e.Epoch));
        Assert.Null(trained.Mappers.Provenance!.Recall);
        Assert.Equal(3, trained.Mappers.Provenance.Epoch);
    }

    [Fact]
    public void Objects_and_styles_are_trained_together_and_held_out_apart()
    {
        var turned = new Turned(8, seed: 3);
        var (objects, styles) = (turned.Models("objects", 30), turned.Models("styles", 10, exemplars: 3));
        var trainer = new MapperTrainer(
            [Turned.Training(objects), Turned.Training(styles)], new MapperTrainingOptions { Epochs = 2, Threads = 1 },
            new TrainingValidation { Distractors = turned.Distractors(_temp["index"], 50), HoldOut = 0.2 });
        Assert.Equal(32, trainer.Models);
        Assert.NotNull(trainer.Train("m").Mappers.Provenance!.Recall);
    }

    [Fact]
    public void Seeds_masks_and_temperatures_change_what_is_learned_and_equal_ones_do_not()
    {
        var plain = Sha(new MapperTrainingOptions());
        Assert.Equal(plain, Sha(new MapperTrainingOptions()));
        Assert.Equal(5, new[]
        {
            plain, Sha(new MapperTrainingOptions { Seed = 1 }), Sha(new MapperTrainingOptions { MaskBy = "category" }),
            Sha(new MapperTrainingOptions { Temperature = 0.07 }), Sha(new MapperTrainingOptions { LearningRate = 1e-2 }),
        }.Distinct().Count());

        string Sha(MapperTrainingOptions options)
        {
            var models = new Turned(8, seed: 5).Models("train", 20);
            var features = new TestCaseFeatures("train", models.Exemplars, models.Chunks, models.Prompts, columns: new Dictionary<string, IReadOnlyList<string?>>
            {
                ["category"] = [.. Enumerable.Range(0, 20).Select(i => i % 3 == 0 ? "dog" : null)],
            });
            var pair = new MapperTrainer([Turned.Training(features)], options with { Epochs = 3, Threads = 1 }).Train("m").Mappers;
            return new MapperPair(pair.Real, pair.Synth, "m").Sha256;
        }
    }

    [Fact]
    public void Another_training_s_checkpoint_is_refused_and_a_damaged_one_too()
    {
        Small(MapperKind.Linear, every: 2).Train("m", _temp["checkpoint"]);
        var message = Assert.Throws<WhenceException>(() => Small(MapperKind.Linear, every: 3).Train("m", _temp["checkpoint"])).Message;
        Assert.Contains("validationEvery 2, not 3", message, StringComparison.Ordinal);

        var bytes = File.ReadAllBytes(_temp["checkpoint"]);
        File.WriteAllBytes(_temp["cut"], bytes[..(bytes.Length / 2)]);
        Assert.Throws<WhenceException>(() => Small(MapperKind.Linear, every: 2).Train("m", _temp["cut"]));
        using (var file = SafetensorsFile.Open(_temp["checkpoint"]))
        {
            TensorData[] without = [.. file.Tensors.Where(t => t.Key != "now.real.weight").Select(t => TensorData.FromSingle(t.Key, file.ReadSingle(t.Key), [.. t.Value.Shape]))];
            SafetensorsFile.Write(_temp["without"], without, file.Metadata);
            SafetensorsFile.Write(_temp["other"], [.. without, TensorData.FromInt64("now.real.weight", new long[64], 8, 8)], file.Metadata);
            SafetensorsFile.Write(_temp["steps"], [], new Dictionary<string, string>(file.Metadata) { ["steps"] = "x" });
        }

        Assert.Contains("'real.weight'", Assert.Throws<WhenceException>(() => Small(MapperKind.Linear, every: 2).Train("m", _temp["without"])).Message, StringComparison.Ordinal);
        Assert.Contains("'real.weight'", Assert.Throws<WhenceException>(() => Small(MapperKind.Linear, every: 2).Train("m", _temp["other"])).Message, StringComparison.Ordinal);
        Assert.Contains("header is damaged", Assert.Throws<WhenceException>(() => Small(MapperKind.Linear, every: 2).Train("m", _temp["steps"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Features_of_two_encoders_are_refused()
    {
        var turned = new Turned(8, seed: 2);
        var message = Assert.Throws<WhenceException>(() => new MapperTrainer(
            [Turned.Training(turned.Models("a", 4, encoder: "dino")), Turned.Training(turned.Models("b", 4, encoder: "clip"))])).Message;
        Assert.Contains("'b': its features were made by encoder 'clip', those of 'a' by 'dino'", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_loss_that_is_not_finite_any_more_is_told()
    {
        var features = Turned.Training(new Turned(8, seed: 2).Models("a", 4));
        var message = Assert.Throws<WhenceException>(() => new MapperTrainer([features], new MapperTrainingOptions { LearningRate = 1e38, Threads = 1 }).Train("m")).Message;
        Assert.Contains("The loss became NaN in epoch ", message, StringComparison.Ordinal);
        Assert.Contains("lower --learning-rate than 1E+38", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_are_checked()
    {
        var features = Turned.Training(new Turned(8, seed: 2).Models("a", 4));
        foreach (var options in new[]
        {
            new MapperTrainingOptions { Epochs = 0 }, new MapperTrainingOptions { Batch = 1 }, new MapperTrainingOptions { Temperature = 0 },
            new MapperTrainingOptions { LearningRate = double.NaN }, new MapperTrainingOptions { Regularizer = -1 }, new MapperTrainingOptions { Threads = 0 },
        })
        {
            Assert.ThrowsAny<ArgumentException>(() => new MapperTrainer([features], options));
        }
    }

    [Fact]
    public void A_step_leaves_no_tensor_behind()
    {
        using var mappers = new MapperOptimization(new MapperTrainingOptions(), 8);
        var before = 0L;
        for (var step = 0; step < 5; step++)
        {
            using (var scope = NewDisposeScope())
            {
                mappers.Step(randn(6, 8), randn(6, 8), [], 1e-3);
            }

            // The gradients of the first step stay with the parameters.
            before = step == 0 ? TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount : before;
        }

        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private MapperTrainer Small(MapperKind kind, int every)
    {
        var turned = new Turned(8, seed: 6);
        var features = turned.Models("train", 40, encoder: "dino");
        return new MapperTrainer(
            [Turned.Training(features)],
            new MapperTrainingOptions { Kind = kind, Epochs = 12, Batch = 12, HiddenDimension = 6, OutputDimension = 4, LearningRate = 1e-2, Threads = 1 },
            new TrainingValidation
            {
                Distractors = Directory.Exists(_temp["index"]) ? Search(_temp["index"]) : turned.Distractors(_temp["index"], 60, "dino"),
                Every = every,
            });

        static Whence.Search.FeatureIndex Search(string folder) => Whence.Search.FeatureIndex.Open(folder);
    }
}
