using System.Text.Json;
using Whence.Encoders;
using Whence.Images;

namespace Whence.Tests.Encoders;

public class EncoderCatalogueTests
{
    public static TheoryData<string> Names => [.. EncoderCatalogue.Entries.Select(entry => entry.Spec.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_entry_makes_a_valid_spec_and_says_licence_origin_and_where(string name)
    {
        var entry = EncoderCatalogue.Get(name);
        (entry.Spec with { Model = entry.Model with { Sha256 = entry.Sha256 ?? new string('0', 64) } }).Validate();
        Assert.False(string.IsNullOrEmpty(entry.Spec.Licence) || string.IsNullOrEmpty(entry.Spec.Origin));
        Assert.NotEmpty(entry.Urls);
        Assert.All(entry.Urls, url => Assert.StartsWith("https://", url, StringComparison.Ordinal));
        Assert.True(entry.Size is null or > 1_000_000);
        Assert.Equal(Path.GetFileName(entry.Model.File), entry.Model.File);
    }

    [Fact]
    public void Names_are_unique_and_an_unknown_one_lists_them()
    {
        Assert.Equal(EncoderCatalogue.Entries.Count, EncoderCatalogue.Entries.Select(entry => entry.Spec.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.Null(EncoderCatalogue.Find("vgg"));
        Assert.Contains("dino-vitb16", Assert.Throws<WhenceException>(() => EncoderCatalogue.Get("vgg")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_an_address_holds_a_checksum_it_is_the_one_of_the_entry()
    {
        Assert.All(EncoderCatalogue.Entries.Where(entry => entry.Spec.Name.StartsWith("clip-", StringComparison.Ordinal)), entry => Assert.Contains($"/{entry.Sha256}/", entry.Urls[0], StringComparison.Ordinal));
        Assert.All(EncoderCatalogue.Entries.Where(entry => entry.Spec.Name.EndsWith("-torchvision", StringComparison.Ordinal)), entry => Assert.Contains($"-{entry.Sha256![..8]}.pth", entry.Urls[0], StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("clip-vitb32", "clip")]
    [InlineData("clip-vitb16", "clip")]
    [InlineData("dino-vitb16", "dino")]
    [InlineData("moco-vitb", "moco")]
    [InlineData("vit-base-patch16-384", "vit")]
    [InlineData("sscd-disc-mixup", "sscd")]
    public void Images_are_prepared_as_the_reference_prepares_them(string name, string reference)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(SharedData.Get("reference", "preprocess", "config.json")));
        var expected = config.RootElement.GetProperty("encoders").GetProperty(reference);
        Assert.Equal(
            new PreprocessingSpec
            {
                Resize = expected.GetProperty("resize_short_side").GetInt32(),
                Crop = expected.GetProperty("center_crop").GetInt32(),
                Interpolation = Enum.Parse<Interpolation>(expected.GetProperty("interpolation").GetString()!, ignoreCase: true),
                Mean = Numbers("mean"),
                Std = Numbers("std"),
            },
            EncoderCatalogue.Get(name).Spec.Preprocessing);

        float[] Numbers(string key) => [.. expected.GetProperty(key).EnumerateArray().Select(x => x.GetSingle())];
    }

    [Theory]
    [InlineData("clip-vitb32", "clip_vit_b32", "visual.conv1.weight", "visual.transformer.resblocks.")]
    [InlineData("clip-vitb16", "clip_vit_b16", "visual.conv1.weight", "visual.transformer.resblocks.")]
    [InlineData("dino-vitb16", "dino_vitb16", "patch_embed.proj.weight", "blocks.")]
    [InlineData("moco-vitb", "moco_v3_vit_base", "patch_embed.proj.weight", "blocks.")]
    [InlineData("vit-base-patch16-384", "vit_base_patch16_384", "patch_embed.proj.weight", "blocks.")]
    public void Networks_have_the_sizes_of_the_originals(string name, string manifest, string patches, string blocks)
    {
        var text = File.ReadAllText(SharedData.Get("reference", "encoders", "manifests", manifest + ".json"));
        using var json = JsonDocument.Parse(text);
        var tensors = json.RootElement.GetProperty("tensors");
        var network = (VisionTransformerSpec)EncoderCatalogue.Get(name).Spec.Network!;
        var prefix = tensors.EnumerateObject().Select(t => t.Name).Single(key => key.EndsWith(patches, StringComparison.Ordinal))[..^patches.Length];
        Assert.Equal([network.Width, 3, network.PatchSize, network.PatchSize], Shape(tensors.GetProperty(prefix + patches)));
        Assert.Equal(network.Depth, tensors.EnumerateObject().Where(t => t.Name.StartsWith(prefix + blocks, StringComparison.Ordinal)).Select(t => t.Name[(prefix + blocks).Length..].Split('.')[0]).Distinct().Count());
        var positions = tensors.EnumerateObject().Single(t => t.Name.EndsWith("pos_embed", StringComparison.Ordinal) || t.Name.EndsWith("visual.positional_embedding", StringComparison.Ordinal));
        var side = network.ImageSize / network.PatchSize;
        Assert.Equal([(side * side) + 1, network.Width], Shape(positions.Value).TakeLast(2));
    }

    private static int[] Shape(JsonElement tensor) =>
        [.. tensor.GetProperty("shape").EnumerateArray().Select(x => x.GetInt32())];
}
