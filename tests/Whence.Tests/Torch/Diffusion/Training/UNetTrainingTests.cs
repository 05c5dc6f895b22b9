using Whence.Encoders.Text;
using Whence.Torch.Diffusion;
using Whence.Torch.Diffusion.Training;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion.Training;

public sealed class UNetTrainingTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    // With one image a step has one time: what weighting makes of its loss must be the weight of one of the times.
    [Theory]
    [InlineData(PredictionType.Velocity)]
    [InlineData(PredictionType.Epsilon)]
    public void A_bounded_ratio_weights_each_time_by_the_formula(PredictionType prediction)
    {
        const double Gamma = 5, Rtol = 1e-5;
        var noise = new NoiseSchedule(new SchedulerSpec { Prediction = prediction });
        double[] weights = [.. Enumerable.Range(0, noise.Count).Select(t => noise.LossWeight(t, Gamma))];
        Assert.All(Enumerable.Range(0, 8), step =>
        {
            var ratio = Loss(prediction, Gamma, batch: 1, step) / Loss(prediction, 0, batch: 1, step);
            Assert.Contains(weights, weight => Math.Abs(weight - ratio) <= Rtol * weight);
        });
    }

    [Fact]
    public void A_bound_that_no_ratio_reaches_leaves_the_noise_as_it_is()
    {
        Assert.Equal(Loss(PredictionType.Epsilon, 0, batch: 5, 0), Loss(PredictionType.Epsilon, 1e6, batch: 5, 0), 1e-5);
        Assert.True(Loss(PredictionType.Velocity, 5, batch: 5, 0) < Loss(PredictionType.Velocity, 0, batch: 5, 0));
    }

    // Whatever is predicted, the weight is that of the error of the image (Hang et al. 2023, section 3.4).
    [Theory]
    [InlineData(PredictionType.Velocity)]
    [InlineData(PredictionType.Epsilon)]
    public void The_weighted_error_is_the_bounded_ratio_times_the_error_of_the_image(PredictionType prediction)
    {
        const double Gamma = 5, Off = 0.01;
        var noise = new NoiseSchedule(new SchedulerSpec { Prediction = prediction });
        Assert.All((int[])[0, 1, 99, 300, 500, 998, 999], t =>
        {
            var abar = (double)noise.AlphasCumprod[t];
            var image = prediction == PredictionType.Velocity ? Math.Sqrt(1 - abar) * Off : Math.Sqrt((1 - abar) / abar) * Off; // of a prediction that is wrong by so much
            var expected = Math.Min(abar / (1 - abar), Gamma) * image * image;
            Assert.Equal(expected, noise.LossWeight(t, Gamma) * Off * Off, 1e-9 * expected);
        });
    }

    [Fact]
    public void The_network_is_told_whether_to_keep_its_activations()
    {
        using var model = Model(PredictionType.Velocity, 0, 1, checkpointing: true, out var training);
        using var own = training;
        Assert.True(model.UNet.Checkpointing);
    }

    private double Loss(PredictionType prediction, double gamma, int batch, long step)
    {
        using var scope = NewDisposeScope();
        using var model = Model(prediction, gamma, batch, checkpointing: false, out var training);
        using var own = training;
        foreach (var parameter in model.UNet.parameters())
        {
            parameter.requires_grad = true;
        }

        return training.Backward(step).Loss;
    }

    private DiffusionModel Model(PredictionType prediction, double gamma, int batch, bool checkpointing, out UNetTraining training, int threads = 1)
    {
        var recipe = GeneratorRecipe.Load(ToyGenerator.Write(_temp.Path));
        recipe = recipe with
        {
            UNet = recipe.UNet with { Prediction = prediction, SnrGamma = gamma, Checkpointing = checkpointing, Training = recipe.UNet.Training with { Batch = batch } },
        };
        string[] captions = ["a red thing", "a blue thing", "nothing"];
        var tokenizer = ClipTokenizer.Learn(
            captions, new VocabularyOptions { Most = 540, Reserved = 2 }, new ClipTokenizerOptions { ContextLength = recipe.Vocabulary.Tokens, Padding = ClipPadding.EndToken });
        var model = DiffusionModel.Create(recipe.UNetSpec(), recipe.AutoencoderSpec(), recipe.TextSpec(tokenizer.VocabularySize), tokenizer, seed: 1);
        float[] moments = [.. Enumerable.Range(0, 3 * 4 * 16).Select(i => MathF.Sin(i))];
        training = new UNetTraining(recipe, new LatentCache(moments, [3, 4, 4, 4]), captions, model, threads);
        return model;
    }
}
