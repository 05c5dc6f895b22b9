using System.Runtime.InteropServices;
using TorchSharp;
using Whence.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>CLIP's text tower: from token ids to features, or to the hidden states that condition a diffusion model. Safe to use from several threads.</summary>
public sealed class ClipTextEncoder : IDisposable
{
    private readonly ClipTextTransformer _network;
    private readonly Device _device;

    private ClipTextEncoder(ClipTextSpec spec, ClipTextTransformer network, Device device) => (Spec, _network, _device) = (spec, network, device);

    /// <summary>Its sizes.</summary>
    public ClipTextSpec Spec { get; }

    /// <summary>Reads the weights: OpenAI's archives or state dicts of CLIP, or Hugging Face's CLIPModel or CLIPTextModel.</summary>
    /// <param name="path">The file.</param>
    /// <param name="spec">Its sizes; null: those of ViT-L/14, as in Stable Diffusion 1.x, without a projection where the file has none.</param>
    /// <param name="options">Where and with what it computes; null: float32 on the processor.</param>
    /// <exception cref="WhenceException">The file does not fit the sizes; the message lists what differs. Or there is no such device.</exception>
    public static ClipTextEncoder Open(string path, ClipTextSpec? spec = null, ImageEncoderOptions? options = null)
    {
        options ??= new();
        spec?.Validate();
        var device = TorchRuntime.Find(options.Device);
        TorchRuntime.UseOwnThread();
        using var checkpoint = Checkpoint.Open(path);
        spec ??= ClipTextTransformer.HasProjection(checkpoint) ? new() : new() { Dimension = null };
        var network = ClipTextTransformer.Load(spec, checkpoint);
        try
        {
            using var none = no_grad();
            return new ClipTextEncoder(spec, network.to(device).to(options.Precision == EncoderPrecision.BF16 ? ScalarType.BFloat16 : ScalarType.Float32), device);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Features of n texts, not normalised.</summary>
    /// <param name="ids">n x <see cref="ClipTextSpec.ContextLength"/> ids; the end token has the highest, whatever stands after it.</param>
    /// <param name="features">Receives n x <see cref="ClipTextSpec.Dimension"/> values.</param>
    /// <exception cref="ArgumentException">The lengths do not fit, or an id is not in the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">The tower has no projection.</exception>
    public void Encode(ReadOnlySpan<int> ids, Span<float> features)
    {
        var dimension = Spec.Dimension ?? throw new InvalidOperationException("This text tower has no projection, only hidden states.");
        var n = Check(ids, features.Length, dimension);
        if (n == 0)
        {
            return;
        }

        var ends = new long[n];
        for (var i = 0; i < n; i++)
        {
            var text = ids.Slice(i * Spec.ContextLength, Spec.ContextLength);
            ends[i] = text.IndexOf(System.Numerics.Tensors.TensorPrimitives.Max(text));
        }

        Run(ids, n, features, hidden => _network.Project(hidden, tensor(ends).to(_device)));
    }

    /// <summary>The last hidden states of n texts, after the final norm.</summary>
    /// <param name="ids">n x <see cref="ClipTextSpec.ContextLength"/> ids.</param>
    /// <param name="states">Receives n x <see cref="ClipTextSpec.ContextLength"/> x <see cref="ClipTextSpec.Width"/> values.</param>
    /// <exception cref="ArgumentException">The lengths do not fit, or an id is not in the vocabulary.</exception>
    public void EncodeTokens(ReadOnlySpan<int> ids, Span<float> states)
    {
        var n = Check(ids, states.Length, (long)Spec.ContextLength * Spec.Width);
        if (n > 0)
        {
            Run(ids, n, states, hidden => hidden);
        }
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose() => _network.Dispose();

    private int Check(ReadOnlySpan<int> ids, int output, long perText)
    {
        var n = ids.Length / Spec.ContextLength;
        if (ids.Length != n * Spec.ContextLength || output != n * perText)
        {
            throw new ArgumentException($"{ids.Length} ids and room for {output} values do not make whole texts of {Spec.ContextLength} ids and {perText} values.");
        }

        if (ids.ContainsAnyExceptInRange(0, Spec.VocabularySize - 1))
        {
            var id = ids[ids.IndexOfAnyExceptInRange(0, Spec.VocabularySize - 1)];
            throw new ArgumentException($"Id {id} is not in the vocabulary of {Spec.VocabularySize}.", nameof(ids));
        }

        return n;
    }

    private void Run(ReadOnlySpan<int> ids, int n, Span<float> destination, Func<Tensor, Tensor> finish)
    {
        TorchRuntime.UseOwnThread();
        try
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            var input = tensor(ids.ToArray(), [n, Spec.ContextLength], dtype: ScalarType.Int64).to(_device);
            TensorValues.Of(finish(_network.forward(input)).to(ScalarType.Float32, CPU).contiguous()).CopyTo(destination);
        }
        catch (ExternalException e)
        {
            throw new WhenceException($"CLIP's text tower: libtorch failed ({e.Message.Split('\n')[0]}); give fewer texts at a time.", e);
        }
    }
}
