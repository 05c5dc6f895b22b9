using System.Text.Json.Nodes;
using Whence.Encoders.Text;
using Whence.Torch.Diffusion;
using Whence.Torch.Diffusion.Training;
using Whence.Torch.Training;

namespace Whence.Tests.Torch.Diffusion.Training;

public sealed class GeneratorRecipeTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    public static TheoryData<string, string> Bad => new()
    {
        { "there is no key 'unett', known are", """{"unett": {}}""" },
        { "no key 'patches' in 'autoencoder'", """{"autoencoder": {"patches": 2}}""" },
        { "no key 'rate' in 'unet.training'", """{"unet": {"training": {"steps": 1, "batch": 1, "learningRate": 1, "rate": 2}}}""" },
        { "'learningRate' is missing in 'unet.training'", """{"unet": {"training": {"steps": 1, "batch": 1}}}""" },
        { "version 2, this build reads 'whence-generator' version 1", """{"version": 2}""" },
        { "'images' is empty", """{"images": []}""" },
        { "$.size", """{"size": "large"}""" },
        { "'size' is 18, it must be from 8 to 2048 and a multiple of 4", """{"size": 18}""" },
        { "'size' is 4096, it must be from 8 to 2048", """{"size": 4096}""" },
        { "'images' is empty or has an empty entry", """{"images": ["a.tar", " "]}""" },
        { "'images[0]' is null", """{"images": [null]}""" },
        { "'metadata' is empty", """{"metadata": ""}""" },
        { "'vocabulary.reserved' is 2147483647, it must be from 0 to 999486", """{"vocabulary": {"reserved": 2147483647}}""" },
        { "'vocabulary.leastCount' is 0, it must be at least 1", """{"vocabulary": {"leastCount": 0}}""" },
        { "'text.width' is 65600, it must be from 1 to 65536", """{"text": {"width": 65600}}""" },
        { "'text.depth' is 65, it must be from 1 to 64", """{"text": {"depth": 65}}""" },
        { "'text.heads' is 0, it must be from 1 to 16", """{"text": {"width": 16, "heads": 0}}""" },
        { "'vocabulary.most' is 515, it must be from 516 to 1000000", """{"vocabulary": {"most": 515, "reserved": 2}}""" },
        { "'vocabulary.tokens' is 2", """{"vocabulary": {"tokens": 2}}""" },
        { "'text.width' is 16, it must be a multiple of 'text.heads', which is 3", """{"text": {"width": 16, "heads": 3}}""" },
        { "'autoencoder': 10, 8 channels are not all multiples of 4 groups", """{"autoencoder": {"channels": [10, 8], "normGroups": 4}}""" },
        { "'autoencoder.patch' is 3, it must be a power of two from 1 to 16", """{"autoencoder": {"channels": [8, 8], "normGroups": 4, "patch": 3}}""" },
        { "'autoencoder.patch' is 1073741824", """{"autoencoder": {"channels": [8, 8, 8], "normGroups": 4, "patch": 1073741824}}""" },
        { "'autoencoder.patch' is 0", """{"autoencoder": {"patch": 0}}""" },
        { "'autoencoder.channels' has 0 entries, it must have from 1 to 10", """{"autoencoder": {"channels": []}}""" },
        { "'autoencoder.channels' has 11 entries", """{"autoencoder": {"channels": [16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16]}}""" },
        { "'autoencoder.channels[1]' is 65552, it must be from 1 to 65536", """{"autoencoder": {"channels": [16, 65552]}}""" },
        { "'autoencoder.layers' is 17, it must be from 1 to 16", """{"autoencoder": {"layers": 17}}""" },
        { "'autoencoder.latentChannels' is 1025, it must be from 1 to 1024", """{"autoencoder": {"latentChannels": 1025}}""" },
        { "'autoencoder.klWeight' is -1, it must be from 0 to 1000000", """{"autoencoder": {"klWeight": -1}}""" },
        { "'autoencoder.edgeWeight' is 1000001", """{"autoencoder": {"edgeWeight": 1000001}}""" },
        { "'autoencoder.training.batch' is 65537, it must be from 1 to 65536", """{"autoencoder": {"training": {"steps": 1, "batch": 65537, "learningRate": 1}}}""" },
        { "'autoencoder.training.batch' is 171, it must be from 1 to 170", """{"size": 2048, "autoencoder": {"training": {"steps": 1, "batch": 171, "learningRate": 1}}}""" },
        { "'unet.channels' has 0 entries", """{"unet": {"channels": [], "attention": []}}""" },
        { "'unet.layers' is 17", """{"unet": {"layers": 17}}""" },
        { "'unet.transformerLayers' is 65, it must be from 1 to 64", """{"unet": {"transformerLayers": 65}}""" },
        { "'unet.heads' is 0", """{"unet": {"heads": 0}}""" },
        { "'unet.snrGamma' is -5, it must be from 0 to 1000000", """{"unet": {"snrGamma": -5}}""" },
        { "$.unet.checkpointing", """{"unet": {"checkpointing": 1}}""" },
        { "$.model.precision", """{"model": {"precision": "float8"}}""" },
        { "'unet.training.warmup' is -1, it must be at least 0", """{"unet": {"training": {"steps": 1, "batch": 1, "learningRate": 1, "warmup": -1}}}""" },
        { "'unet.training.clip' is 0, it must be above 0", """{"unet": {"training": {"steps": 1, "batch": 1, "learningRate": 1, "clip": 0}}}""" },
        { "'unet.attention' has 1 entries, 'unet.channels' has 2", """{"unet": {"channels": [8, 8], "attention": [true], "normGroups": 4}}""" },
        { "which 'unet.channels' with 4 steps cannot halve 3 times", """{"unet": {"channels": [8, 8, 8, 8], "attention": [true, true, true, true], "normGroups": 4}}""" },
        { "'unet.captionDropout' is 1", """{"unet": {"captionDropout": 1}}""" },
        { "$.unet.prediction", """{"unet": {"prediction": "image"}}""" },
        { "'unet.training.steps' is 0", """{"unet": {"training": {"steps": 0, "batch": 1, "learningRate": 1}}}""" },
        { "'autoencoder.training.learningRate' is -1", """{"autoencoder": {"training": {"steps": 1, "batch": 1, "learningRate": -1}}}""" },
        { "'unet.training.average' is 1", """{"unet": {"training": {"steps": 1, "batch": 1, "learningRate": 1, "average": 1}}}""" },
        { "precision", """{"unet": {"training": {"steps": 1, "batch": 1, "learningRate": 1, "precision": "float8"}}}""" },
        { "optimizer", """{"unet": {"training": {"steps": 1, "batch": 1, "learningRate": 1, "optimizer": "sgd"}}}""" },
        { "'checkpoint.steps' is 0, it must be at least 1", """{"checkpoint": {"steps": 0}}""" },
        { "'checkpoint.seconds' is 0, it must be above 0 and at most 1000000", """{"checkpoint": {"seconds": 0}}""" },
        { "'samples.each' is 0, it must be from 1 to 64", """{"samples": {"each": 0}}""" },
        { "'samples.every' is -1, it must be at least 0", """{"samples": {"every": -1}}""" },
        { "'samples.steps' is 1000, it must be from 1 to 999", """{"samples": {"steps": 1000}}""" },
        { "'samples.guidance' is 101, it must be from 0 to 100", """{"samples": {"guidance": 101}}""" },
        { "'samples.prompts' has an empty entry", """{"samples": {"prompts": ["a", ""]}}""" },
        { "'samples.prompts[1]' is null", """{"samples": {"prompts": ["a", null]}}""" },
        { "'samples.prompts' has one twice", """{"samples": {"prompts": ["a", "b", "a"]}}""" },
        { "768 images with 12 prompts; a sheet holds at most 64 of 2048 pixels", """{"size": 2048, "samples": {"each": 64}}""" },
        { "recipe.json: 'where': The filter is not ", """{"where": "style "}""" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task What_is_wrong_is_said_in_one_line_that_names_the_file_and_the_key(string expected, string change)
    {
        var recipe = ToyGenerator.Write(_temp.Path, r =>
        {
            foreach (var (key, value) in JsonNode.Parse(change)!.AsObject())
            {
                r[key] = value?.DeepClone();
            }
        });
        var error = await Assert.ThrowsAsync<WhenceException>(() => GeneratorTrainer.OpenAsync(recipe, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(recipe, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("'autoencoder.squaredWeight'", "\"klWeight\": 1e-4, \"squaredWeight\": 1e999", "autoencoder")]
    [InlineData("'unet.snrGamma'", "\"snrGamma\": 1e999", "unet")]
    [InlineData("'checkpoint.seconds'", "\"seconds\": 1e999", "checkpoint")]
    [InlineData("'samples.guidance'", "\"guidance\": 1e999", "samples")]
    [InlineData("'unet.training.clip'", "\"training\": {\"steps\": 1, \"batch\": 1, \"learningRate\": 1, \"clip\": 1e999}", "unet")]
    public void A_number_that_is_read_as_infinite_is_refused(string expected, string entry, string section)
    {
        File.WriteAllText(_temp["r.json"], $$"""{"format": "whence-generator", "version": 1, "images": ["x"], "{{section}}": { {{entry}} } }""");
        Assert.Contains($"{expected} is ", Assert.Throws<WhenceException>(() => GeneratorRecipe.Load(_temp["r.json"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_than_256_prompts_are_refused()
    {
        var prompts = new JsonArray([.. Enumerable.Range(0, 257).Select(i => JsonValue.Create($"thing {i}"))]);
        var path = ToyGenerator.Write(_temp.Path, r => r["samples"] = new JsonObject { ["prompts"] = prompts });
        Assert.Contains("'samples.prompts' has 257 entries, it must have at most 256", Assert.Throws<WhenceException>(() => GeneratorRecipe.Load(path)).Message, StringComparison.Ordinal);
    }

    // What a recipe allows at most is read again from the configurations of the model, and can be sampled.
    [Fact]
    public void The_largest_values_make_a_model_that_can_be_opened_and_sampled()
    {
        var recipe = GeneratorRecipe.Load(ToyGenerator.Write(_temp.Path, r =>
        {
            r["size"] = 2048;
            r["text"] = new JsonObject { ["width"] = 65536, ["depth"] = 64, ["heads"] = 65536 };
            r["vocabulary"] = new JsonObject { ["most"] = 1_000_000, ["tokens"] = 1024 };
            r["autoencoder"] = new JsonObject { ["patch"] = 16, ["channels"] = new JsonArray(65536, 65536), ["layers"] = 16, ["latentChannels"] = 1024 };
            r["unet"] = new JsonObject { ["channels"] = new JsonArray(65536, 65536), ["layers"] = 16, ["transformerLayers"] = 64, ["heads"] = 65536 };
            r["samples"] = new JsonObject { ["steps"] = 999, ["each"] = 5 };
        }));
        recipe.AutoencoderSpec().Save(_temp["vae.json"]);
        recipe.UNetSpec().Save(_temp["unet.json"]);
        TextConfig.Save(_temp["text.json"], recipe.TextSpec(1_000_000), ClipTokenizer.Learn(["a"], new VocabularyOptions(), new ClipTokenizerOptions { ContextLength = 1024, Padding = ClipPadding.EndToken }));
        Assert.Equal(recipe.AutoencoderSpec().BlockChannels, AutoencoderSpec.Load(_temp["vae.json"]).BlockChannels);
        Assert.Equal(recipe.UNetSpec().Heads, UNetSpec.Load(_temp["unet.json"]).Heads);
        Assert.Equal(recipe.TextSpec(1_000_000), TextConfig.Load(_temp["text.json"]));
        Assert.All(Enum.GetValues<BetaSchedule>(), schedule => Scheduler.Create((recipe with { UNet = recipe.UNet with { Schedule = schedule } }).Scheduler(), recipe.Samples.Steps).Dispose());
    }

    [Fact]
    public void A_training_that_could_not_be_held_is_refused_before_it_begins()
    {
        var recipe = GeneratorRecipe.Load(ToyGenerator.Write(_temp.Path));
        AssertRefused("the latents of 100000000 images are 6400000000 numbers, at most 2147483591 can be held; raise 'autoencoder.patch'", recipe, 100_000_000);
        AssertRefused("the weights of the autoencoder are ", recipe with { Autoencoder = recipe.Autoencoder with { Channels = [32768, 32768] } });
        AssertRefused("the weights of the U-Net and the text encoder are ", recipe with { Vocabulary = recipe.Vocabulary with { Most = 1_000_000 }, Text = recipe.Text with { Width = 4096 } });
        AssertRefused("'unet.heads' is 0", recipe with { UNet = recipe.UNet with { Heads = 0 } });
        GeneratorLimits.Check(recipe, 10_000_000);

        static void AssertRefused(string expected, GeneratorRecipe recipe, int images = 12) =>
            Assert.Contains(expected, Assert.Throws<WhenceException>(() => GeneratorLimits.Check(recipe, images)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Comments_are_read_over_and_what_is_not_said_has_its_default()
    {
        var recipe = GeneratorRecipe.Load(ToyGenerator.Write(_temp.Path));
        Assert.Equal((16, 540, 3L), (recipe.Size, recipe.Vocabulary.Most, recipe.Seed));
        Assert.Equal((PredictionType.Velocity, 0.1, 0.999), (recipe.UNet.Prediction, recipe.UNet.CaptionDropout, recipe.Autoencoder.Training.Average));
        Assert.Equal((0, false, WeightPrecision.F32), (recipe.UNet.SnrGamma, recipe.UNet.Checkpointing, recipe.Model.Precision));
        Assert.Equal((4, 4), (recipe.AutoencoderSpec().Factor, recipe.UNetSpec().SampleSize));
    }

    [Fact]
    public void The_rate_rises_then_falls_to_zero()
    {
        var training = new RecipeTraining { Steps = 110, Batch = 1, LearningRate = 2, Warmup = 10 };
        Assert.Equal([0.2, 2, 2, 1], (double[])[training.RateAt(0), training.RateAt(9), training.RateAt(10), training.RateAt(60)]);
        Assert.True(training.RateAt(109) is > 0 and < 1e-3);
        Assert.Equal(2, new RecipeTraining { Steps = 1, Batch = 1, LearningRate = 2, Warmup = 0 }.RateAt(0));
    }

    [Fact]
    public void The_recipes_that_come_with_the_repository_are_read()
    {
        var recipes = Directory.GetFiles(Path.Combine(SharedData.RepositoryRoot, "recipes"), "*.json")
            .Where(file => File.ReadAllText(file).Contains("\"whence-generator\"", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(recipes);
        Assert.All(recipes, file => GeneratorRecipe.Load(file));
    }
}
