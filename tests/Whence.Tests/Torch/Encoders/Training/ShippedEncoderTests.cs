using System.Numerics.Tensors;
using Whence.Encoders;
using Whence.Encoders.Text;
using Whence.Images;
using Whence.Torch.Encoders;
using Whence.Torch.Encoders.Training;

namespace Whence.Tests.Torch.Encoders.Training;

/// <summary>models/emoji64-clip, which the repository's recipe trained.</summary>
public sealed class ShippedEncoderTests
{
    private static readonly string Folder = Path.Combine(SharedData.RepositoryRoot, "models", "emoji64-clip");

    [Fact]
    public async Task It_is_what_its_recipe_says_and_tells_drawings_by_their_names()
    {
        var recipe = ImageTextRecipe.Load(Path.Combine(SharedData.RepositoryRoot, "recipes", "emoji64-clip.json"));
        var spec = EncoderSpec.Load(Path.Combine(Folder, "emoji64-clip.json"));
        Assert.Equal((recipe.Name, recipe.Dimension, recipe.Licence), (spec.Name, spec.Dimension, spec.Licence));
        Assert.Equal(recipe.ImageSpec(), spec.Network);
        var tokenizer = ClipTokenizer.Load(Folder);
        Assert.Equal(recipe.Vocabulary.Tokens, tokenizer.ContextLength);
        using var images = ImageEncoders.Open(spec);
        using var texts = ClipTextEncoder.Open(Path.Combine(Folder, "model.safetensors"), recipe.TextSpec(tokenizer.VocabularySize));

        // Drawings of the demo's gallery, of designers whom it knows and of one whom it does not, in another size than it was trained with.
        var (names, features) = (new List<string>(), new List<float[]>());
        var preprocessor = new Preprocessor(spec.Preprocessing);
        await foreach (var item in ImageSources.EnumerateAsync(
            [Path.Combine(SharedData.RepositoryRoot, "src", "Whence.Cli", "Demo", "gallery.tar")], DecodeLimits.Default.MaxFileBytes, TestContext.Current.CancellationToken))
        {
            var content = await item.ReadAsync(TestContext.Current.CancellationToken);
            var (pixels, feature) = (new float[3 * recipe.Size * recipe.Size], new float[recipe.Dimension]);
            preprocessor.Preprocess(content.Bytes.Span, pixels);
            images.Encode(pixels, feature);
            names.Add(content.Metadata["label"]);
            features.Add(feature);
        }

        string[] labels = [.. names.Distinct().Order(StringComparer.Ordinal)];
        var captions = new float[labels.Length * recipe.Dimension];
        texts.Encode(tokenizer.Encode([.. labels.Select(label => $"a {label}")]).Ids.Span, captions);
        var before = names.Zip(features, (name, feature) =>
        {
            float Similarity(int label) => TensorPrimitives.CosineSimilarity<float>(feature, captions.AsSpan(label * recipe.Dimension, recipe.Dimension));
            var own = Similarity(Array.IndexOf(labels, name));
            return Enumerable.Range(0, labels.Length).Count(label => Similarity(label) > own);
        });
        Assert.True(before.Average() < labels.Length / 5.0, $"{before.Average():F1} of {labels.Length} names stand before a drawing's own on the average"); // by chance half of them
    }
}
