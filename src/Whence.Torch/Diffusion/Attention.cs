using TorchSharp.Utils;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>Attention from the cells of an image to themselves or to the tokens of a text (Vaswani et al. 2017). Tensors have diffusers' names.</summary>
internal sealed class CrossAttention : nn.Module
{
    [ComponentName(Name = "group_norm")]
    private readonly GroupNormLayer? _norm;

    [ComponentName(Name = "to_q")]
    private readonly LinearLayer _query;

    [ComponentName(Name = "to_k")]
    private readonly LinearLayer _key;

    [ComponentName(Name = "to_v")]
    private readonly LinearLayer _value;

    [ComponentName(Name = "to_out")]
    private readonly ListOfOne<LinearLayer> _output;

    private readonly int _heads;

    /// <param name="width">Values of a cell.</param>
    /// <param name="contextWidth">Values of a token.</param>
    /// <param name="heads">A divisor of the width.</param>
    /// <param name="device">Where the weights lie; meta: nowhere.</param>
    /// <param name="bias">Whether query, key and value have one, as in the autoencoder.</param>
    /// <param name="norm">What cells go through in <see cref="ForwardImage"/>; null: only <see cref="forward"/> is called.</param>
    public CrossAttention(long width, long contextWidth, int heads, Device device, bool bias = false, GroupNormLayer? norm = null)
        : base("attention")
    {
        (_heads, _norm) = (heads, norm);
        _query = new LinearLayer(width, width, device, bias);
        _key = new LinearLayer(contextWidth, width, device, bias);
        _value = new LinearLayer(contextWidth, width, device, bias);
        _output = new ListOfOne<LinearLayer>(new LinearLayer(width, width, device));
        RegisterComponents();
    }

    /// <summary>Whether the key and the value of the first token carry no gradient: that token, the text's start, says nothing about a concept (Custom Diffusion).</summary>
    public bool DetachFirstToken { get; set; }

    /// <summary>[n, cells, width] and [n, tokens, context width] -> [n, cells, width].</summary>
    public Tensor forward(Tensor cells, Tensor context)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = (_query.forward(cells), _key.forward(context), _value.forward(context));
        if (DetachFirstToken)
        {
            (k, v) = (WithoutFirst(k), WithoutFirst(v));
        }

        var y = SlicedAttention.Of(Heads(q), Heads(k), Heads(v)); // n x heads x cells x width / heads
        return _output.Only.forward(y.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }

    /// <summary>An image's cells to one another, behind a norm, added to what came in. [n, width, h, w] -> the same.</summary>
    public Tensor ForwardImage(Tensor input)
    {
        using var scope = NewDisposeScope();
        var cells = _norm!.forward(input).flatten(2).transpose(1, 2); // n x h w x width
        return forward(cells, cells).transpose(1, 2).reshape(input.shape).add_(input).MoveToOuterDisposeScope();
    }

    private static Tensor WithoutFirst(Tensor tokens) => cat([tokens.narrow(1, 0, 1).detach(), tokens.narrow(1, 1, tokens.shape[1] - 1)], 1);

    // n x tokens x width -> n x heads x tokens x width / heads
    private Tensor Heads(Tensor tokens) => tokens.view(tokens.shape[0], tokens.shape[1], _heads, -1).transpose(1, 2);
}

/// <summary>A block of <see cref="SpatialTransformer"/>: self-attention, attention to the text, a gated perceptron, each behind a norm and added to what came in.</summary>
internal sealed class SpatialTransformerBlock : nn.Module
{
    private const double Epsilon = 1e-5;

    [ComponentName(Name = "norm1")]
    private readonly NormLayer _norm1;

    [ComponentName(Name = "attn1")]
    private readonly CrossAttention _self;

    [ComponentName(Name = "norm2")]
    private readonly NormLayer _norm2;

    [ComponentName(Name = "attn2")]
    private readonly CrossAttention _cross;

    [ComponentName(Name = "norm3")]
    private readonly NormLayer _norm3;

    [ComponentName(Name = "ff")]
    private readonly GatedPerceptron _perceptron;

    public SpatialTransformerBlock(long width, long contextWidth, int heads, Device device)
        : base("block")
    {
        _norm1 = new NormLayer(width, Epsilon, device);
        _self = new CrossAttention(width, width, heads, device);
        _norm2 = new NormLayer(width, Epsilon, device);
        _cross = new CrossAttention(width, contextWidth, heads, device);
        _norm3 = new NormLayer(width, Epsilon, device);
        _perceptron = new GatedPerceptron(width, device);
        RegisterComponents();
    }

    /// <summary>The attention to the text.</summary>
    public CrossAttention Cross => _cross;

    /// <summary>[n, cells, width] and [n, tokens, context width] -> [n, cells, width].</summary>
    public Tensor forward(Tensor input, Tensor context)
    {
        using var scope = NewDisposeScope();
        var norm = _norm1.forward(input);
        var x = _self.forward(norm, norm).add_(input);
        x = _cross.forward(_norm2.forward(x), context).add_(x);
        return _perceptron.forward(_norm3.forward(x)).add_(x).MoveToOuterDisposeScope();
    }

    /// <summary>x W gelu(x V), back to the width (GEGLU, Shazeer 2020).</summary>
    private sealed class GatedPerceptron : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "net")]
        private readonly Net _net;

        public GatedPerceptron(long width, Device device)
            : base("ff")
        {
            _net = new Net(width, device);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var halves = _net.First.forward(input).chunk(2, -1);
            return _net.Second.forward(halves[0] * nn.functional.gelu(halves[1])).MoveToOuterDisposeScope();
        }

        // 1 is a dropout.
        private sealed class Net : nn.Module
        {
            [ComponentName(Name = "0")]
            private readonly Projection _first;

            [ComponentName(Name = "2")]
            private readonly LinearLayer _second;

            public Net(long width, Device device)
                : base("net")
            {
                _first = new Projection(width, device);
                _second = new LinearLayer(4 * width, width, device);
                RegisterComponents();
            }

            public LinearLayer First => _first.Layer;

            public LinearLayer Second => _second;
        }

        private sealed class Projection : nn.Module
        {
            [ComponentName(Name = "proj")]
            private readonly LinearLayer _layer;

            public Projection(long width, Device device)
                : base("geglu")
            {
                _layer = new LinearLayer(width, 8 * width, device);
                RegisterComponents();
            }

            public LinearLayer Layer => _layer;
        }
    }
}

/// <summary>Attention over the cells of an image, with a text as context: norm, projection, blocks, projection, added to what came in.</summary>
internal sealed class SpatialTransformer : nn.Module
{
    private const double Epsilon = 1e-6;

    [ComponentName(Name = "norm")]
    private readonly GroupNormLayer _norm;

    [ComponentName(Name = "proj_in")]
    private readonly nn.Module<Tensor, Tensor> _in;

    [ComponentName(Name = "proj_out")]
    private readonly nn.Module<Tensor, Tensor> _out;

    private readonly SpatialTransformerBlock[] _blocks;
    private readonly bool _linear;

    public SpatialTransformer(UNetSpec spec, long channels, int heads, Device device)
        : base("transformer")
    {
        _linear = spec.LinearProjection;
        _norm = new GroupNormLayer(spec.NormGroups, channels, Epsilon, device);
        _in = Projection(channels, device);
        _blocks = [.. Enumerable.Range(0, spec.TransformerLayers).Select(_ => new SpatialTransformerBlock(channels, spec.CrossAttentionWidth, heads, device))];
        _out = Projection(channels, device);
        register_module("transformer_blocks", nn.ModuleList(_blocks));
        RegisterComponents();
    }

    /// <summary>Its blocks.</summary>
    public IReadOnlyList<SpatialTransformerBlock> Blocks => _blocks;

    /// <summary>[n, channels, h, w] and [n, tokens, context width] -> [n, channels, h, w].</summary>
    public Tensor forward(Tensor input, Tensor context)
    {
        using var scope = NewDisposeScope();
        var x = _norm.forward(input);
        x = _linear ? _in.forward(Cells(x)) : Cells(_in.forward(x)); // n x h w x channels
        foreach (var block in _blocks)
        {
            x = block.forward(x, context);
        }

        x = _linear ? Image(_out.forward(x), input) : _out.forward(Image(x, input));
        return x.add_(input).MoveToOuterDisposeScope();
    }

    private static Tensor Cells(Tensor image) => image.flatten(2).transpose(1, 2);

    private static Tensor Image(Tensor cells, Tensor like) => cells.transpose(1, 2).reshape(like.shape);

    private nn.Module<Tensor, Tensor> Projection(long channels, Device device) =>
        _linear ? new LinearLayer(channels, channels, device) : new ConvolutionLayer(channels, channels, 1, device);
}
