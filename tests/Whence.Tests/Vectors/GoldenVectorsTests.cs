using Whence.Vectors;

namespace Whence.Tests.Vectors;

/// <summary>Files of the published formats, made by PyTorch, against the same numbers without pickles.</summary>
public class GoldenVectorsTests
{
    public static TheoryData<string> Everything => [.. Find()];

    [Theory]
    [InlineData("evaluation/mapper_linear")]
    [InlineData("evaluation/mapper_channel")]
    [InlineData("evaluation/mapper_mlp")]
    [InlineData("encoders/clip_hf/text_encoder")]
    [InlineData("encoders/dino/weights")]
    public void A_state_dict_equals_its_safetensors_twin_exactly(string name)
    {
        using var torch = TorchFile.Open(SharedData.Get("reference", name + ".pth"));
        using var safetensors = SafetensorsFile.Open(SharedData.Get("reference", name + ".safetensors"));
        var tensors = torch.Root.ReadStateDict();
        Assert.Equal(safetensors.Tensors.Keys.Order(StringComparer.Ordinal), tensors.Keys.Order(StringComparer.Ordinal));
        foreach (var (key, tensor) in tensors)
        {
            Assert.Equal(safetensors.Tensors[key].Type, tensor.Info.Type);
            Assert.Equal(safetensors.Tensors[key].Shape, tensor.Info.Shape);
            Assert.Equal(safetensors.ReadSingle(key), tensor.ReadSingle());
        }
    }

    [Fact]
    public void The_feature_files_of_the_evaluation_equal_their_safetensors_twin_exactly()
    {
        using var laion = TorchFile.Open(SharedData.Get("reference", "evaluation", "laion_subset.pth"));
        using var test = TorchFile.Open(SharedData.Get("reference", "evaluation", "test_case.pth"));
        using var plain = SafetensorsFile.Open(SharedData.Get("reference", "evaluation", "features.safetensors"));
        Assert.Equal(plain.ReadSingle("laion"), laion.Root["feats"].AsTensor().ReadSingle());
        Assert.Equal(4000, laion.Root["paths"].AsTexts().Count);
        Assert.Equal(plain.ReadSingle("exemplars"), test.Root["exemplar_tensors"].AsTensor().ReadSingle());
        Assert.Equal(
            plain.ReadInt64("exemplar_chunks"),
            test.Root["exemplar_chunks"].AsList().SelectMany(chunk => chunk.AsList()).Select(end => end.AsInt64()));
        foreach (var type in (string[])["gpt", "media"])
        {
            Assert.Equal(plain.ReadSingle("synth." + type), test.Root["synth_tensors"][type].AsTensor().ReadSingle());
            Assert.Equal(plain.ReadInt64("synth_ids." + type), test.Root["synth_ids"][type].AsList().Select(id => id.AsInt64()));
            Assert.Equal(234, test.Root["synth_paths"][type].AsTexts().Count);
        }
    }

    [Fact]
    public void The_four_file_formats_of_custom_diffusion_are_read()
    {
        using var delta = TorchFile.Open(SharedData.Get("reference", "custom-diffusion", "delta.bin"));
        using var compvis = TorchFile.Open(SharedData.Get("reference", "custom-diffusion", "delta_epoch=000004.ckpt"));
        using var weights = TorchFile.Open(SharedData.Get("reference", "custom-diffusion", "pytorch_custom_diffusion_weights.bin"));
        using var token = TorchFile.Open(SharedData.Get("reference", "custom-diffusion", "new1.bin"));
        Assert.Equal(12, delta.Root["unet"].ReadStateDict().Count);
        Assert.Equal(13, compvis.Root["state_dict"].ReadStateDict().Count);
        Assert.Equal(12, weights.Root.ReadStateDict().Count);
        Assert.Equal(delta.Root["modifier_token"]["<new1>"].AsTensor().ReadSingle(), token.Root["<new1>"].AsTensor().ReadSingle());
    }

    [Fact]
    public void The_calibrator_is_two_numbers()
    {
        using var file = TorchFile.Open(SharedData.Get("reference", "calibration", "calibrator.pth"));
        Assert.Equal(["bias", "inv_tau"], file.Root.ReadStateDict().Keys.Order());
        Assert.Single(file.Root["inv_tau"].AsTensor().ReadSingle());
    }

    [Fact]
    public void A_training_checkpoint_holds_the_weights_beside_other_things()
    {
        using var file = TorchFile.Open(SharedData.Get("reference", "encoders", "moco", "checkpoint.pth.tar"));
        using var plain = SafetensorsFile.Open(SharedData.Get("reference", "encoders", "moco", "weights.safetensors"));
        Assert.Equal(["arch", "epoch", "optimizer", "state_dict"], file.Root.AsDictionary().Keys.Order());
        var tensors = file.Root["state_dict"].ReadStateDict();
        foreach (var name in plain.Tensors.Keys)
        {
            Assert.Equal(plain.ReadSingle(name), tensors["module.base_encoder." + name].ReadSingle());
        }
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public void Every_file_of_the_reference_opens_and_gives_all_its_tensors(string path)
    {
        Assert.SkipWhen(path.Length == 0, "needs ../shared/reference");
        if (Path.GetExtension(path) == ".safetensors")
        {
            using var file = SafetensorsFile.Open(path);
            Assert.All(file.Tensors, tensor => Assert.Equal(tensor.Value.Count, file.ReadSingle(tensor.Key).Length));
        }
        else
        {
            using var file = TorchFile.Open(path);
            Assert.All(file.Root.ReadStateDict().Values, tensor => Assert.Equal(tensor.Info.Count, tensor.ReadSingle().Length));
        }
    }

    private static IEnumerable<string> Find()
    {
        var root = Path.Combine(SharedData.RepositoryRoot, "..", "shared", "reference");
        string[] extensions = [".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar"];
        return Directory.Exists(root)
            ? Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Where(path => extensions.Contains(Path.GetExtension(path)))
            : [""];
    }
}
