using Whence.Tests.Torch.Diffusion;
using Whence.Torch.Customization;
using Whence.Torch.Diffusion;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Customization;

public sealed class CustomDiffusionTrainerTests : IDisposable
{
    private static readonly CustomDiffusionOptions Quick = new() { Steps = 6, Batch = 3, LearningRate = 1e-2, Seed = 5 };

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_one_others()
    {
        var first = Train(Quick, "a.bin");
        Assert.Equal(first, Train(Quick, "a.bin"));
        Assert.NotEqual(first, Train(Quick with { Seed = 6 }, "a.bin"));
    }

    [Fact]
    public void Each_exemplar_may_have_a_prompt_of_its_own()
    {
        var whole = Train(Quick, "a.bin");
        Assert.Equal(whole, Train(Quick, "b.bin", "<new1> cat", "<new1> cat"));
        Assert.NotEqual(whole, Train(Quick, "b.bin", "<new1> cat", "<new1> dog"));
        Assert.NotEqual(Train(Quick, "a.bin", "<new1> dog", "<new1> cat"), Train(Quick, "b.bin", "<new1> cat", "<new1> dog"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_interrupted_training_goes_on_to_the_same_bytes(bool decayAll)
    {
        var options = Quick with { DecayAllTokens = decayAll };
        var whole = Train(options, "a.bin");
        using (var cancel = new CancellationTokenSource())
        {
            using var model = GoldenDiffusion.Model();
            var progress = new Reports(p =>
            {
                if (p.Step == 5)
                {
                    cancel.Cancel();
                }
            });
            Assert.Throws<OperationCanceledException>(() => Trainer(model, options).Train(_temp["x.safetensors"], checkpointEvery: 2, progress, cancel.Token));
        }

        using var again = GoldenDiffusion.Model();
        var steps = new List<int>();
        var trained = Trainer(again, options).Train(_temp["x.safetensors"], checkpointEvery: 2, new Reports(p => steps.Add(p.Step)));
        Assert.Equal([5, 6], steps);
        trained.Concept.Save(_temp["b.bin"]);
        Assert.Equal(whole, File.ReadAllBytes(_temp["b.bin"]));
    }

    [Fact]
    public void A_checkpoint_of_another_training_is_refused()
    {
        using var model = GoldenDiffusion.Model();
        Trainer(model, Quick).Train(_temp["x.safetensors"]);
        foreach (var (options, seed, what) in ((CustomDiffusionOptions, long, string)[])[(Quick with { Steps = 7 }, 7, "steps 6"), (Quick, 8, "model ")])
        {
            using var other = GoldenDiffusion.Model(seed);
            var e = Assert.Throws<WhenceException>(() => Trainer(other, options).Train(_temp["x.safetensors"]));
            Assert.Contains(what, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void It_computes_with_its_own_threads_and_refuses_a_checkpoint_of_others()
    {
        var before = get_num_threads();
        try
        {
            using var model = GoldenDiffusion.Model();
            Trainer(model, Quick with { Threads = 3 }).Train(_temp["x.safetensors"], progress: new Reports(_ => Assert.Equal(3, get_num_threads())));
            using var other = GoldenDiffusion.Model();
            var e = Assert.Throws<WhenceException>(() => Trainer(other, Quick with { Threads = 2 }).Train(_temp["x.safetensors"]));
            Assert.Contains("threads 3", e.Message, StringComparison.Ordinal);
            Assert.Throws<ArgumentOutOfRangeException>(() => Trainer(model, Quick with { Threads = 0 }));
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void A_checkpoint_is_refused_where_anything_of_the_model_differs()
    {
        using var model = GoldenDiffusion.Model();
        Trainer(model, Quick).Train(_temp["x.safetensors"]);
        using var other = GoldenDiffusion.Model();
        using (no_grad())
        {
            other.Autoencoder.parameters().First().mul_(2);
        }

        var e = Assert.Throws<WhenceException>(() => Trainer(other, Quick).Train(_temp["x.safetensors"]));
        Assert.Contains("another training (model ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_beyond_the_last_step_is_refused()
    {
        using var model = GoldenDiffusion.Model();
        Trainer(model, Quick).Train(_temp["x.safetensors"]);
        using (var file = SafetensorsFile.Open(_temp["x.safetensors"]))
        {
            var metadata = new Dictionary<string, string>(file.Metadata) { ["steps"] = "9000000000000000000" };
            SafetensorsFile.Write(_temp["y.safetensors"], [.. file.Tensors.Select(t => TensorData.FromSingle(t.Key, file.ReadSingle(t.Key), [.. t.Value.Shape]))], metadata);
        }

        using var again = GoldenDiffusion.Model();
        var e = Assert.Throws<WhenceException>(() => Trainer(again, Quick).Train(_temp["y.safetensors"]));
        Assert.Contains("of step 9000000000000000000 of 6", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_loss_of_a_single_exemplar_falls()
    {
        using var model = GoldenDiffusion.Model();
        var losses = new List<double>();
        var options = Quick with { Steps = 40, Batch = 8, LearningRate = 3e-3, Augmentation = ExemplarAugmentation.None, MaxGradientNorm = null };
        Trainer(model, options).Train(progress: new Reports(p => losses.Add(p.Loss)));
        Assert.True(losses.TakeLast(10).Average() < losses.Take(10).Average());
        Assert.All(losses, loss => Assert.InRange(loss, 0, 100));
    }

    [Fact]
    public void Applied_to_the_base_model_a_concept_is_what_was_trained()
    {
        using var scope = NewDisposeScope();
        using var trained = GoldenDiffusion.Model();
        var result = Trainer(trained, Quick).Train();
        result.Concept.Save(_temp["c.safetensors"], ConceptFormat.HuggingFace);
        using var model = GoldenDiffusion.Model();
        ConceptLoader.Apply(model, ("c", ConceptWeights.Load(_temp["c.safetensors"], model.UNet.Spec)));
        Assert.Equal(GoldenDiffusion.Values(trained.UNet), GoldenDiffusion.Values(model.UNet));
        Assert.Equal(GoldenDiffusion.Values(trained.TextEncoder), GoldenDiffusion.Values(model.TextEncoder));
        Assert.Equal(
            TensorValues.Of(trained.EncodeText(["a <new1> cat"]).detach()).ToArray(),
            TensorValues.Of(model.EncodeText(["a <new1> cat"]).detach()).ToArray());

        // Of full rank, compressed weights come to the same, but for rounding.
        using var other = GoldenDiffusion.Model();
        ConceptLoader.Apply(other, ("c", result.Compress(rank: 16, energy: null)));
        foreach (var (name, values) in GoldenDiffusion.Values(model.UNet))
        {
            GoldenDiffusion.AssertClose(values, GoldenDiffusion.Values(other.UNet)[name], 1e-6f, 0, name);
        }
    }

    [Fact]
    public void A_model_with_a_concept_is_written_and_opened_with_it()
    {
        using var scope = NewDisposeScope();
        using var model = GoldenDiffusion.Model();
        Trainer(model, Quick).Train();
        model.Save(_temp["model"]);
        using var again = DiffusionModel.Open(_temp["model"]);
        Assert.Equal(["<new1>"], again.Tokenizer.AddedTokens);
        Assert.Equal(
            TensorValues.Of(model.EncodeText(["<new1> cat"]).detach()).ToArray(), TensorValues.Of(again.EncodeText(["<new1> cat"]).detach()).ToArray());
    }

    [Fact]
    public void Of_several_concepts_every_token_learns()
    {
        using var model = GoldenDiffusion.Model();
        var trainer = new CustomDiffusionTrainer(model, [Concept("<new1>", 0), Concept("<new2>", 1)], Quick);
        var before = model.TextEncoder.Tokens.shape[0];
        var concept = trainer.Train().Concept;
        Assert.Equal(before + 2, model.TextEncoder.Tokens.shape[0]);
        Assert.Equal(["<new1>", "<new2>"], concept.Tokens.Select(t => t.Name));
        foreach (var (token, i) in concept.Tokens.Select((token, i) => (token, i)))
        {
            using var row = model.TextEncoder.Tokens.narrow(0, RareTokens.Rare(model.Tokenizer, i), 1).contiguous();
            Assert.NotEqual(TensorValues.Of(row).ToArray(), token.Embedding);
        }
    }

    [Fact]
    public void Regularisation_images_add_their_loss()
    {
        using var model = GoldenDiffusion.Model();
        var trainer = new CustomDiffusionTrainer(model, [Concept("<new1>", 0)], Quick, new RegularizationImages([Picture(3), Picture(4)], ["a cat", "another cat"]));
        var losses = new List<double>();
        trainer.Train(progress: new Reports(p => losses.Add(p.PriorLoss)));
        Assert.All(losses, loss => Assert.True(loss > 0));
    }

    [Fact]
    public void The_default_initializers_are_the_authors()
    {
        using var model = GoldenDiffusion.Model();
        Assert.Equal(42170, RareTokens.Rare(model.Tokenizer, 0));
        Assert.Equal(3, Enumerable.Range(0, 3).Select(i => RareTokens.Rare(model.Tokenizer, i)).Distinct().Count());
        Assert.Equal(model.Tokenizer.StartToken - 4, RareTokens.Rare(model.Tokenizer, 3));
        Assert.Equal(model.Tokenizer.Encode("cat").Ids[1], RareTokens.Of(model.Tokenizer, "cat"));
    }

    [Fact]
    public void No_tensor_is_left()
    {
        using var model = GoldenDiffusion.Model();
        long before = 0;
        var progress = new Reports(p => before = p.Step == 1 ? TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount : before);
        var trainer = Trainer(model, Quick with { Steps = 100, Batch = 2, MicroBatch = 1 });
        var outside = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        long last = 0;
        trainer.Train(_temp["x.safetensors"], 30, new Reports(p =>
        {
            last = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            progress.Report(p);
        }));
        Assert.Equal(before, last);
        Assert.Equal(outside, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void What_cannot_be_trained_is_refused_before_any_work()
    {
        using var model = GoldenDiffusion.Model();
        var concept = Concept("<new1>", 0);
        Refused("no exemplar", concept with { Exemplars = [] });
        Refused("none.png", concept with { Exemplars = [_temp["none.png"]] });
        File.WriteAllText(_temp["text.png"], "no image");
        Refused("text.png", concept with { Exemplars = [_temp["text.png"]] });
        Refused("does not hold the token", concept with { Prompts = ["a cat"] });
        Refused("does not hold the token", concept with { Prompts = [string.Concat(Enumerable.Repeat("word ", 30)) + "<new1>"] });
        Refused("2 exemplars and 3 prompts", concept with { Prompts = ["<new1> a", "<new1> b", "<new1> c"] });
        Refused("cannot be a token", concept with { Token = "new 1" });
        Refused("is there twice", concept, concept);
        Refused("where one is needed", concept with { Initializer = "a long sentence" });
        Refused("multiple of 4", Quick with { ImageSize = 18 });
        Refused("captions", Quick, new RegularizationImages([Picture(1), Picture(2), Picture(3)], ["a", "b"]));
        Refused("already has the token", concept with { Token = "cat", Prompts = ["cat"] });
        Assert.Throws<ArgumentOutOfRangeException>(() => Trainer(model, Quick with { Steps = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Trainer(model, Quick with { ImageSize = 1 << 20 }));
        Assert.Throws<ArgumentException>(() => Trainer(model, Quick with { LearningRate = double.NaN }));
        Assert.Equal(49408, model.Tokenizer.VocabularySize);

        void Refused(string message, params object[] given)
        {
            var concepts = given.OfType<CustomizationConcept>().DefaultIfEmpty(concept).ToArray();
            var e = Assert.Throws<WhenceException>(() => new CustomDiffusionTrainer(
                model, concepts, given.OfType<CustomDiffusionOptions>().SingleOrDefault(Quick), given.OfType<RegularizationImages>().SingleOrDefault()));
            Assert.Contains(message, e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', e.Message);
        }
    }

    private byte[] Train(CustomDiffusionOptions options, string file, params string[] prompts)
    {
        using var model = GoldenDiffusion.Model();
        var concept = Concept("<new1>", 0);
        new CustomDiffusionTrainer(model, [prompts.Length == 0 ? concept : concept with { Prompts = prompts }], options).Train().Concept.Save(_temp[file]);
        return File.ReadAllBytes(_temp[file]);
    }

    private CustomDiffusionTrainer Trainer(DiffusionModel model, CustomDiffusionOptions options) => new(model, [Concept("<new1>", 0)], options);

    private CustomizationConcept Concept(string token, int picture) =>
        new() { Exemplars = [Picture(picture), Picture(picture + 1)], Token = token, Prompts = [CustomizationConcept.ObjectPrompt(token, "cat")] };

    private string Picture(int number)
    {
        var path = _temp[$"{number}.png"];
        File.WriteAllBytes(path, TestImages.Png(number, 20 + number, 24));
        return path;
    }

    private sealed class Reports(Action<CustomizationProgress> told) : IProgress<CustomizationProgress>
    {
        public void Report(CustomizationProgress value) => told(value);
    }
}
