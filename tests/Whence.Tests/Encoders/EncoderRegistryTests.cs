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
    public void An_unknown_name_lists_the_known()
    {
        var error = Assert.Throws<WhenceException>(() => new EncoderRegistry().Resolve("vgg"));
        Assert.Contains("resnet18", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_weights_with_another_crop_are_another_encoder()
    {
        var spec = new EncoderRegistry().Resolve("resnet18");
        Assert.True(spec.IsSameEncoder(spec with { Folder = "elsewhere", Licence = null }));
        Assert.False(spec.IsSameEncoder(spec with { Preprocessing = spec.Preprocessing with { Resize = 224 } }));
        Assert.False(spec.IsSameEncoder(spec with { Model = spec.Model with { Sha256 = new string('0', 64) } }));
    }
}
