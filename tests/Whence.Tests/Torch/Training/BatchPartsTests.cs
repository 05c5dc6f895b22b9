using Whence.Encoders.Text;
using Whence.Tests.Torch.Diffusion.Training;
using Whence.Tests.Torch.Encoders.Training;
using Whence.Torch.Diffusion;
using Whence.Torch.Diffusion.Training;
using Whence.Torch.Encoders;
using Whence.Torch.Encoders.Training;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Training;

public sealed class BatchPartsTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(1, 4, 1)]
    [InlineData(15, 4, 1)]
    [InlineData(16, 4, 2)]
    [InlineData(64, 2, 2)]
    [InlineData(65, 3, 3)]
    [InlineData(1000, 1, 1)]
    public void Every_image_is_in_one_part_and_a_part_has_no_few(int images, int threads, int expected)
    {
        var parts = new BatchParts(images, threads);
        Assert.Equal(expected, parts.Count);
        var (next, fewest) = (0, int.MaxValue);
        for (var part = 0; part < parts.Count; part++)
        {
            var (first, count) = parts[part];
            Assert.Equal(next, first);
            (next, fewest) = (first + count, Math.Min(fewest, count));
        }

        Assert.Equal(images, next);
        Assert.True(parts.Count == 1 || fewest >= 8);
    }

    [Fact]
    public void Sums_are_those_of_all_parts_and_afterwards_there_are_as_many_threads_as_before()
    {
        TorchRuntime.Use(2);
        Assert.Equal([6.0, 60], new BatchParts(40, 3).Sum(part => [part + 1, 10 * (part + 1)]));
        Assert.Equal(2, get_num_threads());
        Assert.Throws<WhenceException>(() => new BatchParts(40, 3).Sum(part => part == 1 ? throw new WhenceException("one part fails") : [0]));
        Assert.Equal(2, get_num_threads());
    }

    [Fact]
    public void The_U_Net_learns_the_same_from_parts_as_from_all_images_together()
    {
        var (together, parts) = (Learned(1), Learned(3));
        Assert.Equal(together.Loss, parts.Loss, 1e-5);
        AssertNear(together.Weights, parts.Weights);

        (double Loss, float[] Weights) Learned(int threads)
        {
            using var scope = NewDisposeScope();
            var recipe = Recipe();
            string[] captions = ["a red thing", "a blue thing", "nothing"];
            var tokenizer = ClipTokenizer.Learn(
                captions, new VocabularyOptions { Most = 540, Reserved = 2 }, new ClipTokenizerOptions { ContextLength = recipe.Vocabulary.Tokens, Padding = ClipPadding.EndToken });
            using var model = DiffusionModel.Create(recipe.UNetSpec(), recipe.AutoencoderSpec(), recipe.TextSpec(tokenizer.VocabularySize), tokenizer, seed: 1);
            float[] moments = [.. Enumerable.Range(0, 3 * 4 * 16).Select(i => MathF.Sin(i))];
            using var training = new UNetTraining(recipe, new LatentCache(moments, [3, 4, 4, 4]), captions, model, threads);
            Assert.Equal(threads, training.Networks.Count);
            return Steps(training.Networks, training.Backward);
        }
    }

    [Fact]
    public void The_autoencoder_learns_the_same_from_parts_as_from_all_images_together()
    {
        var (together, parts) = (Learned(1), Learned(3));
        Assert.Equal(together.Loss, parts.Loss, 1e-5);
        AssertNear(together.Weights, parts.Weights);

        (double Loss, float[] Weights) Learned(int threads)
        {
            using var scope = NewDisposeScope();
            var recipe = Recipe();
            using var network = new Autoencoder(recipe.AutoencoderSpec(), CPU);
            FirstWeights.Fill(network, 1);
            using var training = new AutoencoderTraining(recipe, ToyGenerator.Images(), network, threads);
            Assert.Equal(threads, training.Networks.Count);
            return Steps([.. training.Networks.Select(one => (nn.Module[])[one])], training.Backward);
        }
    }

    [Fact]
    public void Images_and_texts_learn_the_same_from_parts_as_from_all_images_together()
    {
        var recipe = ToyImageText.Load();
        recipe = recipe with { Training = recipe.Training with { Batch = 25 }, Augmentation = new() { Flip = false, Shift = 0 } };
        var images = ToyImageText.Images(25); // more than one step has: each is taken once
        var tokenizer = recipe.Vocabulary.Learn(images.Captions);
        var (plain, together, parts) = (Learned(0), Learned(1), Learned(3));
        Assert.Equal(plain.Loss, together.Loss, 1e-5);
        Assert.Equal(plain.Loss, parts.Loss, 1e-5);
        AssertNear(plain.Gradient, together.Gradient, 1e-4f);
        AssertNear(plain.Gradient, parts.Gradient, 1e-4f);

        // With no thread: as one would write it down, without parts and without going back from features. The gradient and not the weights: biases of keys change no attention, and an optimizer makes steps of the noise in their gradient.
        (double Loss, float[] Gradient) Learned(int threads)
        {
            using var scope = NewDisposeScope();
            using var network = new ImageTextNetwork(recipe.ImageSpec(), recipe.TextSpec(tokenizer.VocabularySize), CPU);
            network.Initialise(1);
            using var training = new ImageTextTraining(recipe, images, tokenizer, network, Math.Max(1, threads));
            Assert.Equal(Math.Max(1, threads), training.Networks.Count);
            _ = TrainedWeights.OfParts(training.Networks.Select(one => (nn.Module[])[one]), threads: 1); // they take gradients from here on
            var loss = (threads == 0 ? Plain(network, 0) : training.Backward(0)).Loss;
            var gradients = training.Networks.SelectMany(one => one.named_parameters()).GroupBy(named => named.name, named => named.parameter.grad);
            return (loss, [.. gradients.SelectMany(all => all.OfType<Tensor>().Aggregate((sum, next) => sum + next).contiguous().data<float>().ToArray())]);
        }

        StepLoss Plain(ImageTextNetwork network, long step)
        {
            var all = new EpochOrder(recipe.Seed, 1, images.Count, images.Count).Images(step);
            string[] texts = [.. all.Select(image => images.Captions[image])];
            var captions = tokenizer.Encode(texts);
            var ids = tensor([.. captions.Ids.ToArray().Select(id => (long)id)], [images.Count, tokenizer.ContextLength]);
            var features = network.Texts(ids, tensor([.. captions.Tokens.Select(tokens => tokens - 1L)]));
            var alike = tensor([.. texts.Index().SelectMany(i => texts.Index().Select(j => i.Index != j.Index && i.Item == j.Item))], [images.Count, images.Count]);
            var (loss, error) = network.Loss(network.Images(PixelTensors.Of(images, all)), features, alike);
            loss.backward();
            return new StepLoss(loss.item<float>(), error);
        }
    }

    // Steps as a training makes them: in the second one the parts must have the weights that the first one left.
    private static (double Loss, float[] Weights) Steps(IReadOnlyList<IReadOnlyList<nn.Module>> networks, Func<long, StepLoss> backward)
    {
        var weights = new TrainedWeights(networks[0]);
        foreach (var twin in networks.Skip(1))
        {
            weights.AddTwin(twin);
        }

        var loss = 0.0;
        for (var step = 0; step < 3; step++)
        {
            weights.ClearGradients();
            loss = backward(step).Loss;
            weights.Step(step + 1, 0.01, new OptimizerOptions(0, 1, 0.9, Optimizer.Muon));
        }

        return (loss, weights.Values);
    }

    private static void AssertNear(float[] expected, float[] actual, float tolerance = 1e-3f) => Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, tolerance));

    // 25 images a step, which three threads share unequally.
    private GeneratorRecipe Recipe()
    {
        var recipe = GeneratorRecipe.Load(ToyGenerator.Write(_temp.Path));
        return recipe with
        {
            Autoencoder = recipe.Autoencoder with { Training = recipe.Autoencoder.Training with { Batch = 25 } },
            UNet = recipe.UNet with { Training = recipe.UNet.Training with { Batch = 25 } },
        };
    }
}
