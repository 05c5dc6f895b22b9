using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>A step of the way down: residual blocks, each followed by attention where the step has any, then half the sides but at the last step.</summary>
internal sealed class DownBlock : nn.Module
{
    private readonly ResidualBlock[] _residuals;
    private readonly SpatialTransformer[] _attentions;

    [ComponentName(Name = "downsamplers")]
    private readonly ListOfOne<Downsampler>? _downsampler;

    public DownBlock(UNetSpec spec, int step, Device device)
        : base("down_block")
    {
        var output = spec.BlockChannels[step];
        var input = step == 0 ? output : spec.BlockChannels[step - 1];
        _residuals = [.. Enumerable.Range(0, spec.LayersPerBlock).Select(j => new ResidualBlock(j == 0 ? input : output, output, spec.NormGroups, spec.NormEpsilon, spec.TimeWidth, device))];
        _attentions = spec.DownAttention[step] ? [.. _residuals.Select(_ => new SpatialTransformer(spec, output, spec.Heads[step], device))] : [];
        _downsampler = step == spec.BlockChannels.Count - 1 ? null : new ListOfOne<Downsampler>(new Downsampler(output, symmetric: true, device));
        UNetModules.Register(register_module, _residuals, _attentions);
        RegisterComponents();
    }

    /// <summary>Its attentions.</summary>
    public IReadOnlyList<SpatialTransformer> Attentions => _attentions;

    /// <summary>How its layers are computed.</summary>
    public BlockLayers Layers { get; } = new();

    /// <summary>Adds what each of its layers gives to <paramref name="skips"/>; the last of them is what the block gives.</summary>
    public Tensor forward(Tensor input, Tensor time, Tensor context, Stack<Tensor> skips)
    {
        var x = input;
        for (var j = 0; j < _residuals.Length; j++)
        {
            var y = Layers.Residual(_residuals[j], x, time);
            if (_attentions.Length > 0)
            {
                using var before = y;
                y = Layers.Attention(_attentions[j], before, context);
            }

            skips.Push(x = y);
        }

        if (_downsampler is not null)
        {
            skips.Push(x = _downsampler.Only.forward(x));
        }

        return x;
    }
}

/// <summary>What stands between the ways down and up: a residual block, attention, a residual block.</summary>
internal sealed class MidBlock : nn.Module
{
    private readonly ResidualBlock[] _residuals;
    private readonly SpatialTransformer[] _attentions;

    public MidBlock(UNetSpec spec, Device device)
        : base("mid_block")
    {
        var channels = spec.BlockChannels[^1];
        _residuals = [.. Enumerable.Range(0, 2).Select(_ => new ResidualBlock(channels, channels, spec.NormGroups, spec.NormEpsilon, spec.TimeWidth, device))];
        _attentions = [new SpatialTransformer(spec, channels, spec.Heads[^1], device)];
        UNetModules.Register(register_module, _residuals, _attentions);
    }

    /// <summary>Its attention.</summary>
    public SpatialTransformer Attention => _attentions[0];

    /// <summary>How its layers are computed.</summary>
    public BlockLayers Layers { get; } = new();

    public Tensor forward(Tensor input, Tensor time, Tensor context)
    {
        using var scope = NewDisposeScope();
        var x = Layers.Attention(Attention, Layers.Residual(_residuals[0], input, time), context);
        return Layers.Residual(_residuals[1], x, time).MoveToOuterDisposeScope();
    }
}

/// <summary>A step of the way up: residual blocks over what the block before gives and what the way down gave, attention, then twice the sides but at the last step.</summary>
internal sealed class UpBlock : nn.Module
{
    private readonly ResidualBlock[] _residuals;
    private readonly SpatialTransformer[] _attentions;

    [ComponentName(Name = "upsamplers")]
    private readonly ListOfOne<Upsampler>? _upsampler;

    public UpBlock(UNetSpec spec, int step, Device device)
        : base("up_block")
    {
        var last = spec.BlockChannels.Count - 1;
        var level = last - step; // the step of the way down that has the same sides
        var output = spec.BlockChannels[level];
        var before = spec.BlockChannels[Math.Min(level + 1, last)];
        var below = spec.BlockChannels[Math.Max(level - 1, 0)];
        _residuals =
        [
            .. Enumerable.Range(0, spec.LayersPerBlock + 1).Select(j => new ResidualBlock(
                (j == 0 ? before : output) + (j == spec.LayersPerBlock ? below : output), output, spec.NormGroups, spec.NormEpsilon, spec.TimeWidth, device)),
        ];
        _attentions = spec.UpAttention[step] ? [.. _residuals.Select(_ => new SpatialTransformer(spec, output, spec.Heads[level], device))] : [];
        _upsampler = level == 0 ? null : new ListOfOne<Upsampler>(new Upsampler(output, device));
        UNetModules.Register(register_module, _residuals, _attentions);
        RegisterComponents();
    }

    /// <summary>Its attentions.</summary>
    public IReadOnlyList<SpatialTransformer> Attentions => _attentions;

    /// <summary>How its layers are computed.</summary>
    public BlockLayers Layers { get; } = new();

    /// <summary>Takes from <paramref name="skips"/> what its layers need.</summary>
    public Tensor forward(Tensor input, Tensor time, Tensor context, Stack<Tensor> skips)
    {
        using var scope = NewDisposeScope();
        var x = input;
        for (var j = 0; j < _residuals.Length; j++)
        {
            x = Layers.Residual(_residuals[j], x, time, skips.Pop());
            x = _attentions.Length > 0 ? Layers.Attention(_attentions[j], x, context) : x;
        }

        if (_upsampler is not null)
        {
            x = _upsampler.Only.forward(x, skips.Peek().shape[2..]);
        }

        return x.MoveToOuterDisposeScope();
    }
}

/// <summary>How a block's layers are computed.</summary>
internal sealed class BlockLayers
{
    /// <summary>Whether only what comes into a layer is kept for the backward pass, which computes the layer once more.</summary>
    public bool Checkpointing { get; set; }

    /// <summary>A residual block, of an input or of an input and what the way down gave, one after the other.</summary>
    public Tensor Residual(ResidualBlock block, Tensor input, Tensor time, Tensor? skip = null)
    {
        if (skip is null)
        {
            return Checkpointing ? Recomputation.Of(block, tensors => block.forward(tensors[0], tensors[1]), input, time) : block.forward(input, time);
        }

        return Checkpointing ? Recomputation.Of(block, tensors => Joined(tensors[0], tensors[1], tensors[2]), input, skip, time) : Joined(input, skip, time);

        Tensor Joined(Tensor below, Tensor beside, Tensor embedding)
        {
            using var both = cat([below, beside], 1);
            return block.forward(both, embedding);
        }
    }

    /// <summary>Attention.</summary>
    public Tensor Attention(SpatialTransformer attention, Tensor input, Tensor context) =>
        Checkpointing ? Recomputation.Of(attention, tensors => attention.forward(tensors[0], tensors[1]), input, context) : attention.forward(input, context);
}

/// <summary>diffusers' names of what a block holds.</summary>
internal static class UNetModules
{
    public static void Register(Action<string, nn.Module> register, ResidualBlock[] residuals, SpatialTransformer[] attentions)
    {
        register("resnets", nn.ModuleList(residuals));
        if (attentions.Length > 0)
        {
            register("attentions", nn.ModuleList(attentions));
        }
    }
}
