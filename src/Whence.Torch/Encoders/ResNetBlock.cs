using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>A residual block: two convolutions of 3 x 3, or a bottleneck of 1 x 1, 3 x 3 (with the stride) and 1 x 1 to four times the channels.</summary>
internal sealed class ResNetBlock : nn.Module<Tensor, Tensor>
{
    private readonly (Conv2d Convolution, BatchNorm2d Norm)[] _layers;

    // What the module "downsample" is made of.
    private readonly (Conv2d Convolution, BatchNorm2d Norm)? _shortcut;

    [ComponentName(Name = "downsample")]
    private readonly Sequential? _downsample;

    /// <param name="input">Channels that come in.</param>
    /// <param name="width">Channels of the inner convolutions.</param>
    /// <param name="bottleneck">Which of the two kinds.</param>
    /// <param name="stride">1, or 2 to halve height and width.</param>
    /// <param name="device">Where the weights lie.</param>
    public ResNetBlock(long input, long width, bool bottleneck, long stride, Device device)
        : base("block")
    {
        Channels = bottleneck ? 4 * width : width;
        _layers = bottleneck
            ? [Layer(input, width, 1, 1, device), Layer(width, width, 3, stride, device), Layer(width, Channels, 1, 1, device)]
            : [Layer(input, width, 3, stride, device), Layer(width, width, 3, 1, device)];
        foreach (var (i, (convolution, norm)) in _layers.Index())
        {
            register_module(FormattableString.Invariant($"conv{i + 1}"), convolution);
            register_module(FormattableString.Invariant($"bn{i + 1}"), norm);
        }

        if (stride != 1 || input != Channels)
        {
            var (convolution, norm) = Layer(input, Channels, 1, stride, device);
            _shortcut = (convolution, norm);
            _downsample = nn.Sequential(("0", convolution), ("1", norm));
        }

        RegisterComponents();
    }

    /// <summary>Channels that come out.</summary>
    public long Channels { get; }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = input;
        foreach (var (i, (convolution, norm)) in _layers.Index())
        {
            var convolved = Convolved(convolution, x);
            if (i > 0)
            {
                x.Dispose();
            }

            x = norm.call(convolved);
            convolved.Dispose();
            x = i < _layers.Length - 1 ? x.relu_() : x;
        }

        return x.add_(_shortcut is { } shortcut ? shortcut.Norm.call(Convolved(shortcut.Convolution, input)) : input).relu_().MoveToOuterDisposeScope();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _downsample?.Dispose();
            foreach (var (convolution, norm) in _layers)
            {
                convolution.Dispose();
                norm.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    /// <summary>What a convolution without bias gives, on every processor.</summary>
    internal static Tensor Convolved(Conv2d convolution, Tensor input) => Convolutions.Convolve(input, convolution.weight, null, convolution.stride[0], convolution.padding![0]);

    private static (Conv2d Convolution, BatchNorm2d Norm) Layer(long input, long output, long size, long stride, Device device) =>
        (nn.Conv2d(input, output, size, stride: stride, padding: size / 2, bias: false, device: device), nn.BatchNorm2d(output, device: device));
}
