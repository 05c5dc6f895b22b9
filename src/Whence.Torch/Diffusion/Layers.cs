using TorchSharp.Utils;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>A convolution whose weights are left uninitialised, as those of <see cref="LinearLayer"/>.</summary>
internal sealed class ConvolutionLayer : nn.Module<Tensor, Tensor>
{
    private readonly long _stride, _padding;

    /// <param name="input">Channels that come in.</param>
    /// <param name="output">Channels that come out.</param>
    /// <param name="kernel">Side of the kernel.</param>
    /// <param name="device">Where the weights lie; meta: nowhere.</param>
    /// <param name="stride">Cells from one position to the next.</param>
    /// <param name="padding">Zeros on each side; null: as many as keep the size where the stride is 1.</param>
    public ConvolutionLayer(long input, long output, int kernel, Device device, int stride = 1, int? padding = null)
        : base("convolution")
    {
        (_stride, _padding) = (stride, padding ?? kernel / 2);
        register_parameter("weight", LinearLayer.Uninitialised(device, output, input, kernel, kernel));
        register_parameter("bias", LinearLayer.Uninitialised(device, output));
    }

    /// <summary>[n, input, h, w] -> [n, output, h', w'].</summary>
    public override Tensor forward(Tensor input) => Convolutions.Convolve(input, get_parameter("weight")!, get_parameter("bias"), _stride, _padding);
}

/// <summary>Group norm (Wu and He 2018) with weights that a checkpoint fills.</summary>
internal sealed class GroupNormLayer : nn.Module<Tensor, Tensor>
{
    private readonly long _groups;
    private readonly double _epsilon;

    /// <param name="groups">Groups of channels with a mean and a variance of their own.</param>
    /// <param name="channels">A multiple of the groups.</param>
    /// <param name="epsilon">What is added to the variance.</param>
    /// <param name="device">Where the weights lie; meta: nowhere.</param>
    public GroupNormLayer(long groups, long channels, double epsilon, Device device)
        : base("group_norm")
    {
        (_groups, _epsilon) = (groups, epsilon);
        register_parameter("weight", LinearLayer.Uninitialised(device, channels));
        register_parameter("bias", LinearLayer.Uninitialised(device, channels));
    }

    /// <summary>[n, channels, ...] -> the same.</summary>
    public override Tensor forward(Tensor input) => nn.functional.group_norm(input, _groups, get_parameter("weight"), get_parameter("bias"), _epsilon);
}

/// <summary>A list of one module, as checkpoints have it.</summary>
internal sealed class ListOfOne<T> : nn.Module
    where T : nn.Module
{
    [ComponentName(Name = "0")]
    private readonly T _module;

    public ListOfOne(T module)
        : base("list")
    {
        _module = module;
        RegisterComponents();
    }

    /// <summary>The module.</summary>
    public T Only => _module;
}

/// <summary>What stands between the layers.</summary>
internal static class Activation
{
    /// <summary>x sigmoid(x); where no gradient is asked for, in the memory of what came in, which nobody else may need.</summary>
    public static Tensor Silu(Tensor owned) => nn.functional.silu(owned, inplace: !is_grad_enabled());
}
