using System.Text.Json.Nodes;
using Whence.Torch.Diffusion;
using Whence.Torch.Diffusion.Training;

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
        { "'size' is 18, it must be from 8 to 4096 and a multiple of 4", """{"size": 18}""" },
        { "'vocabulary.most' is 515, it must be at least 516", """{"vocabulary": {"most": 515, "reserved": 2}}""" },
        { "'vocabulary.tokens' is 2", """{"vocabulary": {"tokens": 2}}""" },
        { "a width of 16, which is no multiple of 3 heads", """{"text": {"width": 16, "heads": 3}}""" },
        { "'autoencoder': 10, 8 channels are not all multiples of 4 groups", """{"autoencoder": {"channels": [10, 8], "normGroups": 4}}""" },
        { "patch_size a power of two", """{"autoencoder": {"channels": [8, 8], "normGroups": 4, "patch": 3}}""" },
        { "'autoencoder' has a weight below 0", """{"autoencoder": {"klWeight": -1}}""" },
        { "'unet.attention' has 1 entries, 'unet.channels' has 2", """{"unet": {"channels": [8, 8], "attention": [true], "normGroups": 4}}""" },
        { "which 'unet.channels' with 4 steps cannot halve 3 times", """{"unet": {"channels": [8, 8, 8, 8], "attention": [true, true, true, true], "normGroups": 4}}""" },
        { "'unet.captionDropout' is 1", """{"unet": {"captionDropout": 1}}""" },
        { "$.unet.prediction", """{"unet": {"prediction": "image"}}""" },
        { "'unet.training.steps' is 0", """{"unet": {"training": {"steps": 0, "batch": 1, "learningRate": 1}}}""" },
        { "'autoencoder.training.learningRate' is -1", """{"autoencoder": {"training": {"steps": 1, "batch": 1, "learningRate": -1}}}""" },
        { "'unet.training.average' is 1", """{"unet": {"training": {"steps": 1, "batch": 1, "learningRate": 1, "average": 1}}}""" },
        { "precision", """{"unet": {"training": {"steps": 1, "batch": 1, "learningRate": 1, "precision": "float8"}}}""" },
        { "'checkpoint' has a number out of range", """{"checkpoint": {"steps": 0}}""" },
        { "'samples' has a number out of range", """{"samples": {"each": 0}}""" },
        { "recipe.json: The filter is not ", """{"where": "style "}""" },
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

    [Fact]
    public void Comments_are_read_over_and_what_is_not_said_has_its_default()
    {
        var recipe = GeneratorRecipe.Load(ToyGenerator.Write(_temp.Path));
        Assert.Equal((16, 540, 3L), (recipe.Size, recipe.Vocabulary.Most, recipe.Seed));
        Assert.Equal((PredictionType.Velocity, 0.1, 0.999), (recipe.UNet.Prediction, recipe.UNet.CaptionDropout, recipe.Autoencoder.Training.Average));
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
