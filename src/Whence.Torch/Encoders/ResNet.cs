using TorchSharp.Modules;
using TorchSharp.Utils;
using Whence.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>
/// A residual network (He et al. 2016) as torchvision builds it, the stride of a bottleneck in its 3 x 3 convolution, up to the pooled feature; tensors have
/// torchvision's names. With <see cref="ResNetHead.Sscd"/> SSCD (Pizzi et al. 2022): <c>fc</c> is its projection.
/// </summary>
internal sealed class ResNet : nn.Module<Tensor, Tensor>
{
    /// <summary>The name of the stem's output among layers; as in torchvision its ReLU.</summary>
    public const string Stem = "relu";

    private const double GemPower = 3;
    private const double GemSmallest = 1e-6;

    [ComponentName(Name = "conv1")]
    private readonly Conv2d _conv1;

    [ComponentName(Name = "bn1")]
    private readonly BatchNorm2d _bn1;

    [ComponentName(Name = "fc")]
    private readonly Linear? _fc;

    private readonly ModuleList<ResNetBlock>[] _stages;

    /// <summary>A network with random weights, for inference: batch norms use what they have stored.</summary>
    /// <param name="spec">Depth, width and head.</param>
    /// <param name="dimension">Values of a feature; only a head that projects can choose them.</param>
    /// <param name="device">Where its weights lie; meta: nowhere.</param>
    public ResNet(ResNetSpec spec, int dimension, Device device)
        : base("resnet")
    {
        var blocks = BlocksOf(spec.Depth);
        _conv1 = nn.Conv2d(3, spec.Width, 7, stride: 2, padding: 3, bias: false, device: device);
        _bn1 = nn.BatchNorm2d(spec.Width, device: device);
        _stages = new ModuleList<ResNetBlock>[blocks.Length];
        long channels = spec.Width;
        for (var stage = 0; stage < blocks.Length; stage++)
        {
            var made = new ResNetBlock[blocks[stage]];
            for (var i = 0; i < made.Length; i++)
            {
                made[i] = new ResNetBlock(channels, (long)spec.Width << stage, spec.Depth >= 50, stage > 0 && i == 0 ? 2 : 1, device);
                channels = made[i].Channels;
            }

            _stages[stage] = nn.ModuleList(made);
            register_module(FormattableString.Invariant($"layer{stage + 1}"), _stages[stage]);
        }

        if (spec.Head == ResNetHead.Sscd)
        {
            _fc = nn.Linear(channels, dimension, device: device);
        }

        RegisterComponents();
        eval();
    }

    /// <summary>Blocks of each of the four stages.</summary>
    /// <param name="depth">18, 34, 50, 101 or 152.</param>
    public static int[] BlocksOf(int depth) => depth switch
    {
        18 => [2, 2, 2, 2],
        34 or 50 => [3, 4, 6, 3],
        101 => [3, 4, 23, 3],
        152 => [3, 8, 36, 3],
        _ => throw new ArgumentOutOfRangeException(nameof(depth), depth, "18, 34, 50, 101 or 152."),
    };

    /// <summary>Features.</summary>
    /// <param name="input">[n, 3, h, w].</param>
    /// <returns>[n, dimension], float32.</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var last = Run(input, [], []).to_type(ScalarType.Float32); // from here on also where the network is not
        if (_fc is null)
        {
            return last.mean([2, 3]).MoveToOuterDisposeScope();
        }

        var pooled = last.clamp(min: GemSmallest).pow(GemPower).mean([2, 3]).pow(1 / GemPower);
        var projected = _fc.call(pooled.to_type(_fc.weight.dtype)).to_type(ScalarType.Float32);
        return nn.functional.normalize(projected, p: 2, dim: 1).MoveToOuterDisposeScope();
    }

    /// <summary>What layers give, [n, channels, h, w] each, in the order of their names.</summary>
    /// <param name="input">[n, 3, h, w].</param>
    /// <param name="names"><c>relu</c>, <c>layer1</c> to <c>layer4</c>, or <c>layer1.0</c> and so on; all known (<see cref="LayersOf"/>).</param>
    public Tensor[] Layers(Tensor input, IReadOnlyList<string> names)
    {
        using var scope = NewDisposeScope();
        var layers = new Tensor[names.Count];
        Run(input, names, layers);
        return [.. layers.Select(layer => layer.MoveToOuterDisposeScope())];
    }

    /// <summary>Names of all layers that a network has.</summary>
    public static IEnumerable<string> LayersOf(int depth) => BlocksOf(depth).SelectMany((blocks, stage) =>
            Enumerable.Range(0, blocks).Select(block => FormattableString.Invariant($"layer{stage + 1}.{block}"))
                .Append(FormattableString.Invariant($"layer{stage + 1}")))
        .Prepend(Stem);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _conv1.Dispose();
            _bn1.Dispose();
            _fc?.Dispose();
            foreach (var stage in _stages)
            {
                stage.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    // Channels of a position side by side in memory (channels-last), which convolutions of libtorch are half as fast again with. What is over and not
    // asked for is freed at once: all maps of a ResNet-50 together take twice the memory.
    private Tensor Run(Tensor input, IReadOnlyList<string> names, Tensor[] layers)
    {
        // [n, 3, h, w] -> [n, width, h / 2, w / 2] -> h / 4 -> the stages, all but the first of which halve again
        using var channelsLast = input.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        using var convolved = ResNetBlock.Convolved(_conv1, channelsLast);
        var x = _bn1.call(convolved).relu_();
        See(Stem);
        Go(nn.functional.max_pool2d(x, 3, stride: 2, padding: 1));
        for (var stage = 0; stage < _stages.Length; stage++)
        {
            foreach (var (i, block) in _stages[stage].Index())
            {
                Go(block.call(x));
                See(FormattableString.Invariant($"layer{stage + 1}.{i}"));
            }

            See(FormattableString.Invariant($"layer{stage + 1}"));
        }

        return x;

        void See(string name)
        {
            foreach (var (i, wanted) in names.Index())
            {
                layers[i] = wanted == name ? x : layers[i];
            }
        }

        void Go(Tensor next)
        {
            if (!Array.Exists(layers, layer => ReferenceEquals(layer, x)))
            {
                x.Dispose();
            }

            x = next;
        }
    }
}
