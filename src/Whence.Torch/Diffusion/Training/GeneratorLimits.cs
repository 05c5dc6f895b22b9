using Whence.Files;
using Whence.Torch.Encoders;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion.Training;

/// <summary>What a training keeps in one array each: the latents of all images, and the weights of each stage. It is found out before anything is trained whether they fit.</summary>
internal static class GeneratorLimits
{
    /// <summary>Refuses a training that could not be held.</summary>
    /// <param name="recipe">Its values are checked too.</param>
    /// <param name="images">How many there are.</param>
    /// <exception cref="WhenceException">What is too much, and what makes it less.</exception>
    public static void Check(GeneratorRecipe recipe, int images)
    {
        recipe.Validate();
        Require(images * recipe.LatentValues, $"the latents of {images} images", "raise 'autoencoder.patch', lower 'autoencoder.latentChannels' or take fewer images");
        Require(TrainedWeights.CountOf(() => new Autoencoder(recipe.AutoencoderSpec(), META)), "the weights of the autoencoder", "lower 'autoencoder.channels'");
        Require(
            TrainedWeights.CountOf(() => new UNet(recipe.UNetSpec(), META)) + TrainedWeights.CountOf(() => new ClipTextTransformer(recipe.TextSpec(recipe.Vocabulary.Most), META)),
            "the weights of the U-Net and the text encoder",
            "lower 'unet.channels', 'text.width' or 'vocabulary.most'");
    }

    private static void Require(long numbers, string what, string remedy) =>
        RecipeChecks.Require(numbers <= Array.MaxLength, $"{what} are {numbers} numbers, at most {Array.MaxLength} can be held; {remedy}.");
}
