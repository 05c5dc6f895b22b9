using TorchSharp;
using Whence.Encoders;
using Whence.Encoders.Text;
using Whence.Tests.Torch.Encoders;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;

namespace Whence.Tests.Torch.Diffusion;

public sealed class DiffusionModelTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void What_was_written_opens_as_it_was()
    {
        using var model = GoldenDiffusion.Model();
        var folder = _temp["model"];
        model.Save(folder);
        using var again = DiffusionModel.Open(folder);
        AssertSame(model, again);
        Assert.Equal(16, again.ImageSize);
        Assert.Equal(model.UNet.Spec with { BlockChannels = [], DownAttention = [], UpAttention = [], Heads = [] }, again.UNet.Spec with { BlockChannels = [], DownAttention = [], UpAttention = [], Heads = [] });
        Assert.Equal(model.Tokenizer.Options, again.Tokenizer.Options);
        foreach (var text in (string[])["a photo of a cat", "", "Zeichnung einer Katze"])
        {
            Assert.Equal(model.Tokenizer.Encode(text).Ids, again.Tokenizer.Encode(text).Ids);
        }

        using var scope = torch.NewDisposeScope();
        Assert.Equal(
            TensorValues.Of(model.EncodeText(["a cat", "a dog"]).detach()).ToArray(), TensorValues.Of(again.EncodeText(["a cat", "a dog"]).detach()).ToArray());
    }

    [Theory]
    [InlineData(ElementType.F16, "*.safetensors", 1e-3f)]
    [InlineData(ElementType.BF16, "*.safetensors", 1e-2f)]
    public void Half_precision_takes_half_the_room_and_rounds(ElementType type, string files, float error)
    {
        using var model = GoldenDiffusion.Model();
        model.Save(_temp["whole"]);
        model.Save(_temp["half"], type);
        foreach (var file in Directory.EnumerateFiles(_temp["whole"], files, SearchOption.AllDirectories))
        {
            var half = Path.Combine(_temp["half"], Path.GetRelativePath(_temp["whole"], file));
            Assert.InRange(new FileInfo(half).Length, new FileInfo(file).Length / 3, new FileInfo(file).Length * 2 / 3);
        }

        using var again = DiffusionModel.Open(_temp["half"]);
        foreach (var (name, values) in GoldenDiffusion.Values(model.UNet))
        {
            GoldenDiffusion.AssertClose(values, GoldenDiffusion.Values(again.UNet)[name], error, error, name);
        }
    }

    [Fact]
    public void A_weight_that_is_too_large_for_float16_is_refused()
    {
        using var model = GoldenDiffusion.Model();
        using (torch.no_grad())
        {
            model.UNet.parameters().First().fill_(1e6f);
        }

        var message = Assert.Throws<WhenceException>(() => model.Save(_temp["model"], ElementType.F16)).Message;
        Assert.Matches("^The weight '[a-z_.0-9]+' has values beyond 65504", message);
        model.Save(_temp["model"], ElementType.BF16);
    }

    [Fact]
    public void Files_in_parts_and_variants_and_PyTorchs_open_too()
    {
        using var model = GoldenDiffusion.Model();
        var folder = _temp["model"];
        model.Save(folder);
        InParts(Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors"), "diffusion_pytorch_model.safetensors.index.json");
        var vae = Path.Combine(folder, "vae", "diffusion_pytorch_model.safetensors");
        File.Move(vae, vae.Replace(".safetensors", ".fp16.safetensors", StringComparison.Ordinal));
        var text = Path.Combine(folder, "text_encoder", "model.safetensors");
        using (var file = SafetensorsFile.Open(text))
        {
            TorchFileWriter.Write(
                Path.Combine(folder, "text_encoder", "pytorch_model.bin"), [.. file.Tensors.Select(t => TensorData.FromSingle(t.Key, file.ReadSingle(t.Key), [.. t.Value.Shape]))]);
        }

        File.Delete(text);
        using var again = DiffusionModel.Open(folder);
        AssertSame(model, again);
    }

    [Fact]
    public void A_single_file_opens_with_and_without_what_trainings_leave_in_it()
    {
        using var model = GoldenDiffusion.Model();
        var options = new DiffusionOptions { UNet = model.UNet.Spec, Autoencoder = model.Autoencoder.Spec, TextEncoder = model.TextEncoder.Spec };
        foreach (var (name, prefix) in ((string, string)[])[("plain.safetensors", ""), ("trained.safetensors", "state_dict.")])
        {
            SafetensorsFile.Write(_temp[name],
            [
                .. WeightSaving.Tensors(model.UNet, SingleFileModel.UNetFormat(model.UNet.Spec, prefix)),
                .. WeightSaving.Tensors(model.Autoencoder, SingleFileModel.AutoencoderFormat(model.Autoencoder.Spec, prefix)),
                .. WeightSaving.Tensors(model.TextEncoder, SingleFileModel.TextFormat(model.TextEncoder.Spec, prefix)),
                TensorData.FromSingle(prefix + "betas", [1f], 1),
                TensorData.FromSingle(prefix + "model_ema.decay", [1f], 1),
                TensorData.FromInt64(prefix + "cond_stage_model.transformer.text_model.embeddings.position_ids", [1], 1),
            ]);
            using var again = DiffusionModel.Open(_temp[name], options);
            AssertSame(model, again);
        }

        var error = Assert.Throws<WhenceException>(() => DiffusionModel.Open(_temp["plain.safetensors"]));
        Assert.Contains("of another shape", error.Message, StringComparison.Ordinal);
        Assert.Contains("missing: model.diffusion_model.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("input_blocks.0.0.weight", "conv_in.weight")]
    [InlineData("time_embed.2.bias", "time_embedding.linear_2.bias")]
    [InlineData("input_blocks.1.0.in_layers.0.weight", "down_blocks.0.resnets.0.norm1.weight")]
    [InlineData("input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight", "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_k.weight")]
    [InlineData("input_blocks.3.0.op.weight", "down_blocks.0.downsamplers.0.conv.weight")]
    [InlineData("input_blocks.11.0.out_layers.3.weight", "down_blocks.3.resnets.1.conv2.weight")]
    [InlineData("middle_block.1.proj_in.weight", "mid_block.attentions.0.proj_in.weight")]
    [InlineData("middle_block.2.emb_layers.1.weight", "mid_block.resnets.1.time_emb_proj.weight")]
    [InlineData("output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight")]
    [InlineData("output_blocks.5.2.conv.weight", "up_blocks.1.upsamplers.0.conv.weight")]
    [InlineData("output_blocks.8.0.skip_connection.weight", "up_blocks.2.resnets.2.conv_shortcut.weight")]
    [InlineData("output_blocks.11.1.proj_out.bias", "up_blocks.3.attentions.2.proj_out.bias")]
    [InlineData("out.2.weight", "conv_out.weight")]
    public void CompVis_numbers_the_blocks_of_the_U_Net_through(string theirs, string name) => Assert.Equal(theirs, CompVisNames.UNet(name, new UNetSpec()));

    [Theory]
    [InlineData("encoder.down.1.block.0.nin_shortcut.weight", "encoder.down_blocks.1.resnets.0.conv_shortcut.weight")]
    [InlineData("encoder.down.2.downsample.conv.bias", "encoder.down_blocks.2.downsamplers.0.conv.bias")]
    [InlineData("encoder.mid.block_2.norm1.weight", "encoder.mid_block.resnets.1.norm1.weight")]
    [InlineData("decoder.mid.attn_1.proj_out.weight", "decoder.mid_block.attentions.0.to_out.0.weight")]
    [InlineData("decoder.mid.attn_1.norm.weight", "decoder.mid_block.attentions.0.group_norm.weight")]
    [InlineData("decoder.up.3.block.2.conv1.weight", "decoder.up_blocks.0.resnets.2.conv1.weight")]
    [InlineData("decoder.up.1.upsample.conv.weight", "decoder.up_blocks.2.upsamplers.0.conv.weight")]
    [InlineData("decoder.norm_out.weight", "decoder.conv_norm_out.weight")]
    [InlineData("post_quant_conv.weight", "post_quant_conv.weight")]
    public void CompVis_numbers_the_steps_up_of_the_autoencoder_the_other_way(string theirs, string name) => Assert.Equal(theirs, CompVisNames.Autoencoder(name, 4));

    [Fact]
    public void All_that_differs_of_a_network_is_one_message()
    {
        using var model = GoldenDiffusion.Model();
        model.Save(_temp["model"]);
        var path = Path.Combine(_temp["model"], "unet", "diffusion_pytorch_model.safetensors");
        TensorData[] tensors;
        using (var file = SafetensorsFile.Open(path))
        {
            tensors = [.. file.Tensors.Where(t => t.Key != "conv_in.bias").Select(t => TensorData.FromSingle(t.Key == "conv_out.bias" ? "stranger" : t.Key, file.ReadSingle(t.Key), [.. t.Value.Shape]))];
        }

        SafetensorsFile.Write(path, tensors);
        var error = Assert.Throws<WhenceException>(() => DiffusionModel.Open(_temp["model"]));
        Assert.Contains("2 missing: conv_in.bias, conv_out.bias", error.Message, StringComparison.Ordinal);
        Assert.Contains("1 unknown: stranger", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("take the original file, or correct unet/config.json.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unet", "\"act_fn\": \"silu\"", "\"act_fn\": \"gelu\"", "'act_fn' is \"gelu\"")]
    [InlineData("unet", "\"act_fn\": \"silu\"", "\"class_embed_type\": \"timestep\"", "'class_embed_type' is \"timestep\"")]
    [InlineData("unet", "\"act_fn\": \"silu\"", "\"brand_new\": 3", "'brand_new' is 3, which Whence does not know")]
    [InlineData("unet", "\"layers_per_block\": 1", "\"layers_per_block\": 0", "'layers_per_block' is 0, but must be a whole number from 1 to 16")]
    [InlineData("unet", "\"norm_num_groups\": 4", "\"norm_num_groups\": 5", "16 channels are no multiple of 5 groups")]
    [InlineData("unet", "\"cross_attention_dim\": 16", "\"cross_attention_dim\": 24", "the U-Net attends to tokens of 24 values, the text encoder gives 16")]
    [InlineData("vae", "\"scaling_factor\": 0.18215", "\"scaling_factor\": \"x\"", "'scaling_factor' is \"x\", but must be a number")]
    [InlineData("vae", "\"latent_channels\": 4", "\"latent_channels\": 5", "latents of 4 channels, the autoencoder gives 5")]
    [InlineData("text_encoder", "\"hidden_act\": \"quick_gelu\"", "\"hidden_act\": \"relu\"", "'hidden_act' is \"relu\", but must be quick_gelu or gelu")]
    [InlineData("text_encoder", "\"vocab_size\": 49408", "\"vocab_size\": 600", "the tokenizer has 49408 ids, the text encoder knows 600")]
    [InlineData("text_encoder", "{", "[", "is no JSON object")]
    [InlineData("unet", "\"act_fn\": \"silu\"", "\"act_fn\": \"silu\", \"act_fn\": \"silu\"", "is no JSON object")]
    [InlineData("unet", "\"act_fn\": \"silu\"", "\"act_fn\": \"\\ud800\"", "is no JSON object")]
    [InlineData("unet", "\"act_fn\": \"silu\"", "\"\\ud800\": 1", "is no JSON object")]
    [InlineData("vae", "\"block_out_channels\": [\n    8,\n    16\n  ]", "\"block_out_channels\": [8]", "'down_block_types' is")]
    [InlineData("unet", "[\n    16,\n    32\n  ]", "[\n    65536,\n    65536\n  ]", "of another shape or type")]
    public void Configurations_that_cannot_be_computed_are_refused(string part, string old, string changed, string message)
    {
        using var model = GoldenDiffusion.Model();
        model.Save(_temp["model"]);
        var path = Path.Combine(_temp["model"], part, "config.json");
        var text = File.ReadAllText(path);
        Assert.Contains(old, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(old, changed, StringComparison.Ordinal));
        Assert.Contains(message, Assert.Throws<WhenceException>(() => DiffusionModel.Open(_temp["model"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_and_shapes_of_the_full_text_encoder_are_Stable_Diffusions()
    {
        using var scope = torch.NewDisposeScope();
        var spec = new DiffusionOptions().TextEncoder;
        using var network = new ClipTextTransformer(spec, torch.META);
        Manifest.AssertHoldsFile(GoldenDiffusion.Path("manifests/sd1_text_encoder.json"), network, ClipTextTransformer.HuggingFace(spec));
    }

    [Fact]
    public void Folders_that_are_no_models_say_what_is_missing()
    {
        Assert.Contains("holds no folder unet", Assert.Throws<WhenceException>(() => DiffusionModel.Open(_temp.Path)).Message, StringComparison.Ordinal);
        Assert.Throws<WhenceException>(() => DiffusionModel.Open(_temp["nothing.ckpt"]));
        using var model = GoldenDiffusion.Model();
        model.Save(_temp["model"]);
        File.Delete(Path.Combine(_temp["model"], "vae", "diffusion_pytorch_model.safetensors"));
        Assert.Contains("holds no weights", Assert.Throws<WhenceException>(() => DiffusionModel.Open(_temp["model"])).Message, StringComparison.Ordinal);
        SafetensorsFile.Write(_temp["other.safetensors"], [TensorData.FromSingle("weight", [1f], 1)]);
        Assert.Contains("is no checkpoint of a whole diffusion model", Assert.Throws<WhenceException>(() => DiffusionModel.Open(_temp["other.safetensors"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_seed_gives_the_same_first_weights()
    {
        using var model = GoldenDiffusion.Model(seed: 3);
        using var same = GoldenDiffusion.Model(seed: 3);
        using var other = GoldenDiffusion.Model(seed: 4);
        AssertSame(model, same);
        Assert.NotEqual(GoldenDiffusion.Values(model.UNet)["conv_in.weight"], GoldenDiffusion.Values(other.UNet)["conv_in.weight"]);
        Assert.All(GoldenDiffusion.Values(model.UNet), pair => Assert.All(pair.Value, value => Assert.True(float.IsFinite(value))));
        Assert.All(GoldenDiffusion.Values(model.TextEncoder)["norm.weight"], value => Assert.Equal(1, value));
    }

    [Fact]
    public void Sizes_that_do_not_fit_together_are_refused()
    {
        var tokenizer = new ClipTokenizer();
        Assert.Contains("768", Assert.Throws<ArgumentException>(() => DiffusionModel.Create(new(), new(), new() { Width = 24, Heads = 2 }, tokenizer, 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => DiffusionModel.Create(new() { Heads = [8] }, new(), new(), tokenizer, 1));
        Assert.Throws<ArgumentException>(() => DiffusionModel.Create(new(), new() { PatchSize = 3 }, new(), tokenizer, 1));
    }

    [Fact]
    public void Bfloat16_is_nearly_float32()
    {
        using var model = GoldenDiffusion.Model();
        model.Save(_temp["model"]);
        using var half = DiffusionModel.Open(_temp["model"], new() { Precision = EncoderPrecision.BF16 });
        using var scope = torch.NewDisposeScope();
        using var none = torch.no_grad();
        var (x, t) = (torch.randn([1, 4, 8, 8], generator: new torch.Generator(1)), torch.tensor(new long[] { 500 }));
        var exact = model.UNet.forward(x, t, model.EncodeText(["a cat"]));
        var rounded = half.UNet.forward(x.bfloat16(), t, half.EncodeText(["a cat"]));
        Assert.Equal(torch.ScalarType.BFloat16, rounded.dtype);
        Assert.InRange((exact - rounded.to_type(torch.ScalarType.Float32)).norm().item<float>() / exact.norm().item<float>(), 1e-6f, 0.05f);
    }

    [Fact]
    public void No_tensor_stays_alive()
    {
        using var model = GoldenDiffusion.Model();
        model.Save(_temp["model"]);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (var again = DiffusionModel.Open(_temp["model"]))
        {
            again.Save(_temp["copy"]);
            again.EncodeText(["a cat"]).Dispose();
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static void AssertSame(DiffusionModel expected, DiffusionModel actual)
    {
        foreach (var (a, b) in ((torch.nn.Module, torch.nn.Module)[])[(expected.UNet, actual.UNet), (expected.Autoencoder, actual.Autoencoder), (expected.TextEncoder, actual.TextEncoder)])
        {
            var values = GoldenDiffusion.Values(b);
            Assert.Equal(values.Count, GoldenDiffusion.Values(a).Count);
            Assert.All(GoldenDiffusion.Values(a), pair => Assert.Equal(pair.Value, values[pair.Key]));
        }
    }

    private static void InParts(string path, string index)
    {
        var folder = Path.GetDirectoryName(path)!;
        var map = new Dictionary<string, string>();
        using (var file = SafetensorsFile.Open(path))
        {
            foreach (var (i, names) in file.Tensors.Keys.Chunk((file.Tensors.Count + 2) / 3).Index())
            {
                var part = $"part-{i}.safetensors";
                SafetensorsFile.Write(Path.Combine(folder, part), [.. names.Select(name => TensorData.FromSingle(name, file.ReadSingle(name), [.. file.Tensors[name].Shape]))]);
                foreach (var name in names)
                {
                    map.Add(name, part);
                }
            }
        }

        File.Delete(path);
        File.WriteAllText(Path.Combine(folder, index), System.Text.Json.JsonSerializer.Serialize(new Dictionary<string, object> { ["metadata"] = new Dictionary<string, object>(), ["weight_map"] = map }));
    }
}
