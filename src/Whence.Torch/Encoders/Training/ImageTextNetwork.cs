using TorchSharp.Utils;
using Whence.Encoders;
using Whence.Torch.Training;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders.Training;

/// <summary>CLIP (Radford et al. 2021): a tower of images and one of texts, whose features are similar where an image and a text belong together.</summary>
internal sealed class ImageTextNetwork : nn.Module
{
    private const double FirstTemperature = 0.07; // section 2.5 of the authors, as what follows

    private const double MostScale = 100;

    private const string Scale = "logit_scale";

    /// <summary>Logarithm of what similarities are multiplied by at first.</summary>
    public static readonly double FirstLogScale = Math.Log(1 / FirstTemperature);

    private readonly VisionTransformerSpec _spec;

    [ComponentName(Name = "image")]
    private readonly VisionTransformer _image;

    [ComponentName(Name = "text")]
    private readonly ClipTextTransformer _text;

    /// <summary>A network with uninitialised weights.</summary>
    /// <param name="image">Sizes of the image tower.</param>
    /// <param name="text">Sizes of the text tower, with a projection.</param>
    /// <param name="device">Where its weights lie; meta: nowhere.</param>
    public ImageTextNetwork(VisionTransformerSpec image, ClipTextSpec text, Device device)
        : base("image_text")
    {
        _spec = image;
        _image = new VisionTransformer(image, text.Dimension!.Value, device);
        _text = new ClipTextTransformer(text, device);
        register_parameter(Scale, LinearLayer.Uninitialised(device, 1));
        RegisterComponents();
    }

    /// <summary>Fills it with what a training begins with.</summary>
    /// <param name="seed">The same seed gives the same weights.</param>
    public void Initialise(long seed)
    {
        FirstWeights.Fill(this, seed);
        using var none = no_grad();
        LogScale.fill_(FirstLogScale);
    }

    private Tensor LogScale => get_parameter(Scale)!;

    /// <summary>Features of images, not normalised. [n, 3, size, size] -> [n, dimension].</summary>
    public Tensor Images(Tensor pixels) => _image.forward(pixels);

    /// <summary>Features of texts, not normalised.</summary>
    /// <param name="ids">[n, context] ids, int64.</param>
    /// <param name="ends">n places of the end tokens, int64.</param>
    /// <returns>[n, dimension].</returns>
    public Tensor Texts(Tensor ids, Tensor ends)
    {
        using var scope = NewDisposeScope();
        return _text.Project(_text.forward(ids), ends).MoveToOuterDisposeScope();
    }

    /// <summary>The symmetric loss (Figure 3 of the authors): each image is to be told from the others by its text, and each text by its image.</summary>
    /// <param name="images">[n, dimension] of <see cref="Images"/>, float32.</param>
    /// <param name="texts">[n, dimension] of <see cref="Texts"/>, float32, of the same order.</param>
    /// <param name="alike">[n, n], true where two different images have the same text, which is no wrong one then; never on the diagonal.</param>
    /// <returns>The loss, and the share of images to which another text is more similar than their own.</returns>
    public (Tensor Loss, double Error) Loss(Tensor images, Tensor texts, Tensor alike)
    {
        var (n, learned) = (images.shape[0], LogScale.to(ScalarType.Float32));
        var scale = (learned - (learned - Bounded(learned)).detach()).exp(); // bounded, but with the gradient of one that is not: so it can come back
        var unit = (Tensor rows) => nn.functional.normalize(rows, p: 2, dim: 1);
        var logits = (unit(images).matmul(unit(texts).t()) * scale).masked_fill(alike, float.NegativeInfinity);
        var own = arange(n, dtype: ScalarType.Int64);
        var loss = (nn.functional.cross_entropy(logits, own) + nn.functional.cross_entropy(logits.t(), own)) / 2;
        return (loss, logits.argmax(1).ne(own).to(ScalarType.Float32).mean().item<float>());
    }

    /// <summary>The weights under Hugging Face's names of CLIPModel.</summary>
    /// <param name="type">F32 or F16.</param>
    public IReadOnlyList<TensorData> Save(ElementType type) =>
    [
        .. WeightSaving.Tensors(_image, VisionTransformerWeights.HuggingFace(_spec), type),
        .. WeightSaving.Tensors(_text, ClipTextTransformer.HuggingFace(_text.Spec), type),
        TensorData.FromSingle(Scale, [(float)Math.Min(LogScale.item<float>(), Math.Log(MostScale))]),
    ];

    private static Tensor Bounded(Tensor logScale) => logScale.clamp_max(Math.Log(MostScale));
}
