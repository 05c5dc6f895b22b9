using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using Whence.Datasets;
using Whence.Encoders;
using Whence.Encoders.Text;
using Whence.Images;
using Whence.Tests.Evaluation;
using Whence.Tests.Torch.Diffusion.Training;
using Whence.Torch.Encoders;
using Whence.Torch.Encoders.Training;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders.Training;

public sealed class ImageTextTrainerTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void What_it_learns_finds_the_caption_of_an_image_and_is_opened_as_any_encoder()
    {
        var recipe = ToyImageText.Load();
        recipe = recipe with { Training = recipe.Training with { Steps = 120, LearningRate = 0.01 }, Licence = "CC0-1.0" };
        var trainer = new ImageTextTrainer(recipe, ToyImageText.Images(), threads: 1);
        var points = trainer.Train(_temp["out"], cancellation: TestContext.Current.CancellationToken);
        Assert.True(points[^1].Loss < 0.5 * points[0].Loss, $"{points[0].Loss} to {points[^1].Loss}");
        Assert.All(points, point => Assert.InRange(point.Error!.Value, 0, 1));
        Assert.Equal(0, points[^1].Error);

        var spec = EncoderSpec.Load(trainer.SpecIn(_temp["out"]));
        Assert.Equal(("toy", 8, "CC0-1.0"), (spec.Name, spec.Dimension, spec.Licence));
        using var images = ImageEncoders.Open(spec);
        var tokenizer = ClipTokenizer.Load(_temp["out", "encoder"]);
        Assert.Equal(8, tokenizer.ContextLength);
        using var texts = ClipTextEncoder.Open(_temp["out", "encoder", "model.safetensors"], recipe.TextSpec(tokenizer.VocabularySize));
        var captions = new float[2 * 8];
        texts.Encode(tokenizer.Encode(["a red thing", "a blue thing"]).Ids.Span, captions);
        var given = ToyImageText.Images();
        for (var i = 0; i < given.Count; i++)
        {
            var (pixels, feature) = (new float[3 * 16 * 16], new float[8]);
            for (var p = 0; p < 16 * 16; p++)
            {
                for (var channel = 0; channel < 3; channel++)
                {
                    pixels[(channel * 256) + p] = (given.Pixels(i)[(p * 3) + channel] / 127.5f) - 1;
                }
            }

            images.Encode(pixels, feature);
            var (red, blue) = (TensorPrimitives.CosineSimilarity<float>(feature, captions.AsSpan(0, 8)), TensorPrimitives.CosineSimilarity<float>(feature, captions.AsSpan(8)));
            Assert.Equal(i % 2 == 0, red > blue);
        }
    }

    [Fact]
    public async Task Its_spec_prepares_an_image_as_the_training_did()
    {
        var trainer = await ImageTextTrainer.OpenAsync(ToyImageText.Write(_temp.Path), threads: 1, TestContext.Current.CancellationToken);
        trainer.Train(_temp["out"], cancellation: TestContext.Current.CancellationToken);
        var spec = EncoderSpec.Load(trainer.SpecIn(_temp["out"]));
        var prepared = new float[3 * 16 * 16];
        new Preprocessor(spec.Preprocessing).Preprocess(File.ReadAllBytes(_temp["images", "00003.png"]), prepared);
        using var shown = PixelTensors.Of(trainer.Images, [3]);
        Assert.All(shown.data<float>().ToArray().Zip(prepared), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
    }

    [Theory]
    [InlineData(Optimizer.AdamW, EncoderPrecision.F32, 1)]
    [InlineData(Optimizer.Muon, EncoderPrecision.BF16, 2)]
    public void Interrupted_again_and_again_it_ends_with_the_same_bytes(Optimizer optimizer, EncoderPrecision precision, int threads)
    {
        var recipe = ToyImageText.Load();
        recipe = recipe with { Training = recipe.Training with { Optimizer = optimizer, Precision = precision, Batch = 16 }, Model = new() { Precision = WeightPrecision.F16 } };
        var expected = Trainer().Train(_temp["expected"]);
        for (var stop = 1; stop < recipe.Training.Steps; stop += 2)
        {
            using var source = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => Trainer().Train(_temp["out"], new Listener<StepProgress>(p =>
            {
                if (p.Step == stop)
                {
                    source.Cancel();
                }
            }), source.Token));
        }

        Assert.Equal(expected, Trainer().Train(_temp["out"]));
        string[] files = [.. Directory.GetFiles(_temp["expected"], "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(_temp["expected"], f)).Order(StringComparer.Ordinal)];
        Assert.Equal(
            ["encoder/config.json", "encoder/merges.txt", "encoder/model.safetensors", "encoder/tokenizer_config.json", "encoder/toy.json", "encoder/vocab.json", "recipe.json", "training.csv", "training.lock", "training.png", "training.svg"],
            files.Select(f => f.Replace('\\', '/')));
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(_temp["expected", file]), File.ReadAllBytes(_temp["out", file])));

        ImageTextTrainer Trainer() => new(recipe, ToyImageText.Images(), threads);
    }

    [Fact]
    public void A_folder_of_another_training_is_refused_and_left()
    {
        var recipe = ToyImageText.Load();
        using (var source = new CancellationTokenSource())
        {
            Assert.Throws<OperationCanceledException>(() => new ImageTextTrainer(recipe, ToyImageText.Images(), 1).Train(_temp["out"], new Listener<StepProgress>(_ => source.Cancel()), source.Token));
        }

        var checkpoint = File.ReadAllBytes(_temp["out", "checkpoint.safetensors"]);
        AssertRefused("belongs to another training (image.depth 2, not 1)", recipe with { Image = recipe.Image with { Depth = 1 } });
        AssertRefused("belongs to another training (augmentation.flip true, not false)", recipe with { Augmentation = recipe.Augmentation with { Flip = false } });
        AssertRefused("belongs to another training (threads 1, not 2)", recipe, threads: 2);
        AssertRefused("belongs to another training (images ", recipe, images: 11);
        Assert.Equal(checkpoint, File.ReadAllBytes(_temp["out", "checkpoint.safetensors"]));

        new ImageTextTrainer(recipe, ToyImageText.Images(), 1).Train(_temp["out"]);
        AssertRefused("this training is done", recipe);

        void AssertRefused(string expected, ImageTextRecipe recipe, int threads = 1, int images = 12) => Assert.Contains(
            expected, Assert.Throws<WhenceException>(() => new ImageTextTrainer(recipe, ToyImageText.Images(images), threads).Train(_temp["out"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_of_another_size_and_a_loss_that_is_not_finite_are_told()
    {
        var recipe = ToyImageText.Load();
        Assert.Contains("12 images of 16 pixels", Assert.Throws<ArgumentException>(() => new ImageTextTrainer(recipe with { Size = 32 }, ToyImageText.Images())).Message, StringComparison.Ordinal);
        var diverging = recipe with { Training = new() { Steps = 50, Batch = 4, LearningRate = 1000, Warmup = 0, Clip = 1e30 }, Checkpoint = new() { Seconds = 1e6 } };
        var message = Assert.Throws<WhenceException>(() => new ImageTextTrainer(diverging, ToyImageText.Images(), 1).Train(_temp["out"])).Message;
        Assert.Contains("lower 'training.learningRate' (1000)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Captions_that_are_cut_are_learned_by_their_beginning_and_captions_that_are_all_the_same_are_refused()
    {
        var recipe = ToyImageText.Load();
        var cut = new ImageTextTrainer(recipe with { Vocabulary = recipe.Vocabulary with { Tokens = 4 } }, ToyImageText.Images(), 1);
        Assert.Equal((12, 5), (cut.CutCaptions, cut.LongestCaption)); // start, a, red, thing, end
        Assert.All(cut.Train(_temp["out"]), point => Assert.True(double.IsFinite(point.Loss)));
        Assert.Contains(
            "all captions are the same", Assert.Throws<WhenceException>(() => new ImageTextTrainer(recipe, ToyImageText.Images(1))).Message, StringComparison.Ordinal);

        // The tower sees ids: neither case nor what is cut tells captions apart.
        CaptionedImages Captioned(params string[] captions) => CaptionedImages.Of(16, [.. captions.Select((caption, i) => (ToyImageText.Images().Pixels(i).ToArray(), caption))]);
        Assert.Contains("all captions are the same", Assert.Throws<WhenceException>(() => new ImageTextTrainer(recipe, Captioned("a red thing", "A  red THING"))).Message, StringComparison.Ordinal);
        var tokenizer = recipe.Vocabulary.Learn(["a red thing", "a blue thing"]);
        Assert.Equal([0, 1, 0], ImageTextTraining.Texts(tokenizer.Encode(["a red thing", "a blue thing", "A red thing"])));
    }

    [Fact]
    public void What_does_not_bear_on_the_state_may_change_meanwhile_and_is_recorded()
    {
        var recipe = ToyImageText.Load();
        using (var source = new CancellationTokenSource())
        {
            Assert.Throws<OperationCanceledException>(() => new ImageTextTrainer(recipe, ToyImageText.Images(), 1).Train(
                _temp["out"], new Listener<StepProgress>(p => { if (p.Step == recipe.Training.Steps) { source.Cancel(); throw new OperationCanceledException(); } }), source.Token));
        }

        recipe = recipe with { Name = "other", Model = new() { Precision = WeightPrecision.F16 } };
        new ImageTextTrainer(recipe, ToyImageText.Images(), 1).Train(_temp["out"]);
        Assert.Equal(("other", WeightPrecision.F16), (ImageTextRecipe.Load(_temp["out", "recipe.json"]).Name, ImageTextRecipe.Load(_temp["out", "recipe.json"]).Model.Precision));
        Assert.True(File.Exists(_temp["out", "encoder", "other.json"]));
    }

    [Fact]
    public void A_checkpoint_of_a_generator_is_neither_gone_on_with_nor_deleted()
    {
        new ImageTextTrainer(ToyImageText.Load(), ToyImageText.Images(), 1).Train(_temp["out"]);
        GeneratorTrainerTests.Stop(_temp["generator"], "unet", 2);
        var state = File.ReadAllBytes(_temp["generator", "checkpoint.safetensors"]);
        File.Copy(_temp["generator", "checkpoint.safetensors"], _temp["out", "checkpoint.safetensors"]);
        AssertRefused("this training is done");
        Directory.Delete(_temp["out", "encoder"], recursive: true);
        AssertRefused("is no file of a training that this build can go on with");
        Assert.Equal(state, File.ReadAllBytes(_temp["out", "checkpoint.safetensors"]));

        void AssertRefused(string expected) => Assert.Contains(
            expected, Assert.Throws<WhenceException>(() => new ImageTextTrainer(ToyImageText.Load(), ToyImageText.Images(), 1).Train(_temp["out"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_are_shown_as_the_augmentation_says()
    {
        var recipe = ToyImageText.Load();
        recipe = recipe with { Augmentation = new() { Flip = false, Shift = 0 } };
        var plain = FirstLoss(recipe);
        Assert.Equal(plain, FirstLoss(recipe));
        Assert.NotEqual(plain, FirstLoss(recipe with { Augmentation = new() { Flip = true, Shift = 0 } }));
        Assert.NotEqual(plain, FirstLoss(recipe with { Augmentation = new() { Flip = false, Shift = 3 } }));

        static double FirstLoss(ImageTextRecipe recipe)
        {
            // A gradient from left to right and from top to bottom, which is another one in a mirror, and elsewhere.
            var images = CaptionedImages.Of(16, [.. Enumerable.Range(0, 6).Select(i => ((byte[])[.. Enumerable.Range(0, 16 * 16 * 3).Select(p => (byte)((p / 3 % 16 * 8) + (p / 48 * 4) + (10 * i)))], $"number {i}"))]);
            var tokenizer = recipe.Vocabulary.Learn(images.Captions);
            using var scope = NewDisposeScope();
            using var network = new ImageTextNetwork(recipe.ImageSpec(), recipe.TextSpec(tokenizer.VocabularySize), CPU);
            network.Initialise(1);
            _ = new TrainedWeights(network); // gradients
            using var training = new ImageTextTraining(recipe, images, tokenizer, network, threads: 1);
            return training.Backward(0).Loss;
        }
    }

    public static TheoryData<string, string> Bad => new()
    {
        { "there is no key 'imagee', known are", """{"imagee": {}}""" },
        { "version 2, this build reads 'whence-image-text' version 1", """{"version": 2}""" },
        { "'images' is empty", """{"images": []}""" },
        { "'where'", """{"where": "style ="}""" },
        { "'name': name is 'a/b', but must be a plain word", """{"name": "a/b"}""" },
        { "'name' is 'Vocab', it must have at most 200 bytes and not be config, vocab", """{"name": "Vocab"}""" },
        { "it must have at most 200 bytes", $$"""{"name": "{{new string('ü', 101)}}"}""" },
        { "'size' is 18, it must be from 8 to 1024 and a multiple of 'image.patch', which is 4", """{"size": 18}""" },
        { "'image.patch' is 0", """{"image": {"patch": 0}}""" },
        { "'image.width' is 16, it must be a multiple of 'image.heads', which is 3", """{"image": {"patch": 4, "width": 16, "heads": 3}}""" },
        { "'image.depth' is 0, it must be from 1 to 64", """{"image": {"patch": 4, "depth": 0}}""" },
        { "'text.width' is 16, it must be a multiple of 'text.heads', which is 3", """{"text": {"width": 16, "heads": 3}}""" },
        { "'dimension' is 0, it must be from 1 to 65536", """{"dimension": 0}""" },
        { "'augmentation.shift' is 16, it must be from 0 to 15", """{"augmentation": {"shift": 16}}""" },
        { "'training.batch' is 1, it must be from 2 to 32768", """{"training": {"steps": 1, "batch": 1, "learningRate": 1}}""" },
        { "'training.warmup' is -1, it must be at least 0", """{"training": {"steps": 1, "batch": 2, "learningRate": 1, "warmup": -1}}""" },
        { "'learningRate' is missing in 'training'", """{"training": {"steps": 1, "batch": 2}}""" },
        { "$.model.precision", """{"model": {"precision": "float8"}}""" },
        { "'checkpoint.steps' is 0", """{"checkpoint": {"steps": 0}}""" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_recipe_with_a_wrong_value_is_refused_in_a_line_that_names_it(string expected, string changes)
    {
        var path = ToyImageText.Write(_temp.Path, recipe =>
        {
            foreach (var (key, value) in JsonNode.Parse(changes)!.AsObject())
            {
                recipe[key] = value!.DeepClone();
            }
        });
        var message = Assert.Throws<WhenceException>(() => ImageTextRecipe.Load(path)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
