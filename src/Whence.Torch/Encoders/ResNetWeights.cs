using System.Text.RegularExpressions;
using Whence.Encoders;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>How checkpoints name the tensors of a <see cref="ResNet"/>: as torchvision, or SSCD's as Classy Vision.</summary>
internal static partial class ResNetWeights
{
    private const string Stem = "conv1.weight";
    private const string ClassyStem = "backbone.initial_block._module.0.weight";

    /// <summary>The network of a spec with a checkpoint's weights, float32, on the processor; the caller disposes it.</summary>
    /// <param name="network">The network.</param>
    /// <param name="spec">The encoder that it belongs to.</param>
    /// <param name="checkpoint">The weights.</param>
    /// <exception cref="WhenceException">Something of the file or of the layers for style does not fit the spec.</exception>
    public static nn.Module<Tensor, Tensor> Load(ResNetSpec network, EncoderSpec spec, Checkpoint checkpoint)
    {
        if (spec.Style is { } style)
        {
            ResNetStyle.Check(style, network);
        }

        var loaded = WeightLoading.Load(device => new ResNet(network, spec.Dimension, device), checkpoint, FormatOf(network, checkpoint));
        return spec.Style is null ? loaded : new ResNetStyle(loaded, spec.Style, spec.Dimension);
    }

    /// <summary>Finds the names that a checkpoint uses, and what stands before them: files wrap networks under names of their own.</summary>
    /// <param name="spec">The network.</param>
    /// <param name="checkpoint">The file.</param>
    public static WeightFormat FormatOf(ResNetSpec spec, Checkpoint checkpoint)
    {
        var names = checkpoint.Tensors.Keys;
        return spec.Head == ResNetHead.Sscd && PrefixOf(names, ClassyStem) is { } classy
            ? Classy(spec.Depth, classy)
            : Torchvision(spec.Head, PrefixOf(names.Where(name => checkpoint.Tensors.ContainsKey(name[..^Math.Min(name.Length, Stem.Length)] + "layer1.0." + Stem)), Stem));
    }

    /// <summary>torchvision's names, which are the network's own; its classifier is left out.</summary>
    /// <param name="head">SSCD's names begin with <c>backbone.</c>.</param>
    /// <param name="prefix">What stands before them; null: nothing out of the ordinary.</param>
    public static WeightFormat Torchvision(ResNetHead head, string? prefix = null)
    {
        prefix ??= head == ResNetHead.Sscd ? "backbone." : "";
        return new WeightFormat
        {
            Name = "torchvision's names",
            Prefix = prefix,
            Extras = head == ResNetHead.Sscd ? ["*.num_batches_tracked"] : ["*.num_batches_tracked", prefix + "fc.weight", prefix + "fc.bias"],
        };
    }

    /// <summary>Classy Vision's names of SSCD.</summary>
    /// <param name="depth">50 and more: bottlenecks.</param>
    /// <param name="prefix">What stands before them.</param>
    public static WeightFormat Classy(int depth, string prefix = "") => new()
    {
        Name = "Classy Vision's names",
        Prefix = prefix,
        Extras = ["*.num_batches_tracked"],
        Source = name => new WeightSource(ToClassy(name, depth < 50 ? 2 : 3)),
    };

    private static string? PrefixOf(IEnumerable<string> names, string end)
    {
        var found = names.Where(name => name == end || name.EndsWith("." + end, StringComparison.Ordinal)).Take(2).ToArray();
        return found.Length == 1 ? found[0][..^end.Length] : null;
    }

    // conv1, bn1, relu are 0, 1, 2 of a block's list, conv2 and bn2 are 3 and 4; the last norm stands beside it.
    private static string ToClassy(string name, int layers)
    {
        if (name.StartsWith("fc.", StringComparison.Ordinal))
        {
            return "embeddings.1." + name["fc.".Length..];
        }

        if (BlockTensor().Match(name) is not { Success: true } match)
        {
            return "backbone.initial_block._module." + (name.StartsWith("conv1.", StringComparison.Ordinal) ? "0." : "1.") + name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];
        }

        var stage = int.Parse(match.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) - 1;
        var (kind, rest) = (match.Groups[3].Value, match.Groups[4].Value);
        var number = kind[^1] - '0';
        var inner = kind == "downsample" ? "downsample"
            : kind == FormattableString.Invariant($"bn{layers}") ? "bn"
            : FormattableString.Invariant($"convolutional_block.{(3 * (number - 1)) + (kind.StartsWith("bn", StringComparison.Ordinal) ? 1 : 0)}");
        return FormattableString.Invariant($"backbone.blocks.{stage}.block{stage}-{match.Groups[2].Value}.{inner}.{rest}");
    }

    [GeneratedRegex(@"^layer(\d)\.(\d+)\.(\w+)\.(.+)$")]
    private static partial Regex BlockTensor();
}
