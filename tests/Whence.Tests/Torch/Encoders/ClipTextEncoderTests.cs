using Whence.Encoders;
using Whence.Tests.Vectors;
using Whence.Torch.Encoders;
using Whence.Vectors;

namespace Whence.Tests.Torch.Encoders;

public class ClipTextEncoderTests
{
    private static readonly ClipTextSpec Tiny = new() { VocabularySize = 600, Width = 32, Depth = 3, Heads = 4, Dimension = 24 };

    [Theory]
    [InlineData("clip", "weights.safetensors", "token_ids")]
    [InlineData("clip", "weights.safetensors", "token_ids_eot_padded")]
    [InlineData("clip_hf", "weights.safetensors", "token_ids")]
    [InlineData("clip_hf", "weights.safetensors", "token_ids_eot_padded")]
    public void Features_are_the_references_whatever_pads_the_texts(string folder, string file, string ids)
    {
        using var golden = new GoldenEncoders("clip");
        using var encoder = ClipTextEncoder.Open(GoldenEncoders.File(folder, file), Tiny);
        var features = new float[8 * 24];
        encoder.Encode(golden.Ids(ids), features);
        GoldenEncoders.AssertClose(golden.Values("text_features"), features);
    }

    [Theory]
    [InlineData("clip", "weights.safetensors")]
    [InlineData("clip_hf", "weights.safetensors")]
    [InlineData("clip_hf", "text_encoder.safetensors")]
    [InlineData("clip_hf", "text_encoder.pth")]
    public void Hidden_states_are_the_references_with_both_paddings(string folder, string file)
    {
        using var golden = new GoldenEncoders("clip");
        using var encoder = ClipTextEncoder.Open(GoldenEncoders.File(folder, file), Tiny with { Dimension = null });
        var states = new float[8 * 77 * 32];
        foreach (var padding in (string[])["", "_eot_padded"])
        {
            encoder.EncodeTokens(golden.Ids("token_ids" + padding), states);
            GoldenEncoders.AssertClose(golden.Values("text_last_hidden_state" + padding), states);
        }

        Assert.Throws<InvalidOperationException>(() => encoder.Encode(golden.Ids("token_ids"), new float[8 * 24]));
    }

    [Fact]
    public void OpenAIs_archives_hold_tensors_that_are_no_weights()
    {
        using var temp = new TempFolder();
        using var weights = SafetensorsFile.Open(GoldenEncoders.File("clip", "weights.safetensors"));
        var archive = TorchArchive.SaveModule(temp,
        [
            .. weights.Tensors.Select(t => TensorData.FromSingle(t.Key, weights.ReadSingle(t.Key), [.. t.Value.Shape])),
            .. ((string[])["input_resolution", "context_length", "vocab_size"]).Select(name => TensorData.FromInt64(name, [32])),
            .. Enumerable.Range(0, 3).Select(i => TensorData.FromSingle($"transformer.resblocks.{i}.attn_mask", [float.NegativeInfinity], 1)),
        ]);
        using var golden = new GoldenEncoders("clip");
        using var encoder = ClipTextEncoder.Open(archive, Tiny);
        var features = new float[8 * 24];
        encoder.Encode(golden.Ids("token_ids"), features);
        GoldenEncoders.AssertClose(golden.Values("text_features"), features);
    }

    [Fact]
    public void Without_a_spec_a_file_without_a_projection_needs_none()
    {
        var error = Assert.Throws<WhenceException>(() => ClipTextEncoder.Open(GoldenEncoders.File("clip_hf", "text_encoder.pth")));
        Assert.Contains(" 144 missing: text_model.encoder.layers.3.", error.Message, StringComparison.Ordinal); // nine blocks of 16 tensors
    }

    [Fact]
    public void Ids_that_are_none_and_lengths_that_do_not_fit_are_refused()
    {
        using var encoder = ClipTextEncoder.Open(GoldenEncoders.File("clip", "weights.safetensors"), Tiny);
        Assert.Throws<ArgumentException>(() => encoder.Encode(new int[76], new float[24]));
        Assert.Throws<ArgumentException>(() => encoder.Encode(new int[77], new float[23]));
        var ids = new int[77];
        ids[5] = 600;
        Assert.Contains("600", Assert.Throws<ArgumentException>(() => encoder.Encode(ids, new float[24])).Message, StringComparison.Ordinal);
        ids[5] = -1;
        Assert.Throws<ArgumentException>(() => encoder.EncodeTokens(ids, new float[77 * 32]));
        encoder.Encode([], []);
    }

    [Fact]
    public void A_file_without_a_text_tower_is_refused()
    {
        var error = Assert.Throws<WhenceException>(() => ClipTextEncoder.Open(GoldenEncoders.File("dino", "weights.safetensors"), Tiny));
        Assert.Contains("token_embedding.weight", error.Message, StringComparison.Ordinal);
        Assert.Contains("missing", Assert.Throws<WhenceException>(() => ClipTextEncoder.Open(GoldenEncoders.File("clip_hf", "text_encoder.pth"), Tiny)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("clip_vit_b16")]
    [InlineData("clip_vit_b32")]
    public void Names_and_shapes_of_the_full_size_are_the_originals(string model)
    {
        var spec = new ClipTextSpec { Width = 512, Heads = 8, Dimension = 512 };
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var network = new ClipTextTransformer(spec, TorchSharp.torch.META);
        Manifest.AssertHolds(model, network, ClipTextTransformer.OpenAi(spec));
        Manifest.AssertHolds(model + "_hf", network, ClipTextTransformer.HuggingFace(spec));
    }

    [Fact]
    public void Bfloat16_is_nearly_float32_and_nothing_stays_alive()
    {
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (var golden = new GoldenEncoders("clip"))
        using (var encoder = ClipTextEncoder.Open(GoldenEncoders.File("clip", "weights.safetensors"), Tiny, new() { Precision = EncoderPrecision.BF16 }))
        {
            var features = new float[8 * 24];
            encoder.Encode(golden.Ids("token_ids"), features);
            Assert.InRange(System.Numerics.Tensors.TensorPrimitives.CosineSimilarity(golden.Values("text_features"), features), 0.999f, 1.001f);
            Assert.NotEqual(golden.Values("text_features"), features);
        }

        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
