using Whence.Tests.Torch.Mapping;

namespace Whence.Tests.Cli;

/// <summary>What a command maps into its process, as the process itself says at its end.</summary>
public sealed class LoadedLibrariesTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task Attribution_with_an_ONNX_encoder_and_help_load_no_libtorch_and_training_does()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs /proc/self/maps");
        TestImages.WriteFolder(_temp["photos"], 2);
        await MapsAsync("index", _temp["photos"], "--out", _temp["index"]);

        var attribute = await MapsAsync("attribute", _temp["photos", "00001.png"], "--index", _temp["index"]);
        Assert.Contains("libonnxruntime", attribute, StringComparison.Ordinal);
        Assert.DoesNotContain("TorchSharp", attribute, StringComparison.OrdinalIgnoreCase); // Whence.Torch opens encoders, whatever runs them
        Assert.DoesNotContain("libtorch", attribute, StringComparison.OrdinalIgnoreCase);

        var help = await MapsAsync("train", "--help");
        Assert.DoesNotContain("libtorch", help, StringComparison.Ordinal);
        Assert.DoesNotContain("libLibTorchSharp", help, StringComparison.Ordinal);
        Assert.DoesNotContain("libonnxruntime", help, StringComparison.Ordinal);
        Assert.DoesNotContain("libtorch", await MapsAsync("generate", "--help"), StringComparison.Ordinal);

        new Turned(8, seed: 1).Models("f", 4).Save(_temp["f.safetensors"]);
        Assert.Contains(
            "libtorch_cpu", await MapsAsync("train", "--features", _temp["f.safetensors"], "--epochs", "1", "--out", _temp["m.safetensors"]), StringComparison.Ordinal);
    }

    private async Task<string> MapsAsync(params string[] args)
    {
        var maps = _temp[Guid.NewGuid().ToString("N")];
        var environment = new Dictionary<string, string> { ["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location, [StartupHook.Variable] = maps };
        var (code, _, error) = await CliProcess.RunAsync(environment, args);
        Assert.True(code == 0, error);
        return File.ReadAllText(maps);
    }
}
