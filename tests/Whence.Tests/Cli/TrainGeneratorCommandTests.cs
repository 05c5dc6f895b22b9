using Whence.Cli;
using Whence.Tests.Torch.Diffusion.Training;
using Whence.Torch.Diffusion;

namespace Whence.Tests.Cli;

public sealed class TrainGeneratorCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task From_a_recipe_to_a_model_beside_it()
    {
        var recipe = ToyGenerator.Write(_temp.Path);
        File.Delete(_temp["images", "00011.txt"]);
        var (code, output, error) = await RunAsync("train-generator", recipe, "--threads", "1");
        Assert.Equal((0, ""), (code, code == 0 ? "" : error));
        Assert.Contains("11 images of 16 pixels, 1 without a caption left out", error, StringComparison.Ordinal);
        Assert.Contains(_temp["recipe-generator", "model"], output, StringComparison.Ordinal);
        using var model = DiffusionModel.Open(_temp["recipe-generator", "model"]);
        Assert.Equal(16, model.ImageSize);

        (code, _, error) = await RunAsync("train-generator", recipe, "--threads", "1");
        Assert.Equal(2, code);
        Assert.Contains("this training is done", error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => line.StartsWith("error: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Killed_again_and_again_it_ends_with_the_same_bytes()
    {
        var recipe = ToyGenerator.Write(_temp.Path);
        Assert.Equal(0, await TrainAsync("expected", kill: null));
        var (code, kills) = (137, 0);
        for (; code == 137; kills++)
        {
            code = await TrainAsync("out", kill: 5 + kills);
        }

        Assert.Equal(0, code);
        Assert.True(kills > 1, "it was never killed");
        foreach (var file in Directory.GetFiles(_temp["expected"], "*", SearchOption.AllDirectories))
        {
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(_temp["out", Path.GetRelativePath(_temp["expected"], file)]));
        }

        // Killed at one of the checkpoints that it writes; each goes on from there.
        async Task<int> TrainAsync(string folder, int? kill)
        {
            Directory.CreateDirectory(_temp[folder]);
            var (code, error) = await CliProcess.StopAsync(
                new FileSystemWatcher(_temp[folder], "checkpoint.safetensors"), WatcherChangeTypes.Renamed, kill, CliProcess.Kill, new Dictionary<string, string>(),
                ["train-generator", recipe, "--threads", "1", "--out", _temp[folder]]);
            Assert.True(code is 0 or 137, error);
            return code;
        }
    }

    [Fact]
    public async Task Interrupted_it_says_how_to_go_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals");
        var recipe = ToyGenerator.Write(_temp.Path, r => r["autoencoder"]!["training"]!["steps"] = 100_000);
        Directory.CreateDirectory(_temp["out"]);
        var (code, error) = await CliProcess.StopAsync(
            new FileSystemWatcher(_temp["out"], "checkpoint.safetensors"), WatcherChangeTypes.Renamed, at: 1, CliProcess.Interrupt, new Dictionary<string, string>(),
            ["train-generator", recipe, "--threads", "1", "--out", _temp["out"]]);
        Assert.Equal(130, code);
        Assert.EndsWith("the same command goes on from there.\n", error, StringComparison.Ordinal);
        Assert.True(File.Exists(_temp["out", "checkpoint.safetensors"]));
    }

    [Fact]
    public async Task Captions_that_are_cut_are_told_before_anything_is_trained()
    {
        var recipe = ToyGenerator.Write(_temp.Path, r => r["vocabulary"]!["tokens"] = 4);
        Directory.CreateDirectory(_temp["out", "model"]); // ends it there
        var (_, _, error) = await RunAsync("train-generator", recipe, "--threads", "1", "--out", _temp["out"]);
        Assert.Contains("12 captions have more than 4 tokens and are cut; the longest has 5: raise 'vocabulary.tokens', or shorten them.\n", error.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bad_input_gives_one_line()
    {
        File.WriteAllText(_temp["file"], "");
        var recipe = ToyGenerator.Write(_temp.Path);
        foreach (var (expected, args) in ((string, string[])[])[("none.json", [_temp["none.json"]]), ("is a file; name a folder", [recipe, "--out", _temp["file"]]), ("--threads must be at least 1", [recipe, "--threads", "0"])])
        {
            var (code, output, error) = await RunAsync(["train-generator", .. args]);
            Assert.Equal((2, ""), (code, output));
            Assert.StartsWith("error: ", error, StringComparison.Ordinal);
            Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            Assert.Contains(expected, error, StringComparison.Ordinal);
        }
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await WhenceCommand.RunAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
