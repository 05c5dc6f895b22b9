using Whence.Encoders;
using Whence.Images;

namespace Whence.Tests.Encoders;

/// <summary>What a spec says of an ONNX model's layers and tokens, and encoders without a model.</summary>
public class StyleEncoderTests
{
    [Theory]
    [InlineData("[\"middle\"]", 6)]
    [InlineData("[\"out\",\"middle\"]", 12)] // an output of the graph, and an inner tensor
    [InlineData("[\"middle\",\"out\"],\"seed\":5", 4)] // reduced
    public void Layers_of_an_onnx_model_become_style(string layers, int dimension)
    {
        using var temp = new TempFolder();
        using var encoder = new OnnxEncoder(EncoderSpec.Load(Style(temp, layers, dimension)));
        var random = new Random(1);
        var images = Enumerable.Range(0, 2 * 192).Select(_ => random.NextSingle()).ToArray();
        var features = new float[2 * dimension];
        encoder.Encode(images, features);
        foreach (var (image, feature) in images.Chunk(192).Zip(features.Chunk(dimension)))
        {
            float[][] middle = [.. image.Select(x => -x).Chunk(64)];
            float[][] outputs = [.. middle.Select(map => new[] { map.Average() })];
            float[][][] wanted = [.. encoder.Spec.Style!.Layers.Select(layer => layer == "out" ? outputs : middle)];
            Assert.All(SlowStyle.Of(wanted, dimension, encoder.Spec.Style.Seed).Zip(feature), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }
    }

    [Theory]
    [InlineData("[\"nothing\"]", 6, "'nothing'")]
    [InlineData("[]", 6, "layers")]
    [InlineData("[\"middle\",\"middle\"]", 6, "layers")]
    [InlineData("[\"middle\"]", 7, "6 means and deviations")] // found out at the first image
    public void Layers_that_do_not_fit_are_explained(string layers, int dimension, string expected)
    {
        using var temp = new TempFolder();
        var path = Style(temp, layers, dimension);
        var error = Assert.Throws<WhenceException>(() =>
        {
            using var encoder = new OnnxEncoder(EncoderSpec.Load(path));
            encoder.Encode(new float[192], new float[dimension]);
        });
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains("tiny", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("class", 0)]
    [InlineData("mean", -1)]
    [InlineData("patches", -2)]
    public void Tokens_are_pooled_as_the_spec_says(string pool, int kind)
    {
        using var temp = new TempFolder();
        using var encoder = new OnnxEncoder(EncoderSpec.Load(Tokens(temp, $"\"pool\":\"{pool}\",")));
        var images = Enumerable.Range(0, 2 * 192).Select(i => (float)i).ToArray();
        var features = new float[16];
        encoder.Encode(images, features);
        foreach (var (image, feature) in images.Chunk(192).Zip(features.Chunk(8)))
        {
            var tokens = image.Chunk(64).Select(map => map.Chunk(8).Select(row => row.Average()).ToArray()).ToArray(); // 3 tokens of 8
            var used = kind == 0 ? tokens[..1] : kind == -1 ? tokens : tokens[1..];
            Assert.Equal(Enumerable.Range(0, 8).Select(i => used.Average(token => token[i])), feature, (a, b) => Math.Abs(a - b) < 1e-3);
        }
    }

    [Fact]
    public void Tokens_of_which_nothing_is_said_are_explained()
    {
        using var temp = new TempFolder();
        using var encoder = new OnnxEncoder(EncoderSpec.Load(Tokens(temp, "")));
        var error = Assert.Throws<WhenceException>(() => encoder.Encode(new float[192], new float[8]));
        Assert.Contains("3 tokens of 8 values", error.Message, StringComparison.Ordinal);
        Assert.Contains("'pool'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_feature_where_tokens_were_announced_is_explained()
    {
        using var temp = new TempFolder();
        using var encoder = new OnnxEncoder(EncoderSpec.Load(TinyOnnx.Write(temp.Path, "tiny", editSpec: spec => spec.Replace("\"dimension\"", "\"pool\":\"mean\",\"dimension\"", StringComparison.Ordinal))));
        var error = Assert.Throws<WhenceException>(() => encoder.Encode(new float[192], new float[3]));
        Assert.Contains("[n, tokens, 3]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pixels_are_the_prepared_image()
    {
        using var encoder = new PixelEncoder(new EncoderRegistry().Resolve("pixels"));
        var images = Enumerable.Range(0, 2 * 3072).Select(i => (float)i).ToArray();
        var features = new float[images.Length];
        encoder.Encode(images, features);
        Assert.Equal(images, features);
        Assert.Throws<ArgumentException>(() => encoder.Encode(images, new float[1]));
        Assert.Throws<ArgumentException>(() => new PixelEncoder(new EncoderRegistry().Resolve("resnet18")));
        Assert.Throws<ArgumentException>(() => new OnnxEncoder(encoder.Spec));
    }

    [Theory]
    [InlineData("resnet18-style")]
    [InlineData("pixels")]
    public void What_comes_with_the_tool_tells_photographs_apart(string name)
    {
        var photos = SharedData.Get("data", "photos", "subjects");
        var subjects = Directory.GetDirectories(photos).Order(StringComparer.Ordinal).Take(2)
            .Select(s => ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(s, "00.jpg")))).ToArray();
        var spec = new EncoderRegistry().Resolve(name);
        using IImageEncoder encoder = spec.Network is null ? new OnnxEncoder(spec) : new PixelEncoder(spec);
        var check = EncoderCheck.Run(encoder, subjects[0], subjects[1]);
        Assert.True(check.Passed, string.Join("; ", check.Problems));
    }

    [Fact]
    public void Encoders_of_other_layers_seeds_or_pools_are_others()
    {
        var spec = new EncoderRegistry().Resolve("resnet18-style");
        Assert.True(spec.IsSameEncoder(spec with { Style = new StyleSpec { Layers = [.. spec.Style!.Layers] }, Folder = "" }));
        Assert.False(spec.IsSameEncoder(spec with { Style = spec.Style with { Seed = 1 } }));
        Assert.False(spec.IsSameEncoder(spec with { Style = spec.Style with { Layers = ["x"] } }));
        Assert.False(spec.IsSameEncoder(spec with { Style = null }));
        Assert.False(spec.IsSameEncoder(spec with { Pool = TokenPool.Mean }));
        var pixels = new EncoderRegistry().Resolve("pixels");
        Assert.True(pixels.IsSameEncoder(pixels with { Folder = "" }));
        Assert.False(pixels.IsSameEncoder(pixels with { Model = spec.Model }));
    }

    [Theory]
    [InlineData("pixels", "\"dimension\": 3072", "\"dimension\": 3071", "3072 values")]
    [InlineData("pixels", "\"network\"", "\"model\": {\"file\":\"x\",\"sha256\":\"e2552f19db2dfdb01b3669537b6a0f1b44da38d18279535492ed5dfc2ef1ff8f\"},\"network\"", "leave it out")]
    [InlineData("pixels", "\"network\": { \"kind\": \"pixels\" },", "", "model is missing")]
    [InlineData("pixels", "\"network\"", "\"pool\": \"mean\",\"network\"", "pool")]
    [InlineData("pixels", "\"network\"", "\"precision\": \"bfloat16\",\"network\"", "precision")]
    [InlineData("pixels", "\"network\"", "\"style\": {\"layers\":[\"x\"]},\"network\"", "style")]
    [InlineData("resnet18-style", "\"Input247\"", "\"Input247\", \"output\": \"x\"", "model.output")]
    [InlineData("resnet18-style", "\"style\"", "\"pool\": \"class\", \"style\"", "pool")]
    [InlineData("resnet18-style", "\"style\"", "\"network\": {\"kind\": \"resnet\", \"depth\": 18}, \"style\"", "preprocessModel")]
    public void A_spec_that_contradicts_itself_is_refused(string name, string from, string to, string expected)
    {
        using var temp = new TempFolder();
        var text = File.ReadAllText(new EncoderRegistry().Find()[name]);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(temp["x.json"], text.Replace(from, to, StringComparison.Ordinal));
        Assert.Contains(expected, Assert.Throws<WhenceException>(() => EncoderSpec.Load(temp["x.json"])).Message, StringComparison.Ordinal);
    }

    private static string Style(TempFolder temp, string layers, int dimension) => TinyOnnx.WriteTwoSteps(
        temp.Path, "tiny", spec => spec.Replace("\"dimension\":3", $"\"style\":{{\"layers\":{layers}}},\"dimension\":{dimension}", StringComparison.Ordinal));

    private static string Tokens(TempFolder temp, string pool) => TinyOnnx.WriteTokens(
        temp.Path, "tiny", spec => spec.Replace("\"dimension\":3", $"{pool}\"dimension\":8", StringComparison.Ordinal));
}
