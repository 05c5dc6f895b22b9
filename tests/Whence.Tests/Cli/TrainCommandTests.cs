using Whence.Cli;
using Whence.Mapping;
using Whence.Tests.Torch.Mapping;
using Whence.Vectors;

namespace Whence.Tests.Cli;

public sealed class TrainCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task From_features_to_mappers_that_evaluate_takes()
    {
        string[] files = ["--features", Golden("test_case.pth"), "--distractors", Golden("laion_subset.pth"), "--epochs", "4", "--validate-every", "2", "--threads", "1"];
        var (code, output, error) = await RunAsync(["train", .. files, "--out", _temp["m.safetensors"]]);
        Assert.Equal(0, code);
        Assert.Contains("27 models, 4 steps", error, StringComparison.Ordinal);
        Assert.Contains("on the validation split", output, StringComparison.Ordinal);
        Assert.Equal(["m.safetensors", "m.training.csv", "m.training.png", "m.training.svg"], Directory.GetFiles(_temp.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));

        var curve = File.ReadAllLines(_temp["m.training.csv"]);
        Assert.Equal("epoch,learning_rate,loss,synth_to_real,real_to_synth,regularizer,recall@10", curve[0]);
        Assert.Equal(["0", "1", "2", "3", "4"], curve.Skip(1).Select(row => row.Split(',')[0]));
        Assert.Equal([true, false, true, false, true], curve.Skip(1).Select(row => row.Split(',')[^1].Length > 0));

        var mappers = MapperPair.Load(_temp["m.safetensors"]);
        using var stream = File.OpenRead(Golden("test_case.pth"));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(stream)), mappers.Provenance!.Features[0].Sha256);
        Assert.Equal(0, (await RunAsync(["train", .. files, "--out", _temp["m.pth"]])).Code);
        var feature = new FeatureMatrix(1, 64, [.. Enumerable.Range(0, 64).Select(i => (float)i)]);
        Assert.Equal(mappers.Real.Apply(feature).Span.ToArray(), MapperPair.Load(_temp["m.pth"]).Real.Apply(feature).Span.ToArray());
        (code, output, _) = await RunAsync(["evaluate", "--distractors", Golden("laion_subset.pth"), "--test-case", Golden("test_case.pth"), "--mapper", _temp["m.safetensors"]]);
        Assert.Equal(0, code);
        Assert.Contains("m.safetensors", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_training_killed_again_and_again_ends_with_the_same_file()
    {
        WriteFeatures();
        string[] options = ["--features", _temp["f.safetensors"], "--distractors", _temp["d.pth"], "--epochs", "12", "--batch", "16", "--validate-every", "3", "--threads", "1"];
        Assert.Equal(0, await TrainAsync("expected", kill: null));

        var (code, kills) = (137, 0);
        for (; code == 137; kills++)
        {
            code = await TrainAsync("m", kill: 1 + kills);
        }

        Assert.Equal(0, code);
        Assert.True(kills > 3, "it was never killed");
        Assert.Equal(File.ReadAllBytes(_temp["expected", "m.safetensors"]), File.ReadAllBytes(_temp["m", "m.safetensors"]));
        Assert.Equal(File.ReadAllBytes(_temp["expected", "m.training.csv"]), File.ReadAllBytes(_temp["m", "m.training.csv"]));
        Assert.Equal(4, Directory.GetFiles(_temp["m"]).Length);

        // Killed at the first, second, ... checkpoint that it writes; each goes on from there.
        async Task<int> TrainAsync(string folder, int? kill)
        {
            Directory.CreateDirectory(_temp[folder]);
            var (code, error) = await CliProcess.StopAsync(
                new FileSystemWatcher(_temp[folder], "*.checkpoint.safetensors"),
                WatcherChangeTypes.Renamed,
                kill,
                CliProcess.Kill,
                new Dictionary<string, string>(),
                ["train", .. options, "--resume", "--checkpoint-every", "0", "--out", _temp[folder, "m.safetensors"]]);
            Assert.True(code is 0 or 137, error);
            return code;
        }
    }

    [Fact]
    public async Task An_interrupted_training_says_how_to_go_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals");
        WriteFeatures();
        string[] args = ["train", "--features", _temp["f.safetensors"], "--epochs", "100000", "--batch", "2", "--threads", "1", "--checkpoint-every", "0", "--out", _temp["m.safetensors"]];
        var (code, error) = await CliProcess.StopAsync(
            new FileSystemWatcher(_temp.Path, "*.checkpoint.safetensors"), WatcherChangeTypes.Renamed, at: 1, CliProcess.Interrupt, new Dictionary<string, string>(), args);
        Assert.Equal(130, code);
        Assert.EndsWith("the same command with --resume goes on from there.\n", error, StringComparison.Ordinal);
        Assert.True(File.Exists(_temp["m.checkpoint.safetensors"]));
    }

    [Fact]
    public async Task A_training_that_did_not_end_is_not_overwritten_without_saying_so()
    {
        WriteFeatures();
        File.WriteAllText(_temp["m.checkpoint.safetensors"], "precious");
        var (code, _, error) = await RunAsync("train", "--features", _temp["f.safetensors"], "--out", _temp["m.safetensors"]);
        Assert.Equal(2, code);
        Assert.Contains("--resume", error, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(_temp["m.checkpoint.safetensors"]));
    }

    public static TheoryData<string, string[]> BadInput => new()
    {
        { "does not exist", ["--features", "{folder}/none.pth", "--out", "{folder}/m.pth"] },
        { "must end in .safetensors", ["--features", "{folder}/f.safetensors", "--out", "{folder}/m.json"] },
        { "no such folder", ["--features", "{folder}/f.safetensors", "--out", "{folder}/none/m.pth"] },
        { "or a folder itself", ["--features", "{folder}/f.safetensors", "--out", "{folder}/.safetensors"] },
        { "needs --distractors", ["--features", "{folder}/f.safetensors", "--validation", "{folder}/f.safetensors", "--out", "{folder}/m.pth"] },
        { "no column 'source'", ["--features", "{folder}/f.safetensors", "--mask-by", "source", "--out", "{folder}/m.pth"] },
        { "--regularizer is for linear", ["--features", "{folder}/f.safetensors", "--kind", "mlp", "--regularizer", "0.1", "--out", "{folder}/m.pth"] },
        { "--temperature must be above 0", ["--features", "{folder}/f.safetensors", "--temperature", "0", "--out", "{folder}/m.pth"] },
        { "--learning-rate must be above 0", ["--features", "{folder}/f.safetensors", "--learning-rate", "NaN", "--out", "{folder}/m.pth"] },
        { "--batch must be at least 2", ["--features", "{folder}/f.safetensors", "--batch", "1", "--out", "{folder}/m.pth"] },
        { "those of the distractors", ["--features", "{folder}/f.safetensors", "--distractors", "{golden}/laion_subset.pth", "--out", "{folder}/m.pth"] },
        { "those before 8", ["--features", "{folder}/f.safetensors", "{golden}/test_case.pth", "--out", "{folder}/m.pth"] },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public async Task Bad_input_gives_one_line_and_nothing_is_written(string expected, string[] args)
    {
        WriteFeatures();
        Directory.CreateDirectory(_temp[".safetensors"]);
        var (code, output, error) = await RunAsync(["train", .. args.Select(arg => arg.Replace("{folder}", _temp.Path, StringComparison.Ordinal)
            .Replace("{golden}", SharedData.Get("reference", "evaluation"), StringComparison.Ordinal))]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Equal(["d.pth", "f.safetensors"], Directory.GetFiles(_temp.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
    }

    private void WriteFeatures()
    {
        var turned = new Turned(8, seed: 1);
        turned.Models("f", 40).Save(_temp["f.safetensors"]);
        var distractors = turned.Models("d", 50).Exemplars;
        SafetensorsFile.Write(_temp["d.pth"], [TensorData.FromSingle("features", distractors.Span, 50, 8)]);
    }

    private static string Golden(string name) => SharedData.Get("reference", "evaluation", name);

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await WhenceCommand.RunAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
