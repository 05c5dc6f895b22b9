using System.Text.Json.Nodes;
using TorchSharp;
using Whence.Datasets;
using Whence.Encoders;
using Whence.Images;
using Whence.Search;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Diffusion;

/// <summary>Features of a diffusion model with captions (appendix B.5).</summary>
public sealed class MidBlockFeaturesTests : IDisposable
{
    private const int Side = 16, Width = 32;
    private static readonly CancellationToken Stop = TestContext.Current.CancellationToken;

    private readonly TempFolder _temp = new();

    public MidBlockFeaturesTests()
    {
        using var model = GoldenDiffusion.Model();
        model.Save(_temp["model"]);
        DiffusionFeatures.Describe(_temp["model"], _temp["sd.json"]);
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_feature_is_the_mean_of_the_mid_block_for_a_noisy_latent_and_the_caption()
    {
        using var encoder = Open();
        Assert.Equal(("sd", Width, Side), (encoder.Spec.Name, encoder.Spec.Dimension, encoder.Spec.Preprocessing.Crop));
        var pixels = Pixels(1);
        var feature = Encode(encoder, pixels, "a red circle");

        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var model = DiffusionModel.Open(_temp["model"]);
        var latents = model.Autoencoder.Moments(TensorValues.ToTensor(pixels, 1, 3, Side, Side)).narrow(1, 0, 4) * 0.18215f;
        var seed = BitConverter.ToUInt64(System.Security.Cryptography.SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(pixels)));
        var abar = new NoiseSchedule(model.Scheduler).AlphasCumprod[100];
        var noisy = (latents * Math.Sqrt(abar)) + (randn(latents.shape, generator: new Generator(seed)) * Math.Sqrt(1 - abar));
        var expected = model.UNet.MidBlock(noisy, tensor(new long[] { 100 }), model.EncodeText(["a red circle"])).mean([2, 3]);
        GoldenDiffusion.AssertClose(TensorValues.Of(expected.contiguous()), feature, 1e-5f, 1e-4f, "feature");
    }

    [Fact]
    public void The_same_image_and_caption_have_the_same_feature_whatever_is_beside_them()
    {
        using var encoder = Open();
        var (images, captions) = (Enumerable.Range(0, 5).Select(Pixels).ToArray(), new[] { "a cat", "", "a red circle", "a cat", "blue" });
        float[][] alone = [.. images.Zip(captions, (pixels, caption) => Encode(encoder, pixels, caption))];
        var together = new float[5 * Width];
        encoder.Encode(images.SelectMany(i => i).ToArray(), captions, together);
        Assert.Equal(alone.SelectMany(f => f), together);

        var parallel = new float[5][];
        Parallel.For(0, 5, i => parallel[i] = Encode(encoder, images[i], captions[i]));
        Assert.Equal(alone, parallel);

        Assert.NotEqual(alone[0], Encode(encoder, images[0], "a dog"));
        Assert.NotEqual(alone[0], Encode(encoder, images[1], "a cat"));
        var without = new float[Width];
        encoder.Encode(images[1], without);
        Assert.Equal(alone[1], without);
    }

    [Fact]
    public async Task Captions_beside_images_and_of_a_table_reach_an_index_and_a_features_file()
    {
        TestImages.WriteFolder(_temp["photos"], 4);
        File.WriteAllText(_temp["photos", "00000.txt"], "a cat");
        File.WriteAllText(_temp["captions.csv"], "file,caption\n00001.png,a red circle\n00000.png,not this one\n");
        var table = await MetadataTable.LoadAsync(_temp["captions.csv"], Stop);
        string[] captions = ["a cat", "a red circle", "", ""];
        using var encoder = Open();
        var preprocessor = new Preprocessor(encoder.Spec.Preprocessing);
        float[][] expected =
        [
            .. captions.Select((caption, i) =>
            {
                var pixels = new float[3 * Side * Side];
                preprocessor.Preprocess(File.ReadAllBytes(_temp["photos", $"{i:D5}.png"]), pixels);
                return Encode(encoder, pixels, caption);
            }),
        ];

        var built = await new IndexBuilder(_temp["index"], encoder, new() { Metadata = table, Type = ElementType.F32, Threads = 2, Batch = 3 }).BuildAsync([_temp["photos"]], cancellation: Stop);
        Assert.Equal((4, 2), (built.Indexed, built.Uncaptioned));
        var index = FeatureIndex.Open(_temp["index"]);
        using (var features = index.OpenFeatures(Assert.Single(index.Manifest.Parts)))
        {
            var row = new float[Width];
            for (var i = 0; i < 4; i++)
            {
                features.ReadRows(i, row);
                Assert.Equal(expected[i], row);
            }
        }

        var extracted = await new FeatureExtractor(encoder, new() { Captions = table, Threads = 2, Batch = 3 }).ExtractAsync([_temp["photos"]], _temp["f.safetensors"], cancellation: Stop);
        Assert.Equal((4, 2), (extracted.Encoded, extracted.Uncaptioned));
        using var file = FeatureFile.Open(_temp["f.safetensors"]);
        var all = new float[4 * Width];
        file.ReadRows(0, all);
        Assert.Equal(expected.SelectMany(f => f), all);

        // What no encoder looks at is not missed.
        Assert.Equal(0, (await new FeatureExtractor(new PatchEncoder()).ExtractAsync([_temp["photos"]], _temp["p.safetensors"], cancellation: Stop)).Uncaptioned);

        // Of a query the prompt is its caption.
        using var attributor = new Attributor(index, encoder);
        var query = Query.FromFile(_temp["photos", "00000.png"]);
        Assert.Equal(1, attributor.Attribute(query with { Caption = "a cat" }, 1).Results[0].Similarity, 1e-5);
        Assert.NotEqual(attributor.Features([query]).Span.ToArray(), attributor.Features([query with { Caption = "a cat" }]).Span.ToArray());
    }

    [Fact]
    public void A_model_that_moved_is_the_same_encoder_and_another_one_is_refused()
    {
        using (var other = GoldenDiffusion.Model(seed: 8))
        {
            other.Save(_temp["other"]);
        }

        var spec = EncoderSpec.Load(_temp["sd.json"]);
        Directory.Move(_temp["model"], _temp["moved"]);
        var moved = Changed("moved.json", network => network["model"] = "moved");
        Assert.True(moved.IsSameEncoder(spec with { Name = moved.Name }));
        ImageEncoders.Open(moved).Dispose();
        Assert.Contains("it is another model", Assert.Throws<WhenceException>(() => ImageEncoders.Open(Changed("other.json", network => network["model"] = "other"))).Message, StringComparison.Ordinal);

        var later = Changed("later.json", network => (network["model"], network["timestep"]) = ("moved", 200));
        Assert.False(later.IsSameEncoder(spec with { Name = later.Name }));
        Assert.Contains("1000 steps", Assert.Throws<WhenceException>(() => ImageEncoders.Open(Changed("late.json", network => (network["model"], network["timestep"]) = ("moved", 1000)))).Message, StringComparison.Ordinal);
        using var half = ImageEncoders.Open(moved, new() { Precision = EncoderPrecision.BF16 });
        var (exact, rounded) = (new float[Width], new float[Width]);
        half.Encode(Pixels(1), rounded);
        using var whole = ImageEncoders.Open(moved);
        whole.Encode(Pixels(1), exact);
        Assert.InRange(System.Numerics.Tensors.TensorPrimitives.CosineSimilarity(exact, rounded), 0.99f, 0.9999999f);
    }

    [Theory]
    [InlineData("model", "", "give a folder or a file")]
    [InlineData("weights", "abc", "64 lower-case hexadecimal digits")]
    [InlineData("timestep", -1, "give a step")]
    public void A_damaged_spec_says_what_is_wrong(string key, object value, string part)
    {
        var error = Assert.Throws<WhenceException>(() => Changed("bad.json", network => network[key] = value is int number ? number : (string)value));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_tensor_outlives_a_call()
    {
        using var encoder = Open();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Encode(encoder, Pixels(1), "a cat");
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private ICaptionedImageEncoder Open() => (ICaptionedImageEncoder)ImageEncoders.Open(EncoderSpec.Load(_temp["sd.json"]));

    private EncoderSpec Changed(string file, Action<JsonNode> change)
    {
        var json = JsonNode.Parse(File.ReadAllText(_temp["sd.json"]))!;
        change(json["network"]!);
        File.WriteAllText(_temp[file], json.ToJsonString());
        return EncoderSpec.Load(_temp[file]);
    }

    private static float[] Encode(ICaptionedImageEncoder encoder, float[] pixels, string caption)
    {
        var feature = new float[encoder.Spec.Dimension];
        encoder.Encode(pixels, [caption], feature);
        return feature;
    }

    private static float[] Pixels(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 3 * Side * Side).Select(_ => (random.NextSingle() * 2) - 1)];
    }
}
