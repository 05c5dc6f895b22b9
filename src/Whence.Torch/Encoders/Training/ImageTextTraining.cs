using Whence.Datasets;
using Whence.Encoders.Text;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders.Training;

/// <summary>How both towers learn, together: by telling which caption of a batch belongs to which image.</summary>
internal sealed class ImageTextTraining : IDisposable
{
    private const int Stage = 1;

    private readonly ImageTextRecipe _recipe;
    private readonly CaptionedImages _images;
    private readonly EpochOrder _order;
    private readonly int[] _ids, _ends, _texts;
    private readonly ScalarType _type;
    private readonly BatchParts _parts;
    private readonly ImageTextNetwork[] _networks;

    /// <param name="recipe">What is learned with.</param>
    /// <param name="images">With their captions.</param>
    /// <param name="tokenizer">Of the recipe's vocabulary.</param>
    /// <param name="network">Learns.</param>
    /// <param name="threads">Threads of libtorch, at least 1.</param>
    public ImageTextTraining(ImageTextRecipe recipe, CaptionedImages images, ClipTokenizer tokenizer, ImageTextNetwork network, int threads)
    {
        (_recipe, _images, _type) = (recipe, images, recipe.Training.Type);
        _order = new EpochOrder(recipe.Seed, Stage, images.Count, recipe.Training.Batch);
        var captions = tokenizer.Encode(images.Captions);
        (_ids, _texts) = ([.. captions.Ids.Span], Texts(captions));
        _ends = [.. Enumerable.Range(0, images.Count).Select(i => _ids.AsSpan(i * tokenizer.ContextLength, tokenizer.ContextLength).IndexOf(tokenizer.EndToken))];
        _parts = new BatchParts(recipe.Training.Batch, threads);
        _networks = [network, .. _parts.Twins(_type, () => new ImageTextNetwork(recipe.ImageSpec(), recipe.TextSpec(tokenizer.VocabularySize), CPU))];
    }

    /// <summary>The networks that compute a part of the images each: the one that was given first, then those that must have the same weights.</summary>
    public IReadOnlyList<ImageTextNetwork> Networks => _networks;

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_networks[1..], network => network.Dispose());

    /// <summary>
    /// The loss of a step, and the gradients of the weights. Every part's features are needed for the loss of any, so that the parts first compute features, and then go back from
    /// the gradients of these.
    /// </summary>
    public StepLoss Backward(long step)
    {
        using var random = new StepRandom(_recipe.Seed, Stage, step);
        var batch = _order.Images(step);
        var pixels = PixelTensors.Of(_images, batch, () => Place(random)).to(_type);
        var (ids, ends) = Tokens(batch);
        var parts = new (Tensor Images, Tensor Texts)[_parts.Count];
        try
        {
            _parts.ForEach(part =>
            {
                var (first, count) = _parts[part];
                Tensor Own(Tensor all) => all.narrow(0, first, count);
                var images = _networks[part].Images(Own(pixels)).to(ScalarType.Float32);
                var texts = _networks[part].Texts(Own(ids), Own(ends)).to(ScalarType.Float32);
                parts[part] = (images.DetachFromDisposeScope(), texts.DetachFromDisposeScope());
            });
            var (allImages, allTexts) = (Leaf(parts.Select(p => p.Images)), Leaf(parts.Select(p => p.Texts)));
            var (loss, error) = _networks[0].Loss(allImages, allTexts, Alike(batch));
            loss.backward();
            _parts.ForEach(part =>
            {
                var (first, count) = _parts[part];
                var (images, texts) = parts[part];
                ((images * allImages.grad!.narrow(0, first, count)).sum() + (texts * allTexts.grad!.narrow(0, first, count)).sum()).backward();
            });
            return new StepLoss(loss.item<float>(), error);
        }
        finally
        {
            foreach (var (images, texts) in parts)
            {
                images?.Dispose();
                texts?.Dispose();
            }
        }
    }

    /// <summary>A number for each caption, the same for captions of which the text tower sees the same.</summary>
    public static int[] Texts(TokenBatch captions)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        return [.. Enumerable.Range(0, captions.Tokens.Count).Select(i =>
        {
            var seen = string.Join(' ', captions.Ids.Slice(i * captions.ContextLength, captions.ContextLength).ToArray());
            return numbers.TryAdd(seen, numbers.Count) ? numbers.Count - 1 : numbers[seen];
        })];
    }

    private static Tensor Leaf(IEnumerable<Tensor> parts) => cat([.. parts.Select(part => part.detach())]).requires_grad_();

    private Placement Place(StepRandom random)
    {
        var shift = _recipe.Augmentation.Shift;
        int Moved() => (int)(random.Next() * ((2 * shift) + 1)) - shift;
        return new Placement(_recipe.Augmentation.Flip && random.Next() < 0.5, Moved(), Moved());
    }

    private (Tensor Ids, Tensor Ends) Tokens(int[] batch)
    {
        var context = _recipe.Vocabulary.Tokens;
        long[] ids = [.. batch.SelectMany(image => Enumerable.Range(image * context, context).Select(i => (long)_ids[i]))];
        return (tensor(ids, [batch.Length, context]), tensor([.. batch.Select(image => (long)_ends[image])]));
    }

    private Tensor Alike(int[] batch)
    {
        var alike = new bool[batch.Length * batch.Length];
        for (var i = 0; i < batch.Length; i++)
        {
            for (var j = 0; j < batch.Length; j++)
            {
                alike[(i * batch.Length) + j] = i != j && _texts[batch[i]] == _texts[batch[j]];
            }
        }

        return tensor(alike, [batch.Length, batch.Length]);
    }
}
