using TorchSharp;
using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Torch.Encoders;
using Whence.Vectors;

namespace Whence.Bench.Fuzz;

/// <summary>
/// Checkpoints of networks: opened as an encoder with the checksum that they have now, and where that succeeds an image goes through. Small networks of our
/// own, whose files are mostly structure, and the reference's files.
/// </summary>
internal static class CheckpointFormats
{
    private const int Side = 16;

    public static IEnumerable<FuzzFormat> All() =>
    [
        .. Formats("vit", 4, 8, Vit, Seeds("v", () => new VisionTransformer(Vit, 8, torch.META))),
        .. Formats("resnet", 4, 8, ResNet18, Seeds("r", () => new ResNet(ResNet18, 8, torch.META))),
        .. Formats("dino", 1, 48, Golden(VisionTransformerFamily.Dino, 48, 3, 4), Reference("dino/weights.pth", "dino/weights.safetensors"), 32),
        .. Formats("moco", 1, 48, Golden(VisionTransformerFamily.Moco, 48, 2, 6), Reference("moco/checkpoint.pth.tar"), 32),
        .. Formats("clip", 1, 24, Golden(VisionTransformerFamily.Clip, 128, 2, 2), Reference("clip/weights.safetensors", "clip_hf/weights.safetensors"), 32),
        .. Formats("sscd", 1, 24, new ResNetSpec { Depth = 50, Width = 8, Head = ResNetHead.Sscd }, Reference("sscd/weights.safetensors", "sscd/weights_classy.safetensors"), 64),
        .. Formats("archive", 1, 8, new TorchScriptSpec(), Scripts()), // without permission to run it
    ];

    private static VisionTransformerSpec Vit { get; } =
        new() { Family = VisionTransformerFamily.Timm, ImageSize = Side, PatchSize = 8, Width = 8, Depth = 1, Heads = 2 };

    private static ResNetSpec ResNet18 { get; } = new() { Depth = 18, Width = 1 };

    private static VisionTransformerSpec Golden(VisionTransformerFamily family, int width, int depth, int heads) =>
        new() { Family = family, ImageSize = 32, PatchSize = 8, Width = width, Depth = depth, Heads = heads };

    // What puts one kind of file right would break the other.
    private static IEnumerable<FuzzFormat> Formats(string name, int weight, int dimension, NetworkSpec network, FuzzSeed[] seeds, int side = Side) =>
        seeds.GroupBy(seed => Path.GetExtension(seed.Path) == ".safetensors").Select(group =>
            new FuzzFormat($"checkpoint {name}, {(group.Key ? "safetensors" : "pth")}", weight, [.. group], attempt => attempt.Try(() => Read(attempt, dimension, network, side)))
            {
                IsText = group.Key,
                Repair = group.Key ? Repair.Safetensors : null,
            });

    private static void Read(Attempt attempt, int dimension, NetworkSpec network, int side)
    {
        using var encoder = ImageEncoders.Open(new EncoderSpec
        {
            Name = "fuzz",
            Dimension = dimension,
            Preprocessing = new PreprocessingSpec { Resize = side, Crop = side },
            Network = network,
            Model = new ModelFile { File = Path.GetFileName(attempt.File), Sha256 = new FileInfo(attempt.File).Length > 0 ? Checksum.Of(attempt.File) : new string('0', 64) },
            Folder = attempt.Folder,
        });
        encoder.Encode(new float[3 * side * side], new float[dimension]);
    }

    /// <summary>A network's tensors in both kinds of files.</summary>
    private static FuzzSeed[] Seeds(string name, Func<torch.nn.Module> create)
    {
        using var network = create();
        TensorData[] tensors = [.. network.state_dict().Select(tensor => tensor.Value.dtype == torch.ScalarType.Int64
            ? TensorData.FromInt64(tensor.Key, [0L], tensor.Value.shape)
            : TensorData.FromSingle(tensor.Key, Enumerable.Repeat(0.5f, (int)tensor.Value.numel()).ToArray(), tensor.Value.shape))];
        var folder = Directory.CreateTempSubdirectory("whence-fuzz-").FullName;
        try
        {
            var (safetensors, pth) = (Path.Combine(folder, name + ".safetensors"), Path.Combine(folder, name + ".pth"));
            SafetensorsFile.Write(safetensors, tensors);
            TorchFileWriter.Write(pth, tensors);
            return [.. new[] { safetensors, pth }.Select(file => new FuzzSeed(Path.GetFileName(file), File.ReadAllBytes(file)))];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static FuzzSeed[] Reference(params string[] files) =>
        [.. files.Select(file => Path.Combine(Repository.Root, "../shared/reference/encoders", file)).Where(File.Exists).Select(file => new FuzzSeed(Path.GetFileName(file), File.ReadAllBytes(file)))];

    private static FuzzSeed[] Scripts() =>
        [.. Directory.GetFiles(Path.Combine(Repository.Root, "tests/Whence.Tests/Torch/Encoders/TorchScripts"), "*.pt").Order(StringComparer.Ordinal).Select(file => new FuzzSeed(Path.GetFileName(file), File.ReadAllBytes(file)))];
}
