using TorchSharp.Utils;
using Whence.Encoders;
using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>A residual network whose feature is the style of its layers (<see cref="StyleSpec"/>).</summary>
internal sealed class ResNetStyle : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "network")]
    private readonly ResNet _network;

    private readonly StyleSpec _style;
    private readonly StyleDescriptor _descriptor;
    private readonly int _dimension;

    /// <summary>Describes by a network, which it owns.</summary>
    public ResNetStyle(ResNet network, StyleSpec style, int dimension)
        : base("style")
    {
        (_network, _style, _dimension) = (network, style, dimension);
        _descriptor = new StyleDescriptor(style, dimension);
        RegisterComponents();
        eval();
    }

    /// <summary>Checks that a network has the layers.</summary>
    /// <exception cref="WhenceException">It has not.</exception>
    public static void Check(StyleSpec style, ResNetSpec network)
    {
        var known = ResNet.LayersOf(network.Depth).ToHashSet(StringComparer.Ordinal);
        if (style.Layers.FirstOrDefault(layer => !known.Contains(layer)) is { } missing)
        {
            throw new WhenceException(
                $"The spec names layer '{missing}', but a resnet of depth {network.Depth} has {ResNet.Stem}, layer1 to layer4 and their blocks, as layer1.0; correct 'style' in the spec.");
        }
    }

    /// <summary>Descriptors.</summary>
    /// <param name="input">[n, 3, h, w].</param>
    /// <returns>[n, dimension], float32, on the processor.</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var n = (int)input.shape[0];
        var layers = _network.Layers(input, _style.Layers).Select(layer => layer.cpu().to_type(ScalarType.Float32).contiguous()).ToArray();
        var features = empty([n, _dimension], dtype: ScalarType.Float32);
        _descriptor.Describe(n, i => FeatureMaps.Of(TensorValues.Of(layers[i]), layers[i].shape, n, _style.Layers[i]), TensorValues.Of(features));
        return features.MoveToOuterDisposeScope();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _network.Dispose();
        }

        base.Dispose(disposing);
    }
}
