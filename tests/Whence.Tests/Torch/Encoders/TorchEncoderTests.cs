using System.Numerics.Tensors;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Whence.Encoders;
using Whence.Images;
using Whence.Search;
using Whence.Torch.Encoders;

namespace Whence.Tests.Torch.Encoders;

public sealed class TorchEncoderTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_spec_beside_the_weights_is_all_it_takes_and_the_batch_does_not_matter()
    {
        using var golden = new GoldenEncoders("dino");
        using var encoder = ImageEncoders.Open(Spec());
        var features = new float[2 * 48];
        encoder.Encode(golden.Values("input"), features);
        GoldenEncoders.AssertClose(golden.Values("feature"), features);

        var many = new float[34 * 48];
        encoder.Encode([.. Enumerable.Repeat(golden.Values("input"), 17).SelectMany(x => x)], many);
        for (var i = 0; i < 17; i++)
        {
            GoldenEncoders.AssertClose(features, many.AsSpan(i * 96, 96));
        }

        encoder.Encode([], []);
        Assert.Throws<ArgumentException>(() => encoder.Encode(new float[3 * 32 * 32], new float[47]));
        Assert.Throws<ArgumentException>(() => encoder.Encode(new float[3 * 32 * 31], new float[48]));
    }

    [Fact]
    public async Task Several_threads_may_encode_at_once()
    {
        using var golden = new GoldenEncoders("dino");
        using var encoder = ImageEncoders.Open(Spec());
        var (input, expected) = (golden.Values("input"), golden.Values("feature"));
        await Parallel.ForAsync(0, 100, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, (_, _) =>
        {
            var features = new float[96];
            encoder.Encode(input, features);
            GoldenEncoders.AssertClose(expected, features);
            return ValueTask.CompletedTask;
        });
    }

    [Fact]
    public void Bfloat16_by_option_or_spec_is_nearly_float32()
    {
        using var golden = new GoldenEncoders("dino");
        foreach (var (spec, options) in new[] { (Spec(), new ImageEncoderOptions { Precision = EncoderPrecision.BF16 }), (Spec() with { Precision = EncoderPrecision.BF16 }, new()) })
        {
            using var encoder = ImageEncoders.Open(spec, options);
            Assert.Equal(EncoderPrecision.BF16, encoder.Spec.Precision);
            var features = new float[96];
            encoder.Encode(golden.Values("input"), features);
            Assert.InRange(TensorPrimitives.CosineSimilarity(golden.Values("feature"), features), 0.999f, 1.001f);
            Assert.NotEqual(golden.Values("feature"), features);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Images_of_a_folder_become_an_index_whose_features_do_not_depend_on_threads(int threads)
    {
        TestImages.WriteFolder(_temp["photos"], 7);
        using var encoder = ImageEncoders.Open(Spec(crop: 48));
        var options = new IndexBuildOptions { Threads = threads, Batch = 3, Type = Whence.Vectors.ElementType.F32 };
        Assert.Equal(new IndexProgress(7, 0, 0), await new IndexBuilder(_temp["index"], encoder, options).BuildAsync([_temp["photos"]]));

        var preprocessor = new Preprocessor(encoder.Spec.Preprocessing);
        var input = new float[3 * 48 * 48];
        preprocessor.Preprocess(File.ReadAllBytes(_temp["photos", "00004.png"]), input);
        var expected = new float[48];
        encoder.Encode(input, expected);
        Whence.Vectors.Normalization.NormalizeRows(expected, 48);

        var index = FeatureIndex.Open(_temp["index"]);
        var part = Assert.Single(index.Manifest.Parts);
        using var features = index.OpenFeatures(part);
        var row = new float[48];
        features.ReadRows(4, row);
        Whence.Vectors.Normalization.NormalizeRows(row, 48);
        GoldenEncoders.AssertClose(expected, row);
    }

    [Theory]
    [InlineData("crop", 4, "at least patchSize 8")]
    [InlineData("family", "timm", "must be the network's imageSize 32")] // with a crop of 48
    [InlineData("family", "moco", "must be the network's imageSize 32")]
    [InlineData("family", "clip", "must be the network's imageSize 32")]
    [InlineData("width", 96, "must be the spec's dimension 48")]
    [InlineData("depth", 4, "12 missing: blocks.3.norm1.weight")]
    [InlineData("depth", 2, "12 unknown: blocks.2.attn.proj.bias")]
    [InlineData("heads", 5, "multiple of heads")]
    [InlineData("patchSize", 16, "patch_embed.proj.weight is F32 [48, 3, 8, 8] instead of [48, 3, 16, 16]")]
    [InlineData("imageSize", 64, "pos_embed is F32 [1, 17, 48] instead of [1, 65, 48]")]
    public void A_spec_that_does_not_fit_its_weights_is_explained(string key, object value, string expected)
    {
        var path = Write(spec =>
        {
            var parent = key == "crop" ? spec["preprocessing"]! : spec["network"]!;
            parent[key] = value is int number ? JsonValue.Create(number) : JsonValue.Create((string)value);
        }, crop: 48);
        var error = Assert.Throws<WhenceException>(() => ImageEncoders.Open(EncoderSpec.Load(path)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void The_kind_of_a_network_need_not_stand_first()
    {
        var path = Write(spec => spec["network"] = new JsonObject(spec["network"]!.AsObject().Reverse().Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone()))), crop: 32);
        Assert.Equal(GoldenEncoders.Dino, EncoderSpec.Load(path).Network);
    }

    [Theory]
    [InlineData("input")]
    [InlineData("output")]
    public void Ends_that_are_only_for_onnx_are_refused(string end)
    {
        var path = Write(spec => spec["model"]![end] = "x", crop: 32);
        Assert.Contains("only an ONNX model", Assert.Throws<WhenceException>(() => EncoderSpec.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_that_changed_or_are_gone_are_refused()
    {
        var spec = Spec();
        File.AppendAllText(_temp["dino.pth"], " ");
        Assert.Contains("SHA-256", Assert.Throws<WhenceException>(() => ImageEncoders.Open(spec)).Message, StringComparison.Ordinal);
        File.Delete(_temp["dino.pth"]);
        Assert.Contains("cannot read", Assert.Throws<WhenceException>(() => ImageEncoders.Open(spec)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_is_not_there_is_said()
    {
        Assert.SkipWhen(TorchSharp.torch.cuda_is_available(), "needs a machine without CUDA");
        var error = Assert.Throws<WhenceException>(() => ImageEncoders.Open(Spec(), new() { Device = EncoderDevice.Cuda }));
        Assert.Contains("no CUDA device", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Calls_leave_no_tensor_behind_and_disposal_the_weights_neither()
    {
        var spec = Spec();
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        foreach (var precision in Enum.GetValues<EncoderPrecision>())
        {
            using (var encoder = ImageEncoders.Open(spec, new() { Precision = precision }))
            {
                var loaded = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
                encoder.Encode(new float[2 * 3 * 32 * 32], new float[2 * 48]);
                Assert.Equal(loaded, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
            }

            Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
    }

    private EncoderSpec Spec(int crop = 32) => EncoderSpec.Load(Write(_ => { }, crop));

    private string Write(Action<JsonNode> edit, int crop)
    {
        var weights = File.ReadAllBytes(GoldenEncoders.File("dino", "weights.pth"));
        File.WriteAllBytes(_temp["dino.pth"], weights);
        var spec = JsonNode.Parse($$"""
            {
              "name": "dino-tiny",
              "dimension": 48,
              "preprocessing": { "resize": {{crop}}, "crop": {{crop}}, "interpolation": "bicubic", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225] },
              "network": { "kind": "vit", "family": "dino", "imageSize": 32, "patchSize": 8, "width": 48, "depth": 3, "heads": 4 },
              "model": { "file": "dino.pth", "sha256": "{{Convert.ToHexStringLower(SHA256.HashData(weights))}}" }
            }
            """)!;
        edit(spec);
        File.WriteAllText(_temp["dino-tiny.json"], spec.ToJsonString());
        return _temp["dino-tiny.json"];
    }
}
