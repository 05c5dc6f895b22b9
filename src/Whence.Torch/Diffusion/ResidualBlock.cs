using TorchSharp.Utils;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>Two convolutions, each behind a norm and x sigmoid(x), added to what came in; the time stands between them.</summary>
internal sealed class ResidualBlock : nn.Module
{
    [ComponentName(Name = "norm1")]
    private readonly GroupNormLayer _norm1;

    [ComponentName(Name = "conv1")]
    private readonly ConvolutionLayer _first;

    [ComponentName(Name = "time_emb_proj")]
    private readonly LinearLayer? _time;

    [ComponentName(Name = "norm2")]
    private readonly GroupNormLayer _norm2;

    [ComponentName(Name = "conv2")]
    private readonly ConvolutionLayer _second;

    [ComponentName(Name = "conv_shortcut")]
    private readonly ConvolutionLayer? _shortcut;

    /// <param name="input">Channels that come in.</param>
    /// <param name="output">Channels that come out.</param>
    /// <param name="groups">Of the norms.</param>
    /// <param name="epsilon">Of the norms.</param>
    /// <param name="timeWidth">Values of the time embedding; null: the block knows no time.</param>
    /// <param name="device">Where the weights lie; meta: nowhere.</param>
    public ResidualBlock(long input, long output, int groups, double epsilon, long? timeWidth, Device device)
        : base("resnet")
    {
        _norm1 = new GroupNormLayer(groups, input, epsilon, device);
        _first = new ConvolutionLayer(input, output, 3, device);
        _time = timeWidth is { } width ? new LinearLayer(width, output, device) : null;
        _norm2 = new GroupNormLayer(groups, output, epsilon, device);
        _second = new ConvolutionLayer(output, output, 3, device);
        _shortcut = input == output ? null : new ConvolutionLayer(input, output, 1, device);
        RegisterComponents();
    }

    /// <summary>[n, input, h, w] and [n, time width], already through x sigmoid(x) -> [n, output, h, w].</summary>
    public Tensor forward(Tensor input, Tensor? time = null)
    {
        using var scope = NewDisposeScope();
        var x = _first.forward(Activation.Silu(_norm1.forward(input)));
        if (_time is not null)
        {
            x.add_(_time.forward(time!).unsqueeze(-1).unsqueeze(-1));
        }

        x = _second.forward(Activation.Silu(_norm2.forward(x)));
        return x.add_(_shortcut is null ? input : _shortcut.forward(input)).MoveToOuterDisposeScope();
    }
}

/// <summary>Halves the sides by a convolution of stride 2.</summary>
internal sealed class Downsampler : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly ConvolutionLayer _convolution;

    private readonly bool _symmetric;

    /// <param name="channels">That come in and out.</param>
    /// <param name="symmetric">Whether zeros are added on all sides, as in the U-Net, or at the right and the bottom only, as in the autoencoder.</param>
    /// <param name="device">Where the weights lie; meta: nowhere.</param>
    public Downsampler(long channels, bool symmetric, Device device)
        : base("downsampler")
    {
        _symmetric = symmetric;
        _convolution = new ConvolutionLayer(channels, channels, 3, device, stride: 2, padding: symmetric ? 1 : 0);
        RegisterComponents();
    }

    /// <summary>[n, channels, h, w] -> [n, channels, h / 2, w / 2].</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return _convolution.forward(_symmetric ? input : nn.functional.pad(input, [0, 1, 0, 1])).MoveToOuterDisposeScope();
    }
}

/// <summary>Doubles the sides: each cell four times, then a convolution.</summary>
internal sealed class Upsampler : nn.Module
{
    [ComponentName(Name = "conv")]
    private readonly ConvolutionLayer _convolution;

    public Upsampler(long channels, Device device)
        : base("upsampler")
    {
        _convolution = new ConvolutionLayer(channels, channels, 3, device);
        RegisterComponents();
    }

    /// <summary>[n, channels, h, w] -> [n, channels, 2 h, 2 w].</summary>
    /// <param name="input">What comes in.</param>
    /// <param name="size">Other sides that come out, where the way down rounded; null: twice those that come in.</param>
    public Tensor forward(Tensor input, long[]? size = null)
    {
        using var scope = NewDisposeScope();
        var large = nn.functional.interpolate(input, size ?? [2 * input.shape[2], 2 * input.shape[3]], mode: InterpolationMode.Nearest);
        return _convolution.forward(large).MoveToOuterDisposeScope();
    }
}
