using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using Whence.Encoders;
using Whence.Encoders.Text;
using Whence.Torch.Encoders;
using Whence.Torch.Training;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// A latent diffusion model (Rombach et al. 2022): an autoencoder, a U-Net, CLIP's text encoder and its tokenizer. Stable Diffusion 1.x as people have it on disk, or any other
/// sizes of the same networks. One thread at a time may use it.
/// </summary>
public sealed class DiffusionModel : IDisposable
{
    private readonly Device _device;

    private DiffusionModel(UNet unet, Autoencoder autoencoder, ClipTextTransformer text, ClipTokenizer tokenizer, DiffusionOptions options)
    {
        _device = TorchRuntime.Find(options.Device);
        var type = options.Precision == EncoderPrecision.BF16 ? ScalarType.BFloat16 : ScalarType.Float32;
        using var none = no_grad();
        UNet = unet.to(_device).to(type);
        TextEncoder = text.to(_device).to(type);
        Autoencoder = autoencoder.to(_device);
        Tokenizer = tokenizer;
    }

    /// <summary>What it is called in the metadata of its images: the name of the folder or file that it was opened from; empty where there was none.</summary>
    public string Name { get; internal set; } = "";

    /// <summary>The noise that it was trained with, and how it is sampled unless something else is asked for.</summary>
    public SchedulerSpec Scheduler { get; internal set; } = new();

    /// <summary>Turns prompts into ids.</summary>
    public ClipTokenizer Tokenizer { get; internal set; }

    /// <summary>Pixels on a side of a latent's cell.</summary>
    public int Factor => Autoencoder.Spec.Factor;

    /// <summary>Side in pixels of the images that the model was trained on.</summary>
    public int ImageSize => UNet.Spec.SampleSize * Factor;

    internal UNet UNet { get; }

    internal Autoencoder Autoencoder { get; }

    internal ClipTextTransformer TextEncoder { get; }

    internal Device Device => _device;

    /// <summary>Opens a model.</summary>
    /// <param name="path">A folder in diffusers' layout, or a single file with CompVis' names (<c>.ckpt</c>, <c>.safetensors</c>).</param>
    /// <param name="options">Null: the defaults.</param>
    /// <exception cref="WhenceException">Something is missing, damaged, or does not fit; what differs of a network's tensors is listed in one message.</exception>
    public static DiffusionModel Open(string path, DiffusionOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new();
        TorchRuntime.Find(options.Device);
        TorchRuntime.UseAllCores();
        var model = Directory.Exists(path) ? new ModelFolder(path).Open(options) : SingleFileModel.Open(path, options);
        model.Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        return model;
    }

    /// <summary>A model with weights that nothing was learned with.</summary>
    /// <param name="unet">Its sizes.</param>
    /// <param name="autoencoder">Its sizes.</param>
    /// <param name="text">Its sizes; the width is the U-Net's <see cref="UNetSpec.CrossAttentionWidth"/>.</param>
    /// <param name="tokenizer">With at most as many ids as the text encoder has.</param>
    /// <param name="seed">The same seed gives the same weights.</param>
    /// <exception cref="ArgumentException">Sizes are impossible or do not fit together.</exception>
    public static DiffusionModel Create(UNetSpec unet, AutoencoderSpec autoencoder, ClipTextSpec text, ClipTokenizer tokenizer, long seed)
    {
        ArgumentNullException.ThrowIfNull(unet);
        ArgumentNullException.ThrowIfNull(autoencoder);
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(tokenizer);
        unet.Validate();
        autoencoder.Validate();
        text.Validate();
        if (Misfit(unet, autoencoder, text, tokenizer) is { } misfit)
        {
            throw new ArgumentException(misfit);
        }

        TorchRuntime.UseAllCores();
        return Build(() => Filled(new UNet(unet, CPU), seed), () => Filled(new Autoencoder(autoencoder, CPU), seed + 1), () => Filled(new ClipTextTransformer(text, CPU), seed + 2), tokenizer, new());
    }

    /// <summary>Writes the model as a folder in diffusers' layout.</summary>
    /// <param name="folder">Is made where it is missing; files of the same names are replaced.</param>
    /// <param name="type">F32, F16 or BF16.</param>
    /// <exception cref="WhenceException">A file cannot be written, or a weight is too large for F16.</exception>
    public void Save(string folder, ElementType type = ElementType.F32)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        new ModelFolder(folder).Save(this, type);
    }

    /// <summary>The hidden states of texts, after the final norm.</summary>
    /// <returns>[n, tokens, width]; the caller disposes it.</returns>
    internal Tensor EncodeText(IReadOnlyList<string> texts)
    {
        using var scope = NewDisposeScope();
        var batch = Tokenizer.Encode(texts);
        var ids = tensor(batch.Ids.ToArray(), [texts.Count, batch.ContextLength], dtype: ScalarType.Int64).to(_device);
        return TextEncoder.forward(ids).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// SHA-256 of all weights as they are computed with, by name, of what else the networks compute with, and of the added tokens: what tells two models apart whatever their files are called.
    /// </summary>
    internal string WeightsSha256()
    {
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var network in (nn.Module[])[TextEncoder, UNet, Autoencoder])
        {
            foreach (var (name, tensor) in network.state_dict().OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                using var scope = NewDisposeScope();
                sha256.AppendData(Encoding.UTF8.GetBytes($"{name} {tensor.dtype} {string.Join(' ', tensor.shape)}\n"));
                sha256.AppendData(tensor.detach().cpu().contiguous().bytes);
            }
        }

        // What the shapes of the weights do not tell.
        var (unet, autoencoder, text) = (UNet.Spec, Autoencoder.Spec, TextEncoder.Spec);
        sha256.AppendData(Encoding.UTF8.GetBytes(FormattableString.Invariant(
            $"{string.Join(' ', unet.Heads)} {unet.NormGroups} {unet.NormEpsilon} {unet.CosineFirst} {unet.FrequencyShift}\n{autoencoder.NormGroups} {autoencoder.PatchSize} {autoencoder.ScalingFactor}\n{text.Heads} {text.Activation} {Tokenizer.Options.Padding}\n")));
        sha256.AppendData(Encoding.UTF8.GetBytes(string.Join('\n', Tokenizer.AddedTokens)));
        return Convert.ToHexStringLower(sha256.GetHashAndReset());
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        UNet.Dispose();
        Autoencoder.Dispose();
        TextEncoder.Dispose();
    }

    /// <summary>Puts a model together; what was loaded before something fails is freed.</summary>
    internal static DiffusionModel Build(Func<UNet> unet, Func<Autoencoder> autoencoder, Func<ClipTextTransformer> text, ClipTokenizer tokenizer, DiffusionOptions options)
    {
        var loaded = new List<IDisposable>(3);
        try
        {
            return new DiffusionModel(Kept(unet()), Kept(autoencoder()), Kept(text()), tokenizer, options);
        }
        catch
        {
            loaded.ForEach(network => network.Dispose());
            throw;
        }

        T Kept<T>(T network)
            where T : IDisposable
        {
            loaded.Add(network);
            return network;
        }
    }

    /// <summary>Why parts cannot work together; null where they can.</summary>
    internal static string? Misfit(UNetSpec unet, AutoencoderSpec autoencoder, ClipTextSpec text, ClipTokenizer tokenizer) =>
        unet.CrossAttentionWidth != text.Width ? $"the U-Net attends to tokens of {unet.CrossAttentionWidth} values, the text encoder gives {text.Width}"
        : unet.InChannels != autoencoder.LatentChannels ? $"the U-Net takes latents of {unet.InChannels} channels, the autoencoder gives {autoencoder.LatentChannels}"
        : tokenizer.VocabularySize > text.VocabularySize ? $"the tokenizer has {tokenizer.VocabularySize} ids, the text encoder knows {text.VocabularySize}"
        : tokenizer.ContextLength != text.ContextLength ? $"the tokenizer makes texts of {tokenizer.ContextLength} ids, the text encoder takes {text.ContextLength}"
        : null;

    private static T Filled<T>(T network, long seed)
        where T : nn.Module
    {
        FirstWeights.Fill(network, seed);
        network.eval();
        return network;
    }
}
