using System.IO.Compression;
using Whence.Mapping;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Bench.Fuzz;

/// <summary>Features, state dicts, mappers, and the import of other people's features.</summary>
internal static class VectorFormats
{
    public static IEnumerable<FuzzFormat> All()
    {
        var features = Enumerable.Range(0, 24).Select(i => (float)Math.Sin(i)).ToArray();
        byte[] half = Npy(stream => NpyFile.Write(stream, [.. features.Select(x => (Half)x)], 6)), single = Npy(stream => NpyFile.Write(stream, features, 4));
        var torch = Torch("tests/Whence.Tests/Vectors/TorchFiles", "*.p*t*");
        var mappers = Torch("../shared/reference/evaluation", "mapper_*.pth");
        yield return new FuzzFormat("npy", 1, [new FuzzSeed("x.npy", half), new FuzzSeed("x.npy", single)], ReadNpy) { Repair = Repair.Npy, IsText = true };
        yield return new FuzzFormat(
            "npz", 1, [new FuzzSeed("x.npz", Npz(CompressionLevel.NoCompression, half, single)), new FuzzSeed("x.npz", Npz(CompressionLevel.Optimal, half, single))], ReadNpz);
        yield return new FuzzFormat("safetensors", 1, [new FuzzSeed("x.safetensors", Safetensors())], ReadSafetensors) { Repair = Repair.Safetensors, IsText = true };
        yield return new FuzzFormat("pth", 3, [.. torch, .. mappers], ReadTorch);
        yield return new FuzzFormat("mapper", 2, [Mapper(), .. mappers], attempt => attempt.Try(() => MapperPair.Load(attempt.File)));
        yield return new FuzzFormat("import of features", 1, [.. Torch("../shared/reference/evaluation", "laion_subset.pth"), .. torch.Take(1)], attempt =>
            attempt.Try(() => EmbeddingImport.FromFeatures(attempt.File, Path.Combine(attempt.Folder, "index"), new())));
    }

    public static byte[] Npy(Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        return stream.ToArray();
    }

    private static byte[] Npz(CompressionLevel level, params byte[][] arrays)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (i, array) in arrays.Index())
            {
                var entry = zip.CreateEntry($"arr_{i}.npy", level);
                entry.LastWriteTime = new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
                using var stream = entry.Open();
                stream.Write(array);
            }
        }

        return bytes.ToArray();
    }

    private static byte[] Safetensors() => Npy(stream => SafetensorsFile.Write(
        stream,
        [TensorData.FromSingle("a", [1, 2, 3, 4], 2, 2), TensorData.FromInt64("b", [1, 2], 2), TensorData.FromHalf("c", [(Half)1], 1)],
        new Dictionary<string, string> { ["format"] = "pt" }));

    private static FuzzSeed Mapper()
    {
        TensorData[] Side(string name) => [TensorData.FromSingle($"{name}.weight", [1, 0, 0, 1], 2, 2), TensorData.FromSingle($"{name}.bias", [0, 1], 2)];
        return new FuzzSeed("m.safetensors", Npy(stream => SafetensorsFile.Write(stream, [.. Side("real_mapper"), .. Side("synth_mapper")])));
    }

    private static FuzzSeed[] Torch(string folder, string pattern) =>
        Path.Combine(Repository.Root, folder) is var path && Directory.Exists(path)
            ? [.. Directory.GetFiles(path, pattern).Where(f => !f.EndsWith(".py", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(f => new FuzzSeed("x.pth", File.ReadAllBytes(f)))]
            : [];

    private static void ReadNpy(Attempt attempt)
    {
        using var file = NpyFile.Open(attempt.File);
        var rows = new float[file.Columns * Math.Min(file.Rows, 8)];
        file.ReadRows(0, rows);
        file.ReadRows(file.Rows - (rows.Length / file.Columns), rows);
        if (file.Type == ElementType.F16)
        {
            _ = file.HalfRows(0, (int)Math.Min(file.Rows, 8)).ToArray();
        }
    }

    private static void ReadNpz(Attempt attempt)
    {
        using var file = NpzFile.Open(attempt.File);
        foreach (var name in file.Names)
        {
            attempt.Try(() => file.ReadMatrix(name));
        }
    }

    private static void ReadSafetensors(Attempt attempt)
    {
        using var file = SafetensorsFile.Open(attempt.File);
        foreach (var (name, tensor) in file.Tensors)
        {
            attempt.Try(() => file.ReadSingle(name));
            attempt.Try(() => file.ReadMatrix(name));
            attempt.Try(() => _ = file.Bytes(name).ToArray());
            if (tensor.Type.IsInteger())
            {
                attempt.Try(() => file.ReadInt64(name));
            }
        }
    }

    private static void ReadTorch(Attempt attempt)
    {
        using var file = TorchFile.Open(attempt.File);
        attempt.Try(() => file.Root.ReadStateDict());
        ReadAll(attempt, file.Root, 0);
    }

    private static void ReadAll(Attempt attempt, TorchValue value, int depth)
    {
        IEnumerable<TorchValue> children = [];
        attempt.Try(() => children = value.Kind switch
        {
            TorchKind.Dictionary => value.AsDictionary().Values.Take(40).ToList(),
            TorchKind.List => value.AsList().Take(40).ToList(),
            _ => [],
        });
        foreach (var child in depth < 4 ? children : [])
        {
            ReadAll(attempt, child, depth + 1);
        }

        if (value.Kind == TorchKind.Tensor)
        {
            attempt.Try(() => value.AsTensor().ReadSingle());
        }
    }
}
