using TorchSharp.Utils;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>CLIP's text tower (Radford et al. 2021): a causal transformer over tokens.</summary>
internal sealed class ClipTextTransformer : nn.Module<Tensor, Tensor>
{
    private const double Epsilon = 1e-5;
    private const string OpenAiToken = "token_embedding.weight";
    private const string HuggingFaceToken = "text_model.embeddings.token_embedding.weight";
    private const string OpenAiProjection = "text_projection";
    private const string HuggingFaceProjection = "text_projection.weight";

    [ComponentName(Name = "norm")]
    private readonly NormLayer _norm;

    [ComponentName(Name = "head")]
    private readonly LinearLayer? _head;

    private readonly TransformerBlock[] _blocks;

    /// <summary>A network with uninitialised weights.</summary>
    /// <param name="spec">Its sizes.</param>
    /// <param name="device">Where its weights lie; meta: nowhere.</param>
    public ClipTextTransformer(ClipTextSpec spec, Device device)
        : base("clip_text")
    {
        Spec = spec;
        register_parameter("token_embedding", LinearLayer.Uninitialised(device, spec.VocabularySize, spec.Width));
        register_parameter("pos_embed", LinearLayer.Uninitialised(device, spec.ContextLength, spec.Width));
        _blocks = [.. Enumerable.Range(0, spec.Depth).Select(_ => new TransformerBlock(
            spec.Width, spec.Heads, Epsilon, spec.Activation, causal: true, device))];
        register_module("blocks", nn.ModuleList(_blocks));
        _norm = new NormLayer(spec.Width, Epsilon, device);
        _head = spec.Dimension is { } dimension ? new LinearLayer(spec.Width, dimension, device, bias: false) : null;
        RegisterComponents();
    }

    /// <summary>Its sizes.</summary>
    public ClipTextSpec Spec { get; private set; }

    /// <summary>The last hidden state, after the norm.</summary>
    /// <param name="input">[n, context] ids, int64.</param>
    /// <returns>[n, context, width].</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return Encode(Embed(input)).MoveToOuterDisposeScope();
    }

    /// <summary>The embeddings of tokens, without their places.</summary>
    /// <param name="ids">[n, context] ids, int64.</param>
    /// <returns>[n, context, width].</returns>
    public Tensor Embed(Tensor ids)
    {
        using var scope = NewDisposeScope();
        return Tokens.index_select(0, ids.flatten()).view(ids.shape[0], ids.shape[1], -1).MoveToOuterDisposeScope();
    }

    /// <summary>The last hidden state of embedded tokens.</summary>
    /// <param name="embedded">[n, context, width] of <see cref="Embed"/>.</param>
    /// <returns>[n, context, width].</returns>
    public Tensor Encode(Tensor embedded)
    {
        using var scope = NewDisposeScope();
        var x = embedded + get_parameter("pos_embed")!;
        foreach (var block in _blocks)
        {
            using var before = x;
            x = block.forward(before);
        }

        return _norm.forward(x).MoveToOuterDisposeScope();
    }

    /// <summary>The embeddings of all tokens, vocabulary x width.</summary>
    public Tensor Tokens => get_parameter("token_embedding")!;

    /// <summary>Gives tokens embeddings; where ids lie beyond the vocabulary, it grows.</summary>
    /// <param name="first">Id of the first of them, at most the size of the vocabulary.</param>
    /// <param name="rows">n x width.</param>
    public void SetTokens(int first, Tensor rows)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var (before, count) = (Tokens, (int)rows.shape[0]);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, Spec.VocabularySize);
        if (first + count > Spec.VocabularySize)
        {
            var grown = empty(first + count, Spec.Width, dtype: before.dtype, device: before.device);
            grown.narrow(0, 0, before.shape[0]).copy_(before);
            before.set_(grown); // the parameter stays the same and takes the other memory
            Spec = Spec with { VocabularySize = first + count };
        }

        Tokens.narrow(0, first, count).copy_(rows);
    }

    /// <summary>Features, not normalised: the hidden state at each text's end token, projected.</summary>
    /// <param name="hidden">[n, context, width] of <see cref="forward"/>.</param>
    /// <param name="ends">n places of the end tokens, int64.</param>
    /// <returns>[n, dimension].</returns>
    public Tensor Project(Tensor hidden, Tensor ends)
    {
        using var scope = NewDisposeScope();
        var index = ends.view(-1, 1, 1).expand(-1, 1, hidden.shape[2]); // n x 1 x width
        return _head!.forward(hidden.gather(1, index).squeeze(1)).MoveToOuterDisposeScope();
    }

    /// <summary>Whether a file holds what features need beside hidden states.</summary>
    public static bool HasProjection(Checkpoint checkpoint) =>
        checkpoint.Tensors.ContainsKey(OpenAiProjection) || checkpoint.Tensors.ContainsKey(HuggingFaceProjection);

    /// <summary>Builds the network and fills it.</summary>
    /// <exception cref="WhenceException">The file holds no text tower of CLIP, or one of other sizes.</exception>
    public static ClipTextTransformer Load(ClipTextSpec spec, Checkpoint checkpoint)
    {
        var format = checkpoint.Tensors.ContainsKey(OpenAiToken) ? OpenAi(spec)
            : checkpoint.Tensors.ContainsKey(HuggingFaceToken) ? HuggingFace(spec)
            : throw new WhenceException(
                $"'{checkpoint.Path}' has neither '{OpenAiToken}' (OpenAI's names of CLIP) nor '{HuggingFaceToken}' (Hugging Face's); it holds {Listing.Of([.. checkpoint.Tensors.Keys])}. Take the original file.");
        return WeightLoading.Load(device => new ClipTextTransformer(spec, device), checkpoint, format);
    }

    /// <summary>OpenAI's names; the visual tower is left out.</summary>
    public static WeightFormat OpenAi(ClipTextSpec spec) => new()
    {
        Name = "OpenAI's names of CLIP",
        Extras =
        [
            "visual.*", "logit_scale", "input_resolution", "context_length", "vocab_size",
            "transformer.resblocks.*.attn_mask", // not in the state dict, but archives keep every tensor that a module has
            .. spec.Dimension is null ? (string[])[OpenAiProjection] : [],
        ],
        Source = name => name switch
        {
            "token_embedding" => new(OpenAiToken),
            "pos_embed" => new("positional_embedding"),
            "head.weight" => new(OpenAiProjection) { Order = [1, 0] },
            "norm.weight" or "norm.bias" => new("ln_final" + name["norm".Length..]),
            _ => ClipNames.OpenAiBlock(name, "") ?? throw new ArgumentOutOfRangeException(nameof(name), name, null),
        },
    };

    /// <summary>Hugging Face's names, of CLIPModel, CLIPTextModel and CLIPTextModelWithProjection; the visual tower is left out.</summary>
    public static WeightFormat HuggingFace(ClipTextSpec spec) => new()
    {
        Name = "Hugging Face's names of CLIP",
        Extras =
        [
            "vision_model.*", "visual_projection.weight", "logit_scale", "text_model.embeddings.position_ids",
            .. spec.Dimension is null ? (string[])[HuggingFaceProjection] : [],
        ],
        Source = name => name switch
        {
            "token_embedding" => new(HuggingFaceToken),
            "pos_embed" => new("text_model.embeddings.position_embedding.weight"),
            "head.weight" => new(HuggingFaceProjection),
            "norm.weight" or "norm.bias" => new("text_model.final_layer_norm" + name["norm".Length..]),
            _ => ClipNames.HuggingFaceBlock(name, "text_model") ?? throw new ArgumentOutOfRangeException(nameof(name), name, null),
        },
    };
}
