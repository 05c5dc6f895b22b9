using System.Text.Json;
using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Tests.Encoders;
using Whence.Tests.Vectors;
using Whence.Torch.Encoders;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders;

/// <summary>The residual networks beside PyTorch's: <c>../shared/reference/encoders</c> holds the latter's features.</summary>
public sealed class ResNetTests : IDisposable
{
    private const double Atol = 1e-5;
    private const double PooledAtol = 2e-5;
    private const double Rtol = 1e-4;
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("resnet18", 18, 64)]
    [InlineData("resnet50", 50, 256)]
    public void Pooled_features_are_torchvisions(string name, int depth, int dimension)
    {
        var folder = SharedData.Get("reference", "encoders", name);
        AssertFeatures(new ResNetSpec { Depth = depth, Width = 8 }, dimension, Path.Combine(folder, "weights.safetensors"), folder, "pooled", PooledAtol);
    }

    [Theory]
    [InlineData("weights.safetensors")]
    [InlineData("weights_classy.safetensors")]
    public void Sscd_comes_from_the_names_of_torchvision_and_of_classy_vision(string file)
    {
        var folder = SharedData.Get("reference", "encoders", "sscd");
        AssertFeatures(Sscd(8), 24, Path.Combine(folder, file), folder, "feature", Atol);
    }

    [Theory]
    [InlineData("weights.safetensors", "")]
    [InlineData("weights_classy.safetensors", "")]
    [InlineData("weights_classy.safetensors", "model.")]
    public void Sscds_weights_are_read_from_a_TorchScript_archive_whose_code_is_not_run(string file, string prefix)
    {
        var folder = SharedData.Get("reference", "encoders", "sscd");
        using var weights = SafetensorsFile.Open(Path.Combine(folder, file));
        var archive = TorchArchive.SaveModule(_temp, [.. weights.Tensors.Select(t => Copy(weights, t.Key, t.Value, prefix + t.Key))]);
        AssertFeatures(Sscd(8), 24, archive, folder, "feature", Atol);
    }

    [Theory]
    [InlineData("resnet18_torchvision", 18, 512, ResNetHead.Average, false)]
    [InlineData("resnet50_torchvision", 50, 2048, ResNetHead.Average, false)]
    [InlineData("sscd_disc_mixup_torchvision", 50, 512, ResNetHead.Sscd, false)]
    [InlineData("sscd_disc_mixup_classy", 50, 512, ResNetHead.Sscd, true)]
    public void Names_and_shapes_are_the_published_files(string manifest, int depth, int dimension, ResNetHead head, bool classy)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(SharedData.Get("reference", "encoders", "manifests", manifest + ".json")));
        var published = json.RootElement.GetProperty("tensors").EnumerateObject()
            .Where(t => head == ResNetHead.Sscd || !t.Name.StartsWith("fc.", StringComparison.Ordinal))
            .Where(t => !t.Name.EndsWith("num_batches_tracked", StringComparison.Ordinal))
            .Select(t => $"{t.Name} {string.Join(" ", t.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()))}").Order(StringComparer.Ordinal);
        using var network = new ResNet(new ResNetSpec { Depth = depth, Head = head }, dimension, META);
        var format = classy ? ResNetWeights.Classy(depth) : ResNetWeights.Torchvision(head);
        Assert.Equal(published, WeightLoading.Expected(network, format).Select(t => $"{t.Key} {string.Join(" ", t.Value)}").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(34, 21_284_672, 512)] // torchvision's 21,797,672 and so on, less the classifier
    [InlineData(101, 42_500_160, 2048)]
    [InlineData(152, 58_143_808, 2048)]
    public void Deeper_networks_have_torchvisions_number_of_parameters(int depth, long parameters, int dimension)
    {
        using var network = new ResNet(new ResNetSpec { Depth = depth }, dimension, META);
        Assert.Equal(parameters, network.parameters().Sum(p => p.numel()));
    }

    [Fact]
    public void Weights_that_do_not_fit_are_named()
    {
        var folder = SharedData.Get("reference", "encoders", "resnet18");
        using var checkpoint = Checkpoint.Open(Path.Combine(folder, "weights.safetensors"));
        var error = Assert.Throws<WhenceException>(() => Load(new ResNetSpec { Depth = 34, Width = 8 }, 64, checkpoint));
        Assert.Contains("layer1.2.conv1.weight", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<WhenceException>(() => Load(new ResNetSpec { Depth = 18, Width = 16 }, 128, checkpoint));
        Assert.Contains("is F32 [8, 8, 3, 3] instead of [16, 16, 3, 3]", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(240, 0)]
    [InlineData(32, 4)]
    public void Layers_become_style(int dimension, int seed)
    {
        using var _ = NewDisposeScope();
        var spec = new ResNetSpec { Depth = 18, Width = 8 };
        string[] names = ["layer2", "relu", "layer4.0", "layer2.1", "layer3"];
        random.manual_seed(1);
        using var network = new ResNet(spec, 64, CPU);
        var input = rand(2, 3, 64, 64);
        var layers = network.Layers(input, names);
        Assert.Equal([[2, 16, 8, 8], [2, 8, 32, 32], [2, 64, 2, 2], [2, 16, 8, 8], [2, 32, 4, 4]], layers.Select(l => l.shape));
        Assert.True(layers[0].equal(layers[3]).all().item<bool>()); // a stage ends with its last block

        var style = new StyleSpec { Layers = ["relu", "layer1", "layer2", "layer3"], Seed = seed };
        ResNetStyle.Check(style, spec);
        dimension = Math.Min(dimension, 2 * (8 + 8 + 16 + 32));
        using var described = new ResNetStyle(network, style, dimension);
        var features = described.call(input);
        var values = network.Layers(input, style.Layers).Select(l => l.contiguous()).ToArray();
        for (var image = 0; image < 2; image++)
        {
            var maps = values.Select(l => l[image].reshape(l.shape[1], -1)).Select(l => l.data<float>().ToArray().Chunk((int)l.shape[1]).ToArray()).ToArray();
            Assert.All(SlowStyle.Of(maps, dimension, seed).Zip(features[image].data<float>().ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }
    }

    [Theory]
    [InlineData("sscd", null)]
    [InlineData("resnet18", null)]
    [InlineData("resnet18", EncoderPrecision.BF16)]
    public void A_spec_opens_as_an_encoder(string name, EncoderPrecision? precision)
    {
        var folder = SharedData.Get("reference", "encoders", name);
        using var io = SafetensorsFile.Open(Path.Combine(folder, "io.safetensors"));
        var expected = io.View(name == "sscd" ? "feature" : "pooled").ReadSingle();
        var n = (int)io.Tensors["input"].Shape[0];
        var path = Path.Combine(folder, "weights.safetensors");
        var spec = new EncoderSpec
        {
            Name = name,
            Dimension = expected.Length / n,
            Preprocessing = new PreprocessingSpec { Resize = 64, Crop = 64 },
            Model = new ModelFile { File = path, Sha256 = Checksum.Of(path) },
            Network = name == "sscd" ? Sscd(8) : new ResNetSpec { Depth = 18, Width = 8 },
        };
        var features = new float[expected.Length];
        using (var encoder = ImageEncoders.Open(spec, new ImageEncoderOptions { Precision = precision }))
        {
            encoder.Encode(io.View("input").ReadSingle(), features);
        }

        if (precision is null)
        {
            Assert.All(expected.Zip(features), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, PooledAtol + (Rtol * Math.Abs(pair.First))));
        }

        Assert.InRange(DotProduct.Of(expected, features) / Math.Sqrt(DotProduct.Of(expected, expected) * DotProduct.Of(features, features)), 0.999, 1.0001);

        var style = spec with { Dimension = 30, Style = new StyleSpec { Layers = ["relu", "layer2"] }, Network = new ResNetSpec { Depth = 18, Width = 8 } };
        if (name == "resnet18")
        {
            using var described = ImageEncoders.Open(style, new ImageEncoderOptions { Precision = precision });
            var descriptors = new float[30 * n];
            described.Encode(io.View("input").ReadSingle(), descriptors);
            Assert.DoesNotContain(descriptors, value => !float.IsFinite(value));
        }
    }

    [Fact]
    public void Layers_that_a_network_has_not_are_refused()
    {
        var spec = new ResNetSpec { Depth = 18 };
        ResNetStyle.Check(new StyleSpec { Layers = [.. ResNet.LayersOf(18)] }, spec);
        var error = Assert.Throws<WhenceException>(() => ResNetStyle.Check(new StyleSpec { Layers = ["relu", "layer1.2"] }, spec));
        Assert.Contains("'layer1.2'", error.Message, StringComparison.Ordinal);
    }

    private static ResNetSpec Sscd(int width) => new() { Depth = 50, Width = width, Head = ResNetHead.Sscd };

    private static ResNet Load(ResNetSpec spec, int dimension, Checkpoint checkpoint) =>
        WeightLoading.Load(device => new ResNet(spec, dimension, device), checkpoint, ResNetWeights.FormatOf(spec, checkpoint));

    private static TensorData Copy(SafetensorsFile file, string name, TensorInfo info, string newName) => info.Type == ElementType.I64
        ? TensorData.FromInt64(newName, file.View(name).ReadInt64(), [.. info.Shape])
        : TensorData.FromSingle(newName, file.View(name).ReadSingle(), [.. info.Shape]);

    private static void AssertFeatures(ResNetSpec spec, int dimension, string weights, string folder, string output, double atol)
    {
        using var _ = NewDisposeScope();
        using var io = SafetensorsFile.Open(Path.Combine(folder, "io.safetensors"));
        using var checkpoint = Checkpoint.Open(weights);
        using var network = Load(spec, dimension, checkpoint);
        using var inference = no_grad();
        var input = tensor(io.View("input").ReadSingle(), [.. io.Tensors["input"].Shape]);
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var features = network.call(input);
        Assert.Equal(before + 1, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.Equal(io.Tensors[output].Shape, features.shape);
        var expected = io.View(output).ReadSingle();
        Assert.All(expected.Zip(features.data<float>().ToArray()), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, atol + (Rtol * Math.Abs(pair.First))));
    }
}
