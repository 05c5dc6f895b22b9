using System.Security.Cryptography;
using Whence.Encoders;
using Whence.Vectors;

namespace Whence.Tests.Encoders;

public sealed class EncoderInstallationTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly string _file;
    private readonly CatalogueEntry _entry;

    public EncoderInstallationTests()
    {
        _file = _temp["weights.safetensors"];
        SafetensorsFile.Write(_file, [TensorData.FromSingle("w", [1, 2], 2)]);
        _entry = Entry(Sha256(_file));
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_file_is_copied_and_the_encoder_then_found_by_its_name()
    {
        using (var installation = EncoderInstallation.Begin(_entry, _temp["models"]))
        {
            Assert.False(installation.IsComplete);
            Assert.Equal(ModelCheck.Published, installation.Take(_file));
            Assert.True(installation.IsComplete);
        }

        File.Delete(_file);
        var spec = new EncoderRegistry([_temp["models"]]).Resolve("tiny");
        Assert.Equal(_entry.Spec with { Folder = spec.Folder }, spec);
        using var checkpoint = Checkpoint.Open(Path.Combine(spec.Folder, spec.Model!.File));
        Assert.Equal(["w"], checkpoint.Tensors.Keys);
    }

    [Fact]
    public void A_file_may_be_linked_instead_of_copied()
    {
        using var installation = EncoderInstallation.Begin(_entry, _temp["models"]);
        installation.Take(_file, link: true);
        Assert.Equal(_file, File.ResolveLinkTarget(installation.ModelPath, returnFinalTarget: true)!.FullName);
        Assert.True(installation.IsComplete);
        installation.Take(_file); // and copied after all
        Assert.Null(File.ResolveLinkTarget(installation.ModelPath, returnFinalTarget: false));
        Assert.True(File.Exists(_file));
    }

    [Fact]
    public void Another_checksum_is_refused_or_taken_on_request_and_recorded()
    {
        SafetensorsFile.Write(_temp["other"], [TensorData.FromSingle("w", [3], 1)]);
        using var installation = EncoderInstallation.Begin(_entry, _temp["models"]);
        var error = Assert.Throws<WhenceException>(() => installation.Take(_temp["other"]));
        Assert.Contains(_entry.Sha256!, error.Message, StringComparison.Ordinal);
        Assert.Contains("--unchecked", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(installation.SpecPath) || File.Exists(installation.ModelPath));
        Assert.Equal(ModelCheck.Other, installation.Take(_temp["other"], acceptOther: true));
        Assert.Equal(Sha256(_temp["other"]), EncoderSpec.Load(installation.SpecPath).Model!.Sha256);
    }

    [Fact]
    public void Where_no_checksum_is_published_the_file_s_own_is_recorded()
    {
        using var installation = EncoderInstallation.Begin(Entry(""), _temp["models"]);
        Assert.Equal(ModelCheck.Unpublished, installation.Take(_file));
        Assert.Equal(Sha256(_file), EncoderSpec.Load(installation.SpecPath).Model!.Sha256);
    }

    [Theory]
    [InlineData("<html>sign in to the hotel's network</html>")]
    [InlineData("")]
    public void What_cannot_be_opened_is_refused_whatever_its_checksum(string text)
    {
        File.WriteAllText(_file, text);
        using var installation = EncoderInstallation.Begin(Entry(text.Length > 0 ? Sha256(_file) : ""), _temp["models"]);
        Assert.Throws<WhenceException>(() => installation.Take(_file));
        Assert.Throws<WhenceException>(() => installation.Take(_temp["missing"]));
        Assert.False(File.Exists(installation.SpecPath) || File.Exists(installation.ModelPath));
    }

    [Fact]
    public void A_damaged_file_that_replaces_a_whole_one_leaves_it_alone()
    {
        using var installation = EncoderInstallation.Begin(_entry, _temp["models"]);
        installation.Take(_file);
        File.WriteAllBytes(_temp["cut"], File.ReadAllBytes(_file)[..^1]);
        Assert.Throws<WhenceException>(() => installation.Take(_temp["cut"], acceptOther: true));
        Assert.Equal(_entry.Sha256, Sha256(installation.ModelPath));
        Assert.True(installation.IsComplete);
    }

    [Fact]
    public void A_file_in_the_folder_is_adopted_even_where_only_the_spec_is_missing()
    {
        using var installation = EncoderInstallation.Begin(_entry, _temp["models"]);
        File.Copy(_file, installation.ModelPath + ".part");
        installation.Adopt(installation.ModelPath + ".part");
        Assert.False(File.Exists(installation.ModelPath + ".part"));
        File.WriteAllText(installation.SpecPath, "{ cut");
        Assert.False(installation.IsComplete);
        installation.Adopt(installation.ModelPath);
        Assert.True(installation.IsComplete);
    }

    [Fact]
    public void An_ONNX_model_must_load_and_fit_its_spec()
    {
        var spec = EncoderSpec.Load(TinyOnnx.Write(_temp.Path, "mean"));
        var entry = new CatalogueEntry { Spec = spec with { Folder = "" }, Urls = ["https://example.org/mean.onnx"] };
        using (var installation = EncoderInstallation.Begin(entry, _temp["models"]))
        {
            installation.Take(_temp["mean.onnx"]);
        }

        using var encoder = new OnnxEncoder(new EncoderRegistry([_temp["models"]]).Resolve("mean"));
        Assert.Equal(3, encoder.Spec.Dimension);
        using var misfit = EncoderInstallation.Begin(entry with { Spec = entry.Spec with { Name = "misfit", Preprocessing = spec.Preprocessing with { Crop = 4 } } }, _temp["models"]);
        Assert.Contains("crop", Assert.Throws<WhenceException>(() => misfit.Take(_temp["mean.onnx"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dino-vitb16", "dino", "weights.pth")]
    [InlineData("dino-vitb16", "dino", "weights.safetensors")]
    [InlineData("moco-vitb", "moco", "checkpoint.pth.tar")]
    [InlineData("clip-vitb32", "clip", "weights.safetensors")]
    [InlineData("sscd-disc-mixup", "sscd", "weights_classy.safetensors")]
    public void The_formats_that_weights_are_published_in_open_without_running_anything(string name, string folder, string file)
    {
        var entry = EncoderCatalogue.Get(name);
        using (var installation = EncoderInstallation.Begin(entry, _temp["models"]))
        {
            installation.Take(SharedData.Get("reference", "encoders", folder, file), acceptOther: true);
        }

        var spec = new EncoderRegistry([_temp["models"]]).Resolve(name);
        Assert.Equal(entry.Spec.Network, spec.Network);
        Assert.Equal(entry.Spec.Preprocessing, spec.Preprocessing);
    }

    [Fact]
    public void One_process_at_a_time()
    {
        using var first = EncoderInstallation.Begin(_entry, _temp["models"]);
        Assert.Contains("another process", Assert.Throws<WhenceException>(() => EncoderInstallation.Begin(_entry, _temp["models"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_told()
    {
        File.WriteAllText(_temp["models"], "a file");
        Assert.Contains("cannot be written", Assert.Throws<WhenceException>(() => EncoderInstallation.Begin(_entry, _temp["models"])).Message, StringComparison.Ordinal);
    }

    private static CatalogueEntry Entry(string sha256) => new()
    {
        Spec = new EncoderSpec
        {
            Name = "tiny",
            Dimension = 512,
            Preprocessing = new() { Resize = 8, Crop = 8 },
            Network = new ResNetSpec { Depth = 18 },
            Model = new ModelFile { File = "tiny.safetensors", Sha256 = sha256 },
            Licence = "CC0-1.0",
            Origin = "a test",
        },
        Urls = ["https://example.org/tiny.safetensors"],
    };

    private static string Sha256(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
