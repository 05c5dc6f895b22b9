using TorchSharp.Utils;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// The network that says what of a noisy latent is noise (Rombach et al. 2022): residual blocks down and up again, with attention to a text. As diffusers'
/// UNet2DConditionModel, whose names its tensors have.
/// </summary>
internal sealed class UNet : nn.Module
{
    [ComponentName(Name = "conv_in")]
    private readonly ConvolutionLayer _in;

    [ComponentName(Name = "time_embedding")]
    private readonly TimeEmbedding _time;

    [ComponentName(Name = "mid_block")]
    private readonly MidBlock _mid;

    [ComponentName(Name = "conv_norm_out")]
    private readonly GroupNormLayer _norm;

    [ComponentName(Name = "conv_out")]
    private readonly ConvolutionLayer _out;

    private readonly DownBlock[] _down;
    private readonly UpBlock[] _up;
    private bool _detachFirstToken;

    /// <summary>A network with uninitialised weights.</summary>
    /// <param name="spec">Its sizes.</param>
    /// <param name="device">Where its weights lie; meta: nowhere.</param>
    public UNet(UNetSpec spec, Device device)
        : base("unet")
    {
        Spec = spec;
        var (steps, first) = (spec.BlockChannels.Count, spec.BlockChannels[0]);
        _in = new ConvolutionLayer(spec.InChannels, first, 3, device);
        _time = new TimeEmbedding(spec, device);
        _down = [.. Enumerable.Range(0, steps).Select(i => new DownBlock(spec, i, device))];
        _mid = new MidBlock(spec, device);
        _up = [.. Enumerable.Range(0, steps).Select(i => new UpBlock(spec, i, device))];
        _norm = new GroupNormLayer(spec.NormGroups, first, spec.NormEpsilon, device);
        _out = new ConvolutionLayer(first, spec.OutChannels, 3, device);
        register_module("down_blocks", nn.ModuleList(_down));
        register_module("up_blocks", nn.ModuleList(_up));
        RegisterComponents();
    }

    /// <summary>Its sizes.</summary>
    public UNetSpec Spec { get; }

    /// <summary>Whether keys and values of a text's first token carry no gradient, in every attention to the text (Custom Diffusion).</summary>
    public bool DetachFirstToken
    {
        get => _detachFirstToken;
        set
        {
            _detachFirstToken = value;
            foreach (var block in _down.SelectMany(b => b.Attentions).Append(_mid.Attention).Concat(_up.SelectMany(b => b.Attentions)).SelectMany(a => a.Blocks))
            {
                block.Cross.DetachFirstToken = value;
            }
        }
    }

    /// <summary>
    /// Whether of each residual block and each attention only what comes in is kept for the backward pass, which computes it once more (gradient checkpointing). Gradients are the
    /// same but for the last bits. Default false.
    /// </summary>
    public bool Checkpointing
    {
        get => _mid.Layers.Checkpointing;
        set
        {
            foreach (var layers in _down.Select(b => b.Layers).Append(_mid.Layers).Concat(_up.Select(b => b.Layers)))
            {
                layers.Checkpointing = value;
            }
        }
    }

    /// <summary>Sees what parts of the network give, by their names in diffusers, for as long as the call of it takes; null: nobody looks.</summary>
    public Action<string, Tensor>? Observer { get; set; }

    /// <summary>The noise in latents, or what else the model was trained to say.</summary>
    /// <param name="latents">[n, channels, h, w].</param>
    /// <param name="timesteps">n times, int64 or float32.</param>
    /// <param name="context">[n, tokens, width] hidden states of the texts.</param>
    /// <returns>[n, channels, h, w].</returns>
    public Tensor forward(Tensor latents, Tensor timesteps, Tensor context)
    {
        using var scope = NewDisposeScope();
        var time = _time.forward(timesteps, latents.dtype);
        Observer?.Invoke("time_embedding", time);
        time = nn.functional.silu(time);
        var (x, skips) = Down(latents, time, context);
        x = _mid.forward(x, time, context);
        Observer?.Invoke("mid_block", x);
        foreach (var (i, block) in _up.Index())
        {
            using var before = x;
            x = block.forward(before, time, context, skips);
            Observer?.Invoke($"up_blocks.{i}", x);
        }

        x = _norm.forward(x);
        Observer?.Invoke("conv_norm_out", x);
        return _out.forward(Activation.Silu(x)).MoveToOuterDisposeScope();
    }

    /// <summary>The hidden state after the mid block, which appendix B.5 takes as a feature; the way up is not computed.</summary>
    /// <returns>[n, channels of the last step, h', w'].</returns>
    public Tensor MidBlock(Tensor latents, Tensor timesteps, Tensor context)
    {
        using var scope = NewDisposeScope();
        var time = nn.functional.silu(_time.forward(timesteps, latents.dtype));
        var (x, _) = Down(latents, time, context);
        return _mid.forward(x, time, context).MoveToOuterDisposeScope();
    }

    private (Tensor Last, Stack<Tensor> Skips) Down(Tensor latents, Tensor time, Tensor context)
    {
        var skips = new Stack<Tensor>();
        var x = _in.forward(latents);
        Observer?.Invoke("conv_in", x);
        skips.Push(x);
        foreach (var (i, block) in _down.Index())
        {
            x = block.forward(x, time, context, skips);
            Observer?.Invoke($"down_blocks.{i}", x);
        }

        return (x, skips);
    }

    /// <summary>What tells the blocks the time: waves of it, then two products.</summary>
    private sealed class TimeEmbedding : nn.Module
    {
        [ComponentName(Name = "linear_1")]
        private readonly LinearLayer _first;

        [ComponentName(Name = "linear_2")]
        private readonly LinearLayer _second;

        private readonly UNetSpec _spec;

        public TimeEmbedding(UNetSpec spec, Device device)
            : base("time_embedding")
        {
            _spec = spec;
            _first = new LinearLayer(spec.BlockChannels[0], spec.TimeWidth, device);
            _second = new LinearLayer(spec.TimeWidth, spec.TimeWidth, device);
            RegisterComponents();
        }

        public Tensor forward(Tensor timesteps, ScalarType type)
        {
            using var scope = NewDisposeScope();
            var waves = Waves(timesteps, _spec.BlockChannels[0], _spec.CosineFirst, _spec.FrequencyShift).to(type);
            return _second.forward(nn.functional.silu(_first.forward(waves))).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Sines and cosines of times, of frequencies from 1 to 1/10000 (Vaswani et al. 2017).</summary>
    /// <param name="timesteps">n times.</param>
    /// <param name="width">Values of a time, even.</param>
    /// <param name="cosineFirst">Which half comes first.</param>
    /// <param name="shift">What is taken from the number of frequencies, in the exponent.</param>
    /// <returns>[n, width], float32.</returns>
    internal static Tensor Waves(Tensor timesteps, int width, bool cosineFirst, double shift)
    {
        using var scope = NewDisposeScope();
        var half = width / 2;
        var frequencies = (arange(half, dtype: ScalarType.Float32, device: timesteps.device) * (-Math.Log(10000) / (half - shift))).exp();
        var angles = timesteps.to(ScalarType.Float32).unsqueeze(1) * frequencies; // n x half
        var (sine, cosine) = (angles.sin(), angles.cos());
        return cat(cosineFirst ? [cosine, sine] : [sine, cosine], 1).MoveToOuterDisposeScope();
    }
}
