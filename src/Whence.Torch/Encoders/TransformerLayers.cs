using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>
/// A linear map and a layer norm whose weights are left uninitialised, since a checkpoint fills them: libtorch's own would draw a hundred million
/// random numbers first.
/// </summary>
internal sealed class LinearLayer : nn.Module<Tensor, Tensor>
{
    // Where libtorch has no oneDNN, or oneDNN no wider vectors than the rest, a convolution gains nothing.
    private static readonly bool AsConvolutionPays = System.Runtime.Intrinsics.X86.Avx512F.IsSupported;

    // Weights that are fewer cost less than the way to a convolution. (Not the rows decide, lest a row's last bits depend on how many there are.)
    private const long Small = 4096;

    /// <param name="input">Values that come in.</param>
    /// <param name="output">Values that come out.</param>
    /// <param name="device">Where the weights lie; meta: nowhere.</param>
    /// <param name="bias">Whether there is one.</param>
    public LinearLayer(long input, long output, Device device, bool bias = true)
        : base("linear")
    {
        register_parameter("weight", Uninitialised(device, output, input));
        if (bias)
        {
            register_parameter("bias", Uninitialised(device, output));
        }
    }

    /// <summary>output x input.</summary>
    public Tensor Weight => get_parameter("weight")!;

    /// <summary>output values; null where there is none.</summary>
    public Tensor? Bias => get_parameter("bias");

    /// <summary>[..., input] -> [..., output].</summary>
    public override Tensor forward(Tensor input) => Product(input, Weight, Bias);

    /// <summary>W x + b for each row. [..., input] and [output, input] -> [..., output].</summary>
    public static Tensor Product(Tensor input, Tensor weight, Tensor? bias) =>
        AsConvolutionPays && weight.numel() > Small && input.device_type == TorchSharp.DeviceType.CPU && Convolutions.CanMultiply(weight.shape[1], weight.shape[0])
            ? AsConvolution(input, weight, bias)
            : nn.functional.linear(input, weight, bias);

    /// <summary>
    /// The same as a convolution of 1 x 1 with the rows as positions, channels last: libtorch gives convolutions to oneDNN, which uses AVX-512 wherever it is,
    /// and products in float32 to MKL, which does so on Intel's processors only; those in bfloat16 gain a little. On one thread it gives oneDNN only
    /// convolutions with a dilation, which a kernel of one element does not feel.
    /// </summary>
    internal static Tensor AsConvolution(Tensor input, Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var shape = input.shape;
        var rows = input.reshape(1, -1, 1, shape[^1]).permute(0, 3, 1, 2); // 1 x input x n x 1
        var product = nn.functional.conv2d(rows, weight.view(weight.shape[0], -1, 1, 1), bias, dilation: [1, 2]); // 1 x output x n x 1
        shape[^1] = weight.shape[0];
        return product.permute(0, 2, 3, 1).reshape(shape).MoveToOuterDisposeScope();
    }

    /// <summary>A weight for a checkpoint to fill; it takes no gradients.</summary>
    public static TorchSharp.Modules.Parameter Uninitialised(Device device, params long[] shape) =>
        new(empty(shape, dtype: ScalarType.Float32, device: device), requires_grad: false);
}

/// <summary>Layer norm over the last dimension; see <see cref="LinearLayer"/> for why not libtorch's.</summary>
internal sealed class NormLayer : nn.Module<Tensor, Tensor>
{
    private readonly long[] _shape;
    private readonly double _epsilon;

    /// <param name="width">Values of a token.</param>
    /// <param name="epsilon">What is added to the variance.</param>
    /// <param name="device">Where the weights lie; meta: nowhere.</param>
    public NormLayer(long width, double epsilon, Device device)
        : base("norm")
    {
        (_shape, _epsilon) = ([width], epsilon);
        register_parameter("weight", LinearLayer.Uninitialised(device, width));
        register_parameter("bias", LinearLayer.Uninitialised(device, width));
    }

    /// <summary>[..., width] -> the same.</summary>
    public override Tensor forward(Tensor input) => nn.functional.layer_norm(input, _shape, get_parameter("weight"), get_parameter("bias"), _epsilon);
}

/// <summary>What stands between the two layers of a block's perceptron.</summary>
public enum TransformerActivation
{
    /// <summary>x Phi(x), with the error function.</summary>
    Gelu,

    /// <summary>CLIP's: x sigmoid(1.702 x).</summary>
    QuickGelu,
}
