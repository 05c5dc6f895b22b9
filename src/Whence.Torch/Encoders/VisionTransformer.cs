using TorchSharp.Utils;
using Whence.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>
/// A vision transformer (Dosovitskiy et al. 2021): patches of an image as tokens, a class token before them, blocks, and the class token after the last
/// norm as the feature. Tensors have timm's names. What families add is in the fewest places: <see cref="Positions"/>, <c>norm_pre</c> and <c>head</c>.
/// </summary>
internal sealed class VisionTransformer : nn.Module<Tensor, Tensor>
{
    private readonly VisionTransformerSpec _spec;

    [ComponentName(Name = "head")]
    private readonly LinearLayer? _head;

    [ComponentName(Name = "norm_pre")]
    private readonly NormLayer? _before;

    [ComponentName(Name = "norm")]
    private readonly NormLayer _norm;

    private readonly TransformerBlock[] _blocks;

    [ComponentName(Name = "patch_embed")]
    private readonly PatchEmbedding _patches;


    /// <summary>A network with uninitialised weights.</summary>
    /// <param name="spec">Family and sizes.</param>
    /// <param name="dimension">Values of a feature; only CLIP can choose them.</param>
    /// <param name="device">Where its weights lie; meta: nowhere.</param>
    public VisionTransformer(VisionTransformerSpec spec, int dimension, Device device)
        : base("vit")
    {
        _spec = spec;
        var clip = spec.Family == VisionTransformerFamily.Clip;
        var epsilon = clip ? 1e-5 : 1e-6;
        var grid = spec.ImageSize / spec.PatchSize;
        register_parameter("cls_token", LinearLayer.Uninitialised(device, 1, 1, spec.Width));
        register_parameter("pos_embed", LinearLayer.Uninitialised(device, 1, 1 + ((long)grid * grid), spec.Width));
        _patches = new PatchEmbedding(spec, device, bias: !clip);
        if (clip)
        {
            _before = new NormLayer(spec.Width, epsilon, device);
        }

        _blocks = [.. Enumerable.Range(0, spec.Depth).Select(_ => new TransformerBlock(
            spec.Width, spec.Heads, epsilon, clip ? TransformerActivation.QuickGelu : TransformerActivation.Gelu, causal: false, device))];
        register_module("blocks", nn.ModuleList(_blocks));
        _norm = new NormLayer(spec.Width, epsilon, device);
        if (clip)
        {
            _head = new LinearLayer(spec.Width, dimension, device, bias: false);
        }

        RegisterComponents();
    }

    /// <summary>Features, not normalised.</summary>
    /// <param name="input">[n, 3, h, w], h and w at least a patch; what is over at the right and below is not looked at.</param>
    /// <returns>[n, dimension].</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = Tokens(input); // n x (1 + patches) x width
        foreach (var block in _blocks[..^1])
        {
            using var before = x; // only one block's tokens at a time
            x = block.forward(before);
        }

        var first = _norm.forward(_blocks[^1].ForwardFirst(x)).squeeze(1); // n x width
        return (_head?.forward(first) ?? first).MoveToOuterDisposeScope();
    }

    /// <summary>What goes into the blocks: the class token and the patches, with their positions. [n, 3, h, w] -> [n, 1 + patches, width].</summary>
    public Tensor Tokens(Tensor input)
    {
        using var scope = NewDisposeScope();
        var patches = _patches.forward(input); // n x patches x width
        var first = get_parameter("cls_token")!.expand(input.shape[0], 1, _spec.Width);
        var x = cat([first, patches], 1).add_(Positions(input.shape[2], input.shape[3]));
        return (_before?.forward(x) ?? x).MoveToOuterDisposeScope();
    }

    /// <summary>The tokens after each block, all of them. [n, 3, h, w] -> depth x [n, 1 + patches, width].</summary>
    public Tensor[] Blocks(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = Tokens(input);
        return [.. _blocks.Select(block => (x = block.forward(x)).MoveToOuterDisposeScope())];
    }

    /// <summary>
    /// The positions' embedding for images of h x w: as stored or, in DINO, interpolated where the grid or the square is another. The scale is DINO's:
    /// a tenth of a patch more than the ratio of the sizes, and used as the scale of the coordinates.
    /// </summary>
    /// <returns>[1, 1 + patches, width].</returns>
    public Tensor Positions(long height, long width)
    {
        using var scope = NewDisposeScope();
        var stored = get_parameter("pos_embed")!;
        var (rows, columns) = (height / _spec.PatchSize, width / _spec.PatchSize);
        var grid = _spec.ImageSize / _spec.PatchSize;
        if (rows * columns == (long)grid * grid && height == width)
        {
            return stored.alias().MoveToOuterDisposeScope();
        }

        if (_spec.Family != VisionTransformerFamily.Dino)
        {
            throw new ArgumentException($"Images of {height} x {width}, but positions are stored for {_spec.ImageSize} x {_spec.ImageSize}.", nameof(height));
        }

        var table = stored.narrow(1, 1, (long)grid * grid).to_type(ScalarType.Float32).view(1, grid, grid, -1).permute(0, 3, 1, 2); // 1 x width x grid x grid
        table = nn.functional.interpolate(
            table, scale_factor: [(rows + 0.1) / grid, (columns + 0.1) / grid], mode: InterpolationMode.Bicubic, align_corners: false);
        return table.shape[2] == rows && table.shape[3] == columns
            ? cat([stored.narrow(1, 0, 1), table.flatten(2).transpose(1, 2).to_type(stored.dtype)], 1).MoveToOuterDisposeScope()
            : throw new ArgumentException($"Images of {height} x {width} cannot be interpolated to: {table.shape[2]} x {table.shape[3]} instead of {rows} x {columns} patches.", nameof(height));
    }

    /// <summary>
    /// MoCo v3's fixed positions: for each token sines and cosines of its row, then of its column, of frequencies 10000^(-k / (width / 4)); zero for
    /// the class token.
    /// </summary>
    /// <param name="grid">Patches along a side.</param>
    /// <param name="width">A multiple of 4.</param>
    /// <returns>(1 + grid^2) x width values.</returns>
    public static float[] SineCosinePositions(int grid, int width)
    {
        var quarter = width / 4;
        var values = new float[((grid * grid) + 1) * width];
        for (var token = 0; token < grid * grid; token++)
        {
            var at = values.AsSpan((token + 1) * width, width);
            for (var k = 0; k < quarter; k++)
            {
                var frequency = Math.Pow(10_000, -(double)k / quarter);
                (at[k], at[quarter + k]) = ((float)Math.Sin(token / grid * frequency), (float)Math.Cos(token / grid * frequency));
                (at[(2 * quarter) + k], at[(3 * quarter) + k]) = ((float)Math.Sin(token % grid * frequency), (float)Math.Cos(token % grid * frequency));
            }
        }

        return values;
    }

    /// <summary>Patches as rows, and one product for all of them: what a convolution with the stride of its kernel computes.</summary>
    private sealed class PatchEmbedding : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "proj")]
        private readonly Convolution _projection;

        private readonly long _side;

        public PatchEmbedding(VisionTransformerSpec spec, Device device, bool bias)
            : base("patch_embed")
        {
            _side = spec.PatchSize;
            _projection = new Convolution(spec, device, bias);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var (n, rows, columns) = (input.shape[0], input.shape[2] / _side, input.shape[3] / _side);
            var x = input.narrow(2, 0, rows * _side).narrow(3, 0, columns * _side);
            x = x.unflatten(3, columns, _side).unflatten(2, rows, _side); // n x 3 x rows x side x columns x side
            x = x.permute(0, 2, 4, 1, 3, 5).reshape(n, rows * columns, 3 * _side * _side);
            return _projection.forward(x).MoveToOuterDisposeScope();
        }
    }

    private sealed class Convolution : nn.Module<Tensor, Tensor>
    {
        public Convolution(VisionTransformerSpec spec, Device device, bool bias)
            : base("proj")
        {
            register_parameter("weight", LinearLayer.Uninitialised(device, spec.Width, 3, spec.PatchSize, spec.PatchSize));
            if (bias)
            {
                register_parameter("bias", LinearLayer.Uninitialised(device, spec.Width));
            }
        }

        public override Tensor forward(Tensor input) => LinearLayer.Product(input, get_parameter("weight")!.flatten(1), get_parameter("bias"));
    }
}
