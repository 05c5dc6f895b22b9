using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// From images to latents of fewer cells and back (Rombach et al. 2022; Kingma and Welling 2014): as diffusers' AutoencoderKL, whose names its tensors have, those of
/// attention in their newer form.
/// </summary>
internal sealed class Autoencoder : nn.Module
{
    private const double Epsilon = 1e-6;

    [ComponentName(Name = "encoder")]
    private readonly Encoder _encoder;

    [ComponentName(Name = "quant_conv")]
    private readonly ConvolutionLayer _toMoments;

    [ComponentName(Name = "post_quant_conv")]
    private readonly ConvolutionLayer _fromLatents;

    [ComponentName(Name = "decoder")]
    private readonly Decoder _decoder;

    /// <summary>A network with uninitialised weights.</summary>
    /// <param name="spec">Its sizes.</param>
    /// <param name="device">Where its weights lie; meta: nowhere.</param>
    public Autoencoder(AutoencoderSpec spec, Device device)
        : base("autoencoder")
    {
        Spec = spec;
        _encoder = new Encoder(spec, device);
        _toMoments = new ConvolutionLayer(2 * spec.LatentChannels, 2 * spec.LatentChannels, 1, device);
        _fromLatents = new ConvolutionLayer(spec.LatentChannels, spec.LatentChannels, 1, device);
        _decoder = new Decoder(spec, device);
        RegisterComponents();
    }

    /// <summary>Its sizes.</summary>
    public AutoencoderSpec Spec { get; }

    /// <summary>Mean and logarithm of the variance of each latent value; <see cref="Split"/> takes them apart.</summary>
    /// <param name="images">[n, 3, h, w] from -1 to 1, sides multiples of <see cref="AutoencoderSpec.Factor"/>.</param>
    /// <returns>[n, 2 c, h / factor, w / factor].</returns>
    public Tensor Moments(Tensor images)
    {
        using var scope = NewDisposeScope();
        return _toMoments.forward(_encoder.forward(images)).MoveToOuterDisposeScope();
    }

    /// <summary>Images of latents.</summary>
    /// <param name="latents">[n, c, h, w], divided by <see cref="AutoencoderSpec.ScalingFactor"/>.</param>
    /// <returns>[n, 3, h factor, w factor], about -1 to 1.</returns>
    public Tensor Decode(Tensor latents)
    {
        using var scope = NewDisposeScope();
        return _decoder.forward(_fromLatents.forward(latents)).MoveToOuterDisposeScope();
    }

    /// <summary>Mean and logarithm of the variance, the latter within -30 and 20.</summary>
    /// <param name="moments">[n, 2 c, h, w].</param>
    public static (Tensor Mean, Tensor LogVariance) Split(Tensor moments)
    {
        var halves = moments.chunk(2, 1);
        return (halves[0], halves[1].clamp(-30, 20));
    }

    /// <summary>mean + exp(log variance / 2) noise.</summary>
    public static Tensor Sample(Tensor moments, Tensor noise)
    {
        using var scope = NewDisposeScope();
        var (mean, logVariance) = Split(moments);
        return (mean + (logVariance * 0.5f).exp() * noise).MoveToOuterDisposeScope();
    }

    private sealed class Encoder : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "conv_in")]
        private readonly ConvolutionLayer _in;

        [ComponentName(Name = "mid_block")]
        private readonly Middle _mid;

        [ComponentName(Name = "conv_norm_out")]
        private readonly GroupNormLayer _norm;

        [ComponentName(Name = "conv_out")]
        private readonly ConvolutionLayer _out;

        private readonly Step[] _steps;
        private readonly long _patch;

        public Encoder(AutoencoderSpec spec, Device device)
            : base("encoder")
        {
            _patch = spec.PatchSize;
            var channels = spec.BlockChannels;
            _in = new ConvolutionLayer(spec.ImageChannels * _patch * _patch, channels[0], 3, device);
            _steps =
            [
                .. channels.Select((output, i) => new Step(
                    spec, channels[Math.Max(i - 1, 0)], output, spec.LayersPerBlock, i == channels.Count - 1 ? null : new Downsampler(output, symmetric: false, device), upsampler: null, device)),
            ];
            _mid = new Middle(spec, device);
            _norm = new GroupNormLayer(spec.NormGroups, channels[^1], Epsilon, device);
            _out = new ConvolutionLayer(channels[^1], 2 * spec.LatentChannels, 3, device);
            register_module("down_blocks", nn.ModuleList(_steps));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = _in.forward(_patch == 1 ? input : nn.functional.pixel_unshuffle(input, _patch));
            foreach (var step in _steps)
            {
                using var before = x;
                x = step.forward(before);
            }

            return _out.forward(Activation.Silu(_norm.forward(_mid.forward(x)))).MoveToOuterDisposeScope();
        }
    }

    private sealed class Decoder : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "conv_in")]
        private readonly ConvolutionLayer _in;

        [ComponentName(Name = "mid_block")]
        private readonly Middle _mid;

        [ComponentName(Name = "conv_norm_out")]
        private readonly GroupNormLayer _norm;

        [ComponentName(Name = "conv_out")]
        private readonly ConvolutionLayer _out;

        private readonly Step[] _steps;
        private readonly long _patch;

        public Decoder(AutoencoderSpec spec, Device device)
            : base("decoder")
        {
            _patch = spec.PatchSize;
            int[] channels = [.. spec.BlockChannels.Reverse()];
            _in = new ConvolutionLayer(spec.LatentChannels, channels[0], 3, device);
            _mid = new Middle(spec, device);
            _steps =
            [
                .. channels.Select((output, i) => new Step(
                    spec, channels[Math.Max(i - 1, 0)], output, spec.LayersPerBlock + 1, downsampler: null, i == channels.Length - 1 ? null : new Upsampler(output, device), device)),
            ];
            _norm = new GroupNormLayer(spec.NormGroups, channels[^1], Epsilon, device);
            _out = new ConvolutionLayer(channels[^1], spec.ImageChannels * _patch * _patch, 3, device);
            register_module("up_blocks", nn.ModuleList(_steps));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = _mid.forward(_in.forward(input));
            foreach (var step in _steps)
            {
                using var before = x;
                x = step.forward(before);
            }

            x = _out.forward(Activation.Silu(_norm.forward(x)));
            return (_patch == 1 ? x : nn.functional.pixel_shuffle(x, _patch)).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Residual blocks, then other sides but at the last step.</summary>
    private sealed class Step : nn.Module<Tensor, Tensor>
    {
        private readonly ResidualBlock[] _residuals;

        [ComponentName(Name = "downsamplers")]
        private readonly ListOfOne<Downsampler>? _downsampler;

        [ComponentName(Name = "upsamplers")]
        private readonly ListOfOne<Upsampler>? _upsampler;

        public Step(AutoencoderSpec spec, int input, int output, int layers, Downsampler? downsampler, Upsampler? upsampler, Device device)
            : base("step")
        {
            _residuals = [.. Enumerable.Range(0, layers).Select(j => new ResidualBlock(j == 0 ? input : output, output, spec.NormGroups, Epsilon, timeWidth: null, device))];
            register_module("resnets", nn.ModuleList(_residuals));
            _downsampler = downsampler is null ? null : new ListOfOne<Downsampler>(downsampler);
            _upsampler = upsampler is null ? null : new ListOfOne<Upsampler>(upsampler);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = input;
            foreach (var block in _residuals)
            {
                var y = block.forward(x);
                if (!ReferenceEquals(x, input))
                {
                    x.Dispose();
                }

                x = y;
            }

            x = _downsampler?.Only.forward(x) ?? _upsampler?.Only.forward(x) ?? x;
            return x.MoveToOuterDisposeScope();
        }
    }

    /// <summary>A residual block, attention of one head over all cells, a residual block.</summary>
    private sealed class Middle : nn.Module<Tensor, Tensor>
    {
        private readonly ResidualBlock[] _residuals;
        private readonly CrossAttention[] _attentions;

        public Middle(AutoencoderSpec spec, Device device)
            : base("mid_block")
        {
            var channels = spec.BlockChannels[^1];
            _residuals = [.. Enumerable.Range(0, 2).Select(_ => new ResidualBlock(channels, channels, spec.NormGroups, Epsilon, timeWidth: null, device))];
            _attentions = [new CrossAttention(channels, channels, heads: 1, device, bias: true, new GroupNormLayer(spec.NormGroups, channels, Epsilon, device))];
            register_module("attentions", nn.ModuleList(_attentions));
            register_module("resnets", nn.ModuleList(_residuals));
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return _residuals[1].forward(_attentions[0].ForwardImage(_residuals[0].forward(input))).MoveToOuterDisposeScope();
        }
    }
}
