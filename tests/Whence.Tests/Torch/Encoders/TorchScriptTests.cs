using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders;

/// <summary>Archives that PyTorch wrote; <c>TorchScripts/make.py</c> made them.</summary>
public class TorchScriptTests
{
    private static readonly string Folder = Path.Combine(SharedData.RepositoryRoot, "tests", "Whence.Tests", "Torch", "Encoders", "TorchScripts");

    [Fact]
    public void An_archive_runs_with_leave()
    {
        Assert.Equal([2f * 1, 2 * 2, 2 * 3, 2 * 4, 2 * 5, 2 * 6], Encode("means", null, 1, 2, 3, 4, 5, 6), Close);
    }

    [Theory]
    [InlineData(TokenPool.Class, 1f)]
    [InlineData(TokenPool.Patches, 4f)]
    [InlineData(TokenPool.Mean, 3f)]
    public void Its_tokens_are_pooled_as_the_spec_says(TokenPool pool, float expected) =>
        Assert.Equal([expected, expected, expected], Encode("tokens", pool, 4, 4, 4), Close);

    [Fact]
    public void As_an_encoder_it_runs_with_leave_too()
    {
        using var encoder = ImageEncoders.Open(Spec("means", null), new ImageEncoderOptions { AllowTorchScript = true });
        var features = new float[6];
        encoder.Encode([.. Enumerable.Range(1, 6).SelectMany(value => Enumerable.Repeat((float)value, 64))], features);
        Assert.Equal([2f, 4, 6, 8, 10, 12], features, Close);
    }

    [Fact]
    public void Without_leave_nothing_of_it_runs()
    {
        var error = Assert.Throws<WhenceException>(() => ImageEncoders.Open(Spec("acts", null)));
        Assert.Contains("any code", error.Message, StringComparison.Ordinal);
        Assert.Contains("--allow-torchscript", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_leave_its_code_runs_already_when_it_is_loaded() => Assert.Contains("this code ran", Fails("acts", null), StringComparison.Ordinal);

    [Theory]
    [InlineData("pair", null, "one tensor")]
    [InlineData("tokens", null, "'pool'")]
    [InlineData("means", TokenPool.Mean, "[n, tokens, 3]")]
    public void What_does_not_fit_is_explained_in_one_line(string name, TokenPool? pool, string expected)
    {
        var message = Fails(name, pool);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains(name + ".pt", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void A_file_that_is_no_archive_is_refused()
    {
        var error = Assert.Throws<WhenceException>(() => new TorchScriptNetwork(Path.Combine(Folder, "make.py"), Spec("means", null), CPU));
        Assert.Contains("not a TorchScript archive", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static bool Close(float a, float b) => Math.Abs(a - b) < 1e-5;

    private static string Fails(string name, TokenPool? pool) => Assert.Throws<WhenceException>(() => Encode(name, pool, 1, 2, 3)).Message;

    // Images of one colour, a value a channel.
    private static float[] Encode(string name, TokenPool? pool, params float[] channels)
    {
        using var scope = NewDisposeScope();
        using var inference = no_grad();
        using var network = new TorchScriptNetwork(Path.Combine(Folder, name + ".pt"), Spec(name, pool), CPU);
        var images = tensor(channels).reshape(-1, 3, 1, 1).expand(-1, 3, 8, 8);
        return network.call(images).data<float>().ToArray();
    }

    private static EncoderSpec Spec(string name, TokenPool? pool) => new()
    {
        Name = name,
        Dimension = 3,
        Preprocessing = new PreprocessingSpec { Resize = 8, Crop = 8 },
        Model = new ModelFile { File = name + ".pt", Sha256 = Checksum.Of(Path.Combine(Folder, name + ".pt")) },
        Network = new TorchScriptSpec(),
        Pool = pool,
        Folder = Folder,
    };
}
