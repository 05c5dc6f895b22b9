using Whence.Cli;
using Whence.Search;
using Whence.Tests.Torch.Encoders.Training;

namespace Whence.Tests.Cli;

public sealed class TrainEncoderCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task From_a_recipe_to_an_encoder_beside_it_that_images_are_indexed_by()
    {
        var recipe = ToyImageText.Write(_temp.Path);
        var (code, output, error) = await RunAsync("train-encoder", recipe, "--threads", "1");
        Assert.Equal((0, ""), (code, code == 0 ? "" : error));
        Assert.StartsWith("12 images of 16 pixels", error, StringComparison.Ordinal);
        var spec = _temp["recipe-encoder", "encoder", "toy.json"];
        Assert.StartsWith($"{spec}: trained, last loss ", output, StringComparison.Ordinal);

        (code, _, error) = await RunAsync("index", _temp["images"], "--out", _temp["index"], "--encoder", spec);
        Assert.Equal((0, ""), (code, code == 0 ? "" : error));
        var index = FeatureIndex.Open(_temp["index"]);
        Assert.Equal((12, 8, "toy"), (index.Count, index.Manifest.EncoderSpec!.Dimension, index.Manifest.Encoder));

        (code, _, error) = await RunAsync("train-encoder", recipe, "--threads", "1");
        Assert.Equal(2, code);
        Assert.Contains("this training is done", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Killed_again_and_again_it_ends_with_the_same_bytes()
    {
        var recipe = ToyImageText.Write(_temp.Path, r => r["training"]!["steps"] = 60);
        Assert.Equal(0, await TrainAsync("expected", kill: null));
        var (code, kills) = (137, 0);
        for (; code == 137; kills++)
        {
            code = await TrainAsync("out", kill: 5 + (10 * kills));
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
                ["train-encoder", recipe, "--threads", "1", "--out", _temp[folder]]);
            Assert.True(code is 0 or 137, error);
            return code;
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
