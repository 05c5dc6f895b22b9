using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using TorchSharp;
using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Torch.Encoders;
using Whence.Vectors;

namespace Whence.Bench;

/// <summary>
/// ViT-B/16 of full size with random weights, beside the same network in PyTorch: same weights, same images. Ours runs as indexing runs it, a call for
/// each core, each of a whole batch; PyTorch one call on all cores.
/// </summary>
internal static class EncodersBench
{
    private const int Side = 224, Width = 768, Depth = 12, Rounds = 5;
    private static readonly int[] Batches = [8, 32];
    private static readonly string[] Precisions = ["float32", "bfloat16"];

    public static JsonObject Run(string[] args)
    {
        if (args is ["--memory", var file, var computing, var images1, var cores])
        {
            Console.WriteLine(PeakMemory(file, computing, int.Parse(images1, CultureInfo.InvariantCulture), int.Parse(cores, CultureInfo.InvariantCulture)));
            Environment.Exit(0);
        }

        var threads = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            var random = new Random(1);
            var (weights, pixels) = (Path.Combine(temporary, "vit.pth"), Path.Combine(temporary, "images.npy"));
            TorchFileWriter.Write(weights, Weights(random));
            var images = Normal(random, Batches.Max() * 3 * Side * Side, 1);
            using (var stream = File.Create(pixels))
            {
                NpyFile.Write(stream, images, 3 * Side * Side);
            }

            using var peer = new Peer("encoders.py", threads, weights, pixels, $"{threads}");
            Console.WriteLine($"ViT-B/16, {Side} px, random weights, {threads} threads; Python's {peer.Ask("ready")}\n");

            Console.WriteLine($"{"precision",-11}{"batch",6}{"Whence images/s",18}{"PyTorch images/s",18}{"ratio",8}{"to its float32",16}{"Whence peak MB",16}{"PyTorch peak MB",17}{"cosine",12}");
            var (rows, first) = (new JsonArray(), new Dictionary<int, double>());
            foreach (var precision in Precisions)
            {
                using var encoder = Open(weights, precision);
                foreach (var batch in Batches)
                {
                    rows.Add(Measure(peer, encoder, precision, batch, threads, images, temporary, first, OwnPeak(weights, precision, batch, threads)));
                }
            }

            Console.WriteLine();
            return new JsonObject { ["threads"] = threads, ["rows"] = rows, ["products"] = Products(threads) };
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static JsonObject Measure(Peer peer, IImageEncoder encoder, string precision, int batch, int threads, float[] images, string folder, Dictionary<int, double> first, long peak)
    {
        var length = batch * 3 * Side * Side;
        var features = Enumerable.Range(0, threads).Select(_ => new float[batch * Width]).ToArray();
        var theirPeak = 0L;
        var seconds = Bench.Rounds.Seconds(Rounds, 1, Ours, Theirs);
        var (ours, theirs) = (threads * batch / Bench.Rounds.Median(seconds[0]), batch / Bench.Rounds.Median(seconds[1]));
        if (precision == "float32")
        {
            first[batch] = theirs;
        }

        // What both make of the same images, and what the precision changes.
        var reference = Path.Combine(folder, "reference.npy");
        peer.Ask($"write float32 {batch} {reference}");
        using var file = NpyFile.Open(reference);
        var expected = new float[batch * Width];
        file.ReadRows(0, expected);
        var cosine = Enumerable.Range(0, batch).Min(i => Cosine(expected.AsSpan(i * Width, Width), features[0].AsSpan(i * Width, Width)));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{precision,-11}{batch,6}{ours,18:F2}{theirs,18:F2}{ours / theirs,8:F2}{ours / first[batch],16:F2}{peak / 1e6,16:F0}{theirPeak / 1e6,17:F0}{cosine,12:F7}"));
        return new JsonObject
        {
            ["precision"] = precision,
            ["batch"] = batch,
            ["imagesPerSecond"] = ours,
            ["peer"] = theirs,
            ["ratio"] = ours / theirs,
            ["ratioToPeerFloat32"] = ours / first[batch],
            ["peakBytes"] = peak,
            ["peerPeakBytes"] = theirPeak,
            ["leastCosineToPeerFloat32"] = cosine,
        };

        double Ours() => Bench.Rounds.Time(() => Encode(encoder, images.AsMemory(0, length), features));

        double Theirs()
        {
            var answer = peer.Ask($"{precision} {batch}").Split(' ');
            theirPeak = Math.Max(theirPeak, long.Parse(answer[1], CultureInfo.InvariantCulture));
            return double.Parse(answer[0], CultureInfo.InvariantCulture);
        }
    }

    private static IImageEncoder Open(string weights, string precision) =>
        ImageEncoders.Open(Spec(weights), new ImageEncoderOptions { Precision = precision == "float32" ? EncoderPrecision.F32 : EncoderPrecision.BF16 });

    // As indexing does it: a call for each core.
    private static void Encode(IImageEncoder encoder, ReadOnlyMemory<float> images, float[][] features) =>
        Parallel.For(0, features.Length, new ParallelOptions { MaxDegreeOfParallelism = features.Length }, i => encoder.Encode(images.Span, features[i]));

    // In a process of its own, without what the bench itself holds.
    private static long OwnPeak(string weights, string precision, int batch, int threads)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["encoders", "--memory", weights, precision, $"{batch}", $"{threads}"]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var peak = long.Parse(process.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture);
        process.WaitForExit();
        return peak;
    }

    private static long PeakMemory(string weights, string precision, int batch, int threads)
    {
        using var encoder = Open(weights, precision);
        var images = new float[batch * 3 * Side * Side];
        var features = Enumerable.Range(0, threads).Select(_ => new float[batch * Width]).ToArray();
        Encode(encoder, images, features);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
        File.WriteAllText("/proc/self/clear_refs", "5"); // the peak starts anew
        Encode(encoder, images, features);
        return Memory.Of(Environment.ProcessId)!.Peak;
    }

    /// <summary>What the products of a layer run at in each way: why they are computed as they are.</summary>
    private static JsonObject Products(int threads)
    {
        const int Rows = 197 * 8;
        var own = torch.get_num_threads();
        torch.set_num_threads(threads);
        using var scope = torch.NewDisposeScope();
        using var inference = torch.inference_mode();
        var (x, w, b) = (torch.randn(Rows, Width), torch.randn(4 * Width, Width), torch.randn(4 * Width));
        var (x16, w16, b16) = (x.bfloat16(), w.bfloat16(), b.bfloat16());
        var scale = w.abs().amax([1L], true) / 127;
        var (w8, scales) = ((w / scale).round().to(torch.ScalarType.Int8).t(), scale.t().contiguous());
        using var integers = torch.jit.compile("""
            def dynamic(x, w, s, b):
                m = x.abs().amax([1], True)
                return torch._int_mm(torch.round(x * (127.0 / m)).to(1), w) * (m * s / 127.0) + b

            """);
        var exact = torch.nn.functional.linear(x, w, b);
        var figures = new JsonObject();
        Console.WriteLine($"a layer of {Width} x {4 * Width} on {Rows} tokens, {threads} threads, GFLOP/s:");
        Add("float32, libtorch's product", () => torch.nn.functional.linear(x, w, b));
        Add("float32, as a convolution", () => LinearLayer.AsConvolution(x, w, b));
        Add("bfloat16, libtorch's product", () => torch.nn.functional.linear(x16, w16, b16));
        Add("int8, dynamic", () => (torch.Tensor)integers.invoke("dynamic", x, w8, scales, b));
        torch.set_num_threads(own);
        return figures;

        void Add(string name, Func<torch.Tensor> product)
        {
            double Once() => Bench.Rounds.Time(() => product().Dispose());
            var rate = 2.0 * Rows * Width * 4 * Width / Enumerable.Range(0, 20).Select(_ => Once()).Skip(5).Min() / 1e9;
            using var result = product();
            var error = ((result.to_type(torch.ScalarType.Float32) - exact).norm() / exact.norm()).item<float>();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-32}{rate,8:F0}   error {error:P3}"));
            figures[name] = new JsonObject { ["gflops"] = rate, ["relativeError"] = error };
        }
    }

    private static EncoderSpec Spec(string weights) => new()
    {
        Name = "vit-b16",
        Dimension = Width,
        Preprocessing = new PreprocessingSpec { Resize = Side, Crop = Side },
        Network = new VisionTransformerSpec { Family = VisionTransformerFamily.Timm, ImageSize = Side, PatchSize = 16, Width = Width, Depth = Depth, Heads = 12 },
        Model = new ModelFile { File = Path.GetFileName(weights), Sha256 = Checksum.Of(weights) },
        Folder = Path.GetDirectoryName(weights)!,
    };

    // Values that keep the activations of all blocks of about the same size, as those of trained networks are.
    private static List<TensorData> Weights(Random random)
    {
        var tensors = new List<TensorData>();
        Add("cls_token", 0.02, 1, 1, Width);
        Add("pos_embed", 0.02, 1, 197, Width);
        Linear("patch_embed.proj", Width, 3, 16, 16);
        for (var block = 0; block < Depth; block++)
        {
            Norm($"blocks.{block}.norm1");
            Linear($"blocks.{block}.attn.qkv", 3 * Width, Width);
            Linear($"blocks.{block}.attn.proj", Width, Width);
            Norm($"blocks.{block}.norm2");
            Linear($"blocks.{block}.mlp.fc1", 4 * Width, Width);
            Linear($"blocks.{block}.mlp.fc2", Width, 4 * Width);
        }

        Norm("norm");
        return tensors;

        void Linear(string name, params long[] shape)
        {
            Add(name + ".weight", 1 / Math.Sqrt(shape.Skip(1).Aggregate(1L, (a, b) => a * b)), shape);
            Add(name + ".bias", 0.02, shape[0]);
        }

        void Norm(string name)
        {
            tensors.Add(TensorData.FromSingle(name + ".weight", [.. Normal(random, Width, 0.1).Select(x => 1 + x)], Width));
            Add(name + ".bias", 0.1, Width);
        }

        void Add(string name, double deviation, params long[] shape) =>
            tensors.Add(TensorData.FromSingle(name, Normal(random, (int)shape.Aggregate(1L, (a, b) => a * b), deviation), shape));
    }

    private static float[] Normal(Random random, int count, double deviation)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = (float)(deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        return values;
    }

    private static double Cosine(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var (x, y) = (a.ToArray(), b.ToArray());
        Normalization.NormalizeRow(x);
        Normalization.NormalizeRow(y);
        return DotProduct.Of(x, y);
    }
}
