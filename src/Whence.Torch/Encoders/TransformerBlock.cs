using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>
/// A block of a transformer whose norms stand before what they serve (pre-norm): x + attention(norm1(x)), then x + mlp(norm2(x)), four times as wide
/// inside. Tensors have timm's names.
/// </summary>
internal sealed class TransformerBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "norm1")]
    private readonly NormLayer _norm1;

    [ComponentName(Name = "norm2")]
    private readonly NormLayer _norm2;

    [ComponentName(Name = "attn")]
    private readonly Attention _attention;

    [ComponentName(Name = "mlp")]
    private readonly Perceptron _mlp;


    /// <param name="width">Values of a token.</param>
    /// <param name="heads">Heads of the attention.</param>
    /// <param name="epsilon">Of the norms.</param>
    /// <param name="activation">Of the perceptron.</param>
    /// <param name="causal">Whether tokens see only those before them, and themselves.</param>
    /// <param name="device">Where the weights lie; meta: nowhere.</param>
    public TransformerBlock(long width, int heads, double epsilon, TransformerActivation activation, bool causal, Device device)
        : base("block")
    {
        _norm1 = new NormLayer(width, epsilon, device);
        _attention = new Attention(width, heads, causal, device);
        _norm2 = new NormLayer(width, epsilon, device);
        _mlp = new Perceptron(width, activation, device);
        RegisterComponents();
    }

    /// <summary>[n, t, width] -> the same.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = _attention.forward(_norm1.forward(input)).add_(input);
        return _mlp.forward(_norm2.forward(x)).add_(x).MoveToOuterDisposeScope();
    }

    /// <summary>What <see cref="forward"/> gives for the first token: a last block need not compute the others'. [n, t, width] -> [n, 1, width].</summary>
    public Tensor ForwardFirst(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = _attention.ForwardFirst(_norm1.forward(input)).add_(input.narrow(1, 0, 1));
        return _mlp.forward(_norm2.forward(x)).add_(x).MoveToOuterDisposeScope();
    }

    private sealed class Attention : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "qkv")]
        private readonly LinearLayer _qkv;

        [ComponentName(Name = "proj")]
        private readonly LinearLayer _projection;

        private readonly int _heads;
        private readonly bool _causal;

        public Attention(long width, int heads, bool causal, Device device)
            : base("attention")
        {
            (_heads, _causal) = (heads, causal);
            _qkv = new LinearLayer(width, 3 * width, device);
            _projection = new LinearLayer(width, width, device);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var (n, t, width) = (input.shape[0], input.shape[1], input.shape[2]);
            var qkv = _qkv.forward(input).view(n, t, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4); // 3 x n x heads x t x width / heads
            return Attend(qkv[0], qkv[1], qkv[2], _causal).MoveToOuterDisposeScope();
        }

        public Tensor ForwardFirst(Tensor input)
        {
            using var scope = NewDisposeScope();
            var (n, t, width) = (input.shape[0], input.shape[1], input.shape[2]);
            var (weight, bias) = (_qkv.Weight, _qkv.Bias!);
            var q = LinearLayer.Product(input.narrow(1, 0, 1), weight.narrow(0, 0, width), bias.narrow(0, 0, width));
            var kv = LinearLayer.Product(input, weight.narrow(0, width, 2 * width), bias.narrow(0, width, 2 * width));
            var (q1, kv1) = (q.view(n, 1, _heads, -1).transpose(1, 2), kv.view(n, t, 2, _heads, -1).permute(2, 0, 3, 1, 4)); // n x heads x 1 x ..., 2 x n x heads x t x ...
            return Attend(q1, kv1[0], kv1[1], causal: false).MoveToOuterDisposeScope();
        }

        // n x heads x t x width / heads each -> n x t x width
        private Tensor Attend(Tensor q, Tensor k, Tensor v, bool causal) => _projection.forward(ScaledDotProduct.Of(q, k, v, causal).transpose(1, 2).flatten(2));
    }

    private sealed class Perceptron : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "fc1")]
        private readonly LinearLayer _first;

        [ComponentName(Name = "fc2")]
        private readonly LinearLayer _second;

        private readonly TransformerActivation _activation;

        public Perceptron(long width, TransformerActivation activation, Device device)
            : base("mlp")
        {
            _activation = activation;
            _first = new LinearLayer(width, 4 * width, device);
            _second = new LinearLayer(4 * width, width, device);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var hidden = _first.forward(input);
            hidden = _activation == TransformerActivation.Gelu ? nn.functional.gelu(hidden)
                : is_grad_enabled() ? (hidden * 1.702f).sigmoid() * hidden // the gradient needs the sigmoid
                : (hidden * 1.702f).sigmoid_().mul_(hidden);
            return _second.forward(hidden).MoveToOuterDisposeScope();
        }
    }
}
