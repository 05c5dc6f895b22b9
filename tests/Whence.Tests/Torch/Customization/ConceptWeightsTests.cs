using Whence.Torch.Customization;
using Whence.Torch.Diffusion;
using Whence.Vectors;

namespace Whence.Tests.Torch.Customization;

public sealed class ConceptWeightsTests : IDisposable
{
    private const string Key = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight";
    private const string Value = "up_blocks.1.attentions.2.transformer_blocks.0.attn2.to_v.weight";
    private const string Bias = "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_out.0.bias";

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    public static TheoryData<string, ConceptFormat> Files => new()
    {
        { "delta.bin", ConceptFormat.Delta },
        { "delta_epoch=000004.ckpt", ConceptFormat.CompVis },
        { "pytorch_custom_diffusion_weights.bin", ConceptFormat.HuggingFace },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Reference_files_hold_what_was_trained(string name, ConceptFormat format)
    {
        var path = _temp[name];
        File.Copy(GoldenCustomization.File(name), path);
        File.Copy(GoldenCustomization.File("new1.bin"), _temp["<new1>.bin"]);
        var (weights, token) = GoldenCustomization.Final();
        var concept = ConceptWeights.Load(path);
        Assert.Equal(format, ConceptWeights.FormatOf(path));
        Assert.Equal(weights.Keys.Order(StringComparer.Ordinal), concept.Weights.Keys.Order(StringComparer.Ordinal));
        Assert.All(weights, pair => Assert.Equal(pair.Value, concept.Weights[pair.Key].Values.ToArray()));
        Assert.Equal("<new1>", Assert.Single(concept.Tokens).Name);
        Assert.Equal(token, concept.Tokens[0].Embedding);
    }

    [Fact]
    public void Names_are_those_of_the_reference_in_every_layout()
    {
        var compVis = GoldenCustomization.CompVisNames();
        var spec = UNetSpec.Load(SharedData.Get("reference", "diffusion", "unet_config.json"));
        var from = ConceptNames.FromCompVis(spec);
        Assert.All(compVis, pair => Assert.Equal((pair.Value, pair.Key), (ConceptNames.ToCompVis(pair.Key, spec), from(pair.Value))));
        Assert.Equal(GoldenCustomization.ProcessorNames(), compVis.Keys.Select(ConceptNames.ToHuggingFace));
        Assert.Equal(compVis.Keys, GoldenCustomization.ProcessorNames().Select(ConceptNames.FromHuggingFace));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Files_are_laid_out_as_the_reference(string name, ConceptFormat format)
    {
        var concept = ConceptWeights.Load(GoldenCustomization.File("delta.bin"));
        concept.Save(_temp[name], format);
        Assert.Equal(Structure(GoldenCustomization.File(name)), Structure(_temp[name]));
        if (format == ConceptFormat.HuggingFace)
        {
            Assert.Equal(Structure(GoldenCustomization.File("new1.bin")), Structure(_temp["<new1>.bin"]));
        }
    }

    [Theory]
    [InlineData(ConceptFormat.CompVis, "x.ckpt")]
    [InlineData(ConceptFormat.CompVis, "x.safetensors")]
    [InlineData(ConceptFormat.Delta, "x.bin")]
    [InlineData(ConceptFormat.Delta, "x.safetensors")]
    [InlineData(ConceptFormat.HuggingFace, "x.bin")]
    [InlineData(ConceptFormat.HuggingFace, "x.safetensors")]
    [InlineData(ConceptFormat.Release, "x.pt")]
    [InlineData(ConceptFormat.Release, "x.safetensors")]
    public void What_is_written_is_read_back_and_the_same_bytes_are_written_again(ConceptFormat format, string file)
    {
        var concept = Concept(2);
        concept.Save(_temp[file], format);
        var first = File.ReadAllBytes(_temp[file]);
        var read = ConceptWeights.Load(_temp[file]);
        AssertSame(concept, read);
        Assert.Equal(format, ConceptWeights.FormatOf(_temp[file]));
        read.Save(_temp[file], format);
        Assert.Equal(first, File.ReadAllBytes(_temp[file]));
    }

    [Theory]
    [InlineData(ConceptFormat.CompVis, "x.ckpt")]
    [InlineData(ConceptFormat.CompVis, "x.safetensors")]
    [InlineData(ConceptFormat.Delta, "x.bin")]
    [InlineData(ConceptFormat.Delta, "x.safetensors")]
    public void Compressed_weights_are_read_back(ConceptFormat format, string file)
    {
        var concept = Compressed();
        concept.Save(_temp[file], format);
        var read = ConceptWeights.Load(_temp[file]);
        Assert.True(read.IsCompressed);
        AssertSame(concept, read);
        float[] baseWeight = [1, 0, 0, 0, 1, 0];
        Assert.Equal([1 + 10, 12, 14, 15, 1 + 18, 21], read.Weights[Key].Over(baseWeight));
    }

    [Fact]
    public void Tokens_alone_are_a_concept_too()
    {
        var concept = ConceptWeights.Load(GoldenCustomization.File("new1.bin"));
        Assert.Equal(ConceptFormat.Tokens, ConceptWeights.FormatOf(GoldenCustomization.File("new1.bin")));
        Assert.Empty(concept.Weights);
        Assert.Equal("<new1>", Assert.Single(concept.Tokens).Name);
        concept.Save(_temp["t.bin"], ConceptFormat.Tokens);
        AssertSame(concept, ConceptWeights.Load(_temp["t.bin"]));
    }

    [Fact]
    public void Of_a_token_in_two_files_that_with_the_extension_of_the_weights_counts()
    {
        Concept(1).Save(_temp["w.bin"], ConceptFormat.HuggingFace);
        SafetensorsFile.Write(_temp["<new1>.safetensors"], [TensorData.FromSingle("<new1>", [7, 7, 7], 3)]);
        Assert.Equal(Concept(1).Tokens[0].Embedding, Assert.Single(ConceptWeights.Load(_temp["w.bin"]).Tokens).Embedding);
    }

    [Fact]
    public void Other_names_of_tokens_keep_the_rest()
    {
        var renamed = Concept(2).WithTokens("<cat>", "<dog>");
        Assert.Equal(["<cat>", "<dog>"], renamed.Tokens.Select(token => token.Name));
        AssertSame(Concept(2), renamed.WithTokens("<new1>", "<new2>"));
        Assert.Throws<ArgumentException>(() => Concept(2).WithTokens("<cat>"));
        Assert.Throws<ArgumentException>(() => Concept(2).WithTokens("<cat>", "<cat>"));
        Assert.Throws<ArgumentException>(() => Concept(1).WithTokens("a cat"));
    }

    [Fact]
    public void Layouts_that_cannot_hold_a_concept_say_so()
    {
        Refused("names no tokens", () => Concept(1).WithTokens("<cat>").Save(_temp["x.ckpt"], ConceptFormat.CompVis));
        Refused("no place for compressed", () => Compressed().Save(_temp["x.bin"], ConceptFormat.HuggingFace));
        Refused("no place for compressed", () => Compressed().Save(_temp["x.pt"], ConceptFormat.Release));
        Refused("file of its own", () => Concept(1).WithTokens("<a/b>").Save(_temp["x.bin"], ConceptFormat.HuggingFace));
        Refused("no place for weights", () => Concept(1).Save(_temp["x.bin"], ConceptFormat.Tokens));
        Refused("without weights and tokens", () => new ConceptWeights(new Dictionary<string, ConceptWeight>(), []).Save(_temp["x.bin"]));
        Assert.Empty(Directory.EnumerateFiles(_temp.Path));
    }

    [Fact]
    public void Tokens_have_files_of_their_own_or_none()
    {
        Assert.Empty(ConceptWeights.TokenFiles(_temp["x.bin"], ConceptFormat.Delta, ["sks"]));
        Assert.Equal([_temp["<a.b>.bin"], _temp["<c>.bin"]], ConceptWeights.TokenFiles(_temp["x.pt"], ConceptFormat.Release, ["<a.b>", "<c>"]));
        Assert.Equal([_temp["<c>.safetensors"]], ConceptWeights.TokenFiles(_temp["x.safetensors"], ConceptFormat.HuggingFace, ["<c>"]));
        Refused("names no tokens", () => ConceptWeights.TokenFiles(_temp["x.ckpt"], ConceptFormat.CompVis, ["<new2>"]));
        Refused("where this layout keeps the token", () => ConceptWeights.TokenFiles(_temp["<c>.bin"], ConceptFormat.HuggingFace, ["<c>"]));
    }

    [Theory]
    [InlineData("<a.b>", "<c>")]
    [InlineData("<>", "<c*d?>")]
    [InlineData("<.a>", "<a>b>")]
    public void Tokens_of_odd_names_are_found_beside_the_weights(string first, string second)
    {
        var concept = Concept(2).WithTokens(first, second);
        concept.Save(_temp["x.bin"], ConceptFormat.HuggingFace);
        Assert.Equal([first, second], ConceptWeights.Load(_temp["x.bin"]).Tokens.Select(token => token.Name).OrderBy(name => name != first));
    }

    [Fact]
    public void Files_that_are_no_concept_say_what_they_hold()
    {
        Bad("no concept of Custom Diffusion", TensorData.FromSingle("conv.weight", [1], 1));
        Bad("more than the cross-attention", Tensor(Key), TensorData.FromSingle("conv_in.weight", [1], 1));
        Bad("If it is a whole model", Tensor("model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight"), TensorData.FromSingle("model.diffusion_model.out.2.bias", [1], 1));
        Bad("text encoder that was trained too", Tensor("unet." + Key), TensorData.FromSingle("text_encoder.text_model.final_layer_norm.bias", [1], 1));
        Bad("mixes layouts", Tensor("unet." + Key), Tensor(Value));
        Bad("is there twice", Tensor("unet." + Key), TensorData.FromSingle("unet." + Key + ".u", [1, 1], 2, 1), TensorData.FromSingle("unet." + Key + ".v", [1, 1, 1], 1, 3));
        Bad("without its u", TensorData.FromSingle("unet." + Key + ".v", [1, 1, 1], 1, 3));
        Bad("which are no product", TensorData.FromSingle("unet." + Key + ".u", [1, 1], 2, 1));
        Bad("which are no product", TensorData.FromSingle("unet." + Key + ".u", [1, 1], 2, 1), TensorData.FromSingle("unet." + Key + ".v", [1, 1, 1, 1, 1, 1], 2, 3));
        Bad("not finite", TensorData.FromSingle(Key, [1, float.NaN], 2, 1));
        Bad("with a fraction", TensorData.FromInt64(Key, [1, 2], 2, 1));
        Bad("2 dimensions are needed", TensorData.FromSingle(Key, [1, 2], 2));
        Bad("1 dimensions are needed", TensorData.FromSingle(Bias, [1, 2], 2, 1));
        Bad("embedding of a token", TensorData.FromSingle("modifier_token.<new1>", [1, 2], 2, 1));
        Bad("embedding of a token", TensorData.FromSingle("embed", [], 0, 4));
        Bad("has 2 values and", TensorData.FromSingle("modifier_token.<new1>", [1], 1), TensorData.FromSingle("modifier_token.<new2>", [1, 2], 2));
        Bad("cannot be a token", TensorData.FromSingle("modifier_token.new 1", [1], 1));
        Bad("no concept of Custom Diffusion", Tensor("model.diffusion_model.input_blocks.3.1.transformer_blocks.0.attn2.to_k.weight"));
        Bad("no concept of Custom Diffusion", Tensor("model.diffusion_model.input_blocks.99999999999999999999.1.transformer_blocks.0.attn2.to_k.weight"));
        Refused("is a folder", () => ConceptWeights.Load(_temp.Path));
        Refused("", () => ConceptWeights.Load(_temp["none.bin"]));

        static TensorData Tensor(string name) => TensorData.FromSingle(name, [1, 2, 3, 4, 5, 6], 2, 3);
    }

    [Fact]
    public void What_is_no_concept_cannot_be_made()
    {
        Assert.Throws<ArgumentException>(() => new ConceptWeights(new Dictionary<string, ConceptWeight> { ["conv_in.weight"] = ConceptWeight.Whole([1], 1) }, []));
        Assert.Throws<ArgumentException>(() => new ConceptWeights(new Dictionary<string, ConceptWeight>(), [new("<a>", [1]), new("<b>", [1, 2])]));
        Assert.Throws<ArgumentException>(() => ConceptWeight.Whole([1, 2], 3));
        Assert.Throws<ArgumentException>(() => ConceptWeight.LowRank([1, 2, 3], [1, 2], 2));
        Assert.Throws<ArgumentException>(() => ConceptWeight.Whole([1, 2], 2).Over([1]));
    }

    private static ConceptWeights Concept(int tokens) => new(
        new Dictionary<string, ConceptWeight>
        {
            [Key] = ConceptWeight.Whole([1, 2, 3, 4, 5, 6], 2, 3),
            [Value] = ConceptWeight.Whole([-1, 0.5f, 3], 1, 3),
            [Bias] = ConceptWeight.Whole([4, 5], 2),
        },
        [.. Enumerable.Range(1, tokens).Select(i => new ConceptToken($"<new{i}>", [i, 2 * i, 3 * i]))]);

    private static ConceptWeights Compressed() => new(
        new Dictionary<string, ConceptWeight>
        {
            [Key] = ConceptWeight.LowRank([2, 3], [5, 6, 7], 1),
            [Value] = ConceptWeight.Whole([-1, 0.5f, 3], 1, 3),
        },
        [new ConceptToken("<new1>", [1, 2, 3])]);

    private static void AssertSame(ConceptWeights expected, ConceptWeights actual)
    {
        Assert.Equal(expected.Weights.Keys.Order(StringComparer.Ordinal), actual.Weights.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected.Weights, pair =>
        {
            var other = actual.Weights[pair.Key];
            Assert.Equal((pair.Value.Rank, string.Join(' ', pair.Value.Shape)), (other.Rank, string.Join(' ', other.Shape)));
            Assert.Equal(pair.Value.Values.ToArray(), other.Values.ToArray());
            Assert.Equal(pair.Value.Right.ToArray(), other.Right.ToArray());
        });
        Assert.Equal(expected.Tokens.Select(t => (t.Name, string.Join(' ', t.Embedding))), actual.Tokens.Select(t => (t.Name, string.Join(' ', t.Embedding))));
    }

    private static string[] Structure(string path)
    {
        using var file = Checkpoint.Open(path);
        return [.. file.Tensors.Select(t => $"{t.Key} {t.Value}").Order(StringComparer.Ordinal)];
    }

    private void Bad(string message, params TensorData[] tensors)
    {
        SafetensorsFile.Write(_temp["bad.safetensors"], tensors);
        Refused(message, () => ConceptWeights.Load(_temp["bad.safetensors"]));
        File.Delete(_temp["bad.safetensors"]);
    }

    private static void Refused(string message, Action action)
    {
        var e = Assert.Throws<WhenceException>(action);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }
}
