using System.IO.Compression;
using Whence.Encoders;
using Whence.Tests.Vectors;
using Whence.Torch.Encoders;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders;

/// <summary>The same weights in every kind of file that they are published in.</summary>
public sealed class VisionTransformerWeightsTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("dino_vitb16", VisionTransformerFamily.Dino, 224, 16, 768)]
    [InlineData("moco_v3_vit_base", VisionTransformerFamily.Moco, 224, 16, 768)]
    [InlineData("vit_base_patch16_384", VisionTransformerFamily.Timm, 384, 16, 768)]
    [InlineData("clip_vit_b16", VisionTransformerFamily.Clip, 224, 16, 512)]
    [InlineData("clip_vit_b16_hf", VisionTransformerFamily.Clip, 224, 16, 512)]
    [InlineData("clip_vit_b32", VisionTransformerFamily.Clip, 224, 32, 512)]
    [InlineData("clip_vit_b32_hf", VisionTransformerFamily.Clip, 224, 32, 512)]
    public void Names_and_shapes_of_the_full_size_are_the_originals(string manifest, VisionTransformerFamily family, int size, int patch, int dimension)
    {
        var spec = new VisionTransformerSpec { Family = family, ImageSize = size, PatchSize = patch, Width = 768, Depth = 12, Heads = 12 };
        using var scope = NewDisposeScope();
        using var network = new VisionTransformer(spec, dimension, META);
        Manifest.AssertHolds(
            manifest,
            network,
            family != VisionTransformerFamily.Clip ? VisionTransformerWeights.Timm()
                : manifest.EndsWith("_hf", StringComparison.Ordinal) ? VisionTransformerWeights.HuggingFace(spec) : VisionTransformerWeights.OpenAi(spec));
    }

    [Theory]
    [InlineData("teacher", "backbone.", "student", "module.backbone.")]
    [InlineData("teacher", "module.backbone.", "student", "module.backbone.")]
    public void Of_Dinos_training_checkpoint_the_teacher_is_taken(string wanted, string prefix, string other, string otherPrefix)
    {
        var weights = Read(GoldenEncoders.File("dino", "weights.safetensors"));
        var head = TensorData.FromSingle(prefix.Replace("backbone", "head", StringComparison.Ordinal) + "mlp.0.weight", [float.NaN], 1);
        TorchFileWriter.Write(_temp["full.pth"],
        [
            (other, [.. weights.Select(w => Zeros(w, otherPrefix))]),
            (wanted, [.. weights.Select(w => w.Renamed(prefix + w.Name)), head]),
            ("optimizer", [TensorData.FromSingle("exp_avg", [1], 1)]),
            ("dino_loss", [TensorData.FromSingle("center", [1, 2], 1, 2)]),
        ]);
        AssertFeature("dino", GoldenEncoders.Dino, _temp["full.pth"]);
    }

    [Theory]
    [InlineData("state_dict.")]
    [InlineData("model.")]
    public void Timms_wrapped_state_dicts_are_read(string prefix)
    {
        SafetensorsFile.Write(_temp["wrapped"], [.. Read(GoldenEncoders.File("timm_vit", "weights.safetensors")).Select(w => w.Renamed(prefix + w.Name))]);
        AssertFeature("timm_vit", GoldenEncoders.Timm, _temp["wrapped"]);
    }

    [Fact]
    public void Timms_original_npz_weights_under_the_names_of_Jax_give_the_same_features()
    {
        using (var weights = SafetensorsFile.Open(GoldenEncoders.File("timm_vit", "weights.safetensors")))
        using (var zip = new ZipArchive(File.Create(_temp["vit.npz"]), ZipArchiveMode.Create))
        {
            foreach (var (name, values, shape) in new JaxArrays(weights, width: 48, heads: 4, depth: 3, patch: 8))
            {
                using var stream = zip.CreateEntry(name + ".npy", CompressionLevel.NoCompression).Open();
                stream.Write(JaxArrays.Npy(values, shape));
            }
        }

        AssertFeature("timm_vit", GoldenEncoders.Timm, _temp["vit.npz"]);
    }

    [Fact]
    public void OpenAIs_TorchScript_archives_of_float16_are_read_without_running()
    {
        // Matrices are stored in float16 there: as reference the same rounding under plain names.
        var weights = Read(GoldenEncoders.File("clip", "weights.safetensors")).Select(Half).ToList();
        SafetensorsFile.Write(_temp["plain"], weights);
        var archive = TorchArchive.SaveModule(
            _temp, [.. weights, .. ((string[])["input_resolution", "context_length", "vocab_size"]).Select(name => TensorData.FromInt64(name, [32]))]);

        using var scope = NewDisposeScope();
        using var golden = new GoldenEncoders("clip");
        using var plain = GoldenEncoders.Load(GoldenEncoders.Clip, _temp["plain"]);
        using var scripted = GoldenEncoders.Load(GoldenEncoders.Clip, archive);
        var expected = plain.forward(golden.Input("image"));
        Assert.True(expected.Equals(scripted.forward(golden.Input("image"))));
        Assert.InRange(nn.functional.cosine_similarity(expected.flatten(), tensor(golden.Values("image_features")), 0).item<float>(), 0.9999f, 1.0001f);
    }

    [Fact]
    public void Without_position_ids_as_newer_files_of_Hugging_Face_clip_is_read()
    {
        SafetensorsFile.Write(_temp["new"], [.. Read(GoldenEncoders.File("clip_hf", "weights.safetensors"))]); // floating-point tensors only
        using var checkpoint = Checkpoint.Open(_temp["new"]);
        Assert.DoesNotContain("vision_model.embeddings.position_ids", checkpoint.Tensors.Keys);
        using var scope = NewDisposeScope();
        using var golden = new GoldenEncoders("clip");
        using var network = VisionTransformerWeights.Load(GoldenEncoders.Clip, 24, checkpoint);
        golden.AssertClose("image_features", network.forward(golden.Input("image")));
    }

    [Fact]
    public void Momentum_weights_without_base_weights_are_not_taken_for_them()
    {
        SafetensorsFile.Write(_temp["momentum"], [.. Read(GoldenEncoders.File("moco", "weights.safetensors")).Select(w => w.Renamed("state_dict.module.momentum_encoder." + w.Name))]);
        Assert.Contains("no 'cls_token'", Assert.Throws<WhenceException>(() => GoldenEncoders.Load(GoldenEncoders.Moco, _temp["momentum"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Learned_positions_are_not_MoCos()
    {
        var weights = Read(GoldenEncoders.File("moco", "weights.safetensors")).Where(w => w.Name != "pos_embed");
        SafetensorsFile.Write(_temp["learned"], [.. weights, TensorData.FromSingle("pos_embed", new float[17 * 48], 1, 17, 48)]);
        Assert.Contains("not the fixed sines", Assert.Throws<WhenceException>(() => GoldenEncoders.Load(GoldenEncoders.Moco, _temp["learned"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("clip", "dino", "neither 'visual.class_embedding'")]
    [InlineData("dino", "clip", "no 'cls_token'")]
    public void A_file_of_another_family_is_told_by_its_names(string family, string folder, string expected)
    {
        var error = Assert.Throws<WhenceException>(() => GoldenEncoders.Load(
            family == "clip" ? GoldenEncoders.Clip : GoldenEncoders.Dino, GoldenEncoders.File(folder, "weights.safetensors")));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains("family", error.Message, StringComparison.Ordinal);
    }

    private static void AssertFeature(string folder, VisionTransformerSpec spec, string path)
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenEncoders(folder);
        using var network = GoldenEncoders.Load(spec, path);
        golden.AssertClose("feature", network.forward(golden.Input()));
    }

    private static List<TensorData> Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return [.. file.Tensors.Where(t => !t.Value.Type.IsInteger()).Select(t => TensorData.FromSingle(t.Key, file.ReadSingle(t.Key), [.. t.Value.Shape]))];
    }

    private static TensorData Zeros(TensorData like, string prefix) =>
        TensorData.FromSingle(prefix + like.Name, new float[like.Info.Count], [.. like.Info.Shape]);

    private static TensorData Half(TensorData tensor)
    {
        var values = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(tensor.ToBytes()).ToArray();
        return tensor.Info.Shape.Count < 2 ? tensor : TensorData.FromHalf(tensor.Name, [.. values.Select(v => (Half)v)], [.. tensor.Info.Shape]);
    }
}
