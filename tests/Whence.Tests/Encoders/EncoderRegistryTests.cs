using Whence.Encoders;

namespace Whence.Tests.Encoders;

public class EncoderRegistryTests
{
    [Fact]
    public void Resnet18_is_found_beside_the_application() =>
        Assert.Equal(512, new EncoderRegistry().Resolve(EncoderRegistry.DefaultName).Dimension);

    [Fact]
    public void A_folder_knows_its_specs_by_name_and_the_first_folder_wins()
    {
        using var temp = new TempFolder();
        TinyOnnx.Write(temp["a", "nested"], "nested");
        TinyOnnx.Write(temp["a"], "flat");
        TinyOnnx.Write(temp["b"], "flat");
        var registry = new EncoderRegistry([temp["a"], temp["b"], temp["missing"]]);
        Assert.Equal(["flat", "nested"], registry.Find().Keys);
        Assert.Equal(temp["a"], registry.Resolve("flat").Folder);
        Assert.Equal(temp["b"], registry.Resolve(temp["b", "flat.json"]).Folder);
    }

    [Fact]
    public void What_is_tuned_for_an_encoder_lies_in_a_folder_of_its_name_and_no_name_leads_elsewhere()
    {
        using var temp = new TempFolder();
        Directory.CreateDirectory(temp["b", "clip"]);
        File.WriteAllText(temp["b", "clip", "mapper.safetensors"], "");
        File.WriteAllText(temp["mapper.safetensors"], "");
        File.WriteAllText(temp["b", "mapper.safetensors"], "");
        var registry = new EncoderRegistry([temp["a"], temp["b"]]);
        Assert.Equal(temp["b", "clip", "mapper.safetensors"], registry.FindMapper("clip"));
        Assert.Null(registry.FindCalibration("clip"));
        Assert.All((string[])["..", ".", "", "x/../..", "../b/clip", "dino"], name => Assert.Null(registry.FindMapper(name)));
        Assert.Throws<WhenceException>(() => EncoderRegistry.FolderToRegister("../clip"));
    }

    [Fact]
    public void Mappers_and_a_calibration_of_different_folders_are_not_put_together()
    {
        using var temp = new TempFolder();
        Directory.CreateDirectory(temp["a", "clip"]);
        Directory.CreateDirectory(temp["b", "clip"]);
        File.WriteAllText(temp["a", "clip", "calibration.json"], "");
        File.WriteAllText(temp["b", "clip", "calibration.json"], "");
        File.WriteAllText(temp["b", "clip", "mapper.safetensors"], "");
        var registry = new EncoderRegistry([temp["missing"], temp["a"], temp["b"]]);
        Assert.Equal((null, temp["a", "clip", "calibration.json"]), (registry.FindMapper("clip"), registry.FindCalibration("clip")));
        registry = new EncoderRegistry([temp["b"], temp["a"]]);
        Assert.Equal((temp["b", "clip", "mapper.safetensors"], temp["b", "clip", "calibration.json"]), (registry.FindMapper("clip"), registry.FindCalibration("clip")));
    }

    [Fact]
    public void What_comes_along_is_told_from_what_was_registered()
    {
        var registry = new EncoderRegistry();
        Assert.True(EncoderRegistry.ComesAlong(registry.FindMapper("resnet18")));
        Assert.True(EncoderRegistry.ComesAlong(registry.FindCalibration("resnet18")));
        Assert.False(EncoderRegistry.ComesAlong(null));
        Assert.False(EncoderRegistry.ComesAlong("/elsewhere/models/resnet18/mapper.safetensors"));
    }

    [Fact]
    public void An_unknown_name_lists_the_known()
    {
        var error = Assert.Throws<WhenceException>(() => new EncoderRegistry().Resolve("vgg"));
        Assert.Contains("resnet18", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_of_the_catalogue_whose_weights_are_not_here_says_how_to_fetch_them()
    {
        var error = Assert.Throws<WhenceException>(() => new EncoderRegistry([]).Resolve("dino-vitb16"));
        Assert.Contains("whence encoders pull dino-vitb16", error.Message, StringComparison.Ordinal);
        Assert.Contains("dino_vitbase16_pretrain.pth", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_weights_with_another_crop_are_another_encoder()
    {
        var spec = new EncoderRegistry().Resolve("resnet18");
        Assert.True(spec.IsSameEncoder(spec with { Folder = "elsewhere", Licence = null }));
        Assert.False(spec.IsSameEncoder(spec with { Preprocessing = spec.Preprocessing with { Resize = 224 } }));
        Assert.False(spec.IsSameEncoder(spec with { Preprocessing = spec.Preprocessing with { Stretch = true } }));
        Assert.False(spec.IsSameEncoder(spec with { Model = spec.Model! with { Sha256 = new string('0', 64) } }));
    }
}
