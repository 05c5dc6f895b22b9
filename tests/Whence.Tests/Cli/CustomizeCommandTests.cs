using Whence.Cli;
using Whence.Tests.Torch.Diffusion;
using Whence.Torch.Customization;

namespace Whence.Tests.Cli;

public sealed class CustomizeCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public CustomizeCommandTests()
    {
        TestImages.WriteFolder(_temp["cat"], 3);
        using var model = GoldenDiffusion.Model();
        model.Save(_temp["model"]);
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task From_exemplars_to_a_concept_in_the_layout_that_is_asked_for()
    {
        string[] what = ["--model", _temp["model"], "--exemplar", _temp["cat"], "--category", "cat", "--steps", "2", "--batch", "2"];
        foreach (var (file, format, expected, more) in ((string, string?, ConceptFormat, string[])[])
        [
            ("c.ckpt", null, ConceptFormat.CompVis, []),
            ("c.bin", null, ConceptFormat.Delta, []),
            ("c.pt", null, ConceptFormat.Release, []),
            ("c.safetensors", "huggingface", ConceptFormat.HuggingFace, []),
            ("small.bin", null, ConceptFormat.Delta, ["--rank", "2", "--prior-weight", "0.5", "--regularization", _temp["cat", "00000.png"]]),
        ])
        {
            var (code, output, error) = await RunAsync(["customize", .. what, .. more, .. format is null ? (string[])[] : ["--format", format], "--out", _temp[file]]);
            Assert.True(code == 0, error);
            Assert.Contains("<new1>", output, StringComparison.Ordinal);
            Assert.Contains("3 exemplars, '<new1> cat'", error, StringComparison.Ordinal);
            Assert.Contains("step 2 of 2, loss ", error, StringComparison.Ordinal);
            using var model = GoldenDiffusion.Model();
            Assert.Equal(expected, ConceptWeights.FormatOf(_temp[file], model.UNet.Spec));
            Assert.Equal(file == "small.bin", ConceptWeights.Load(_temp[file], model.UNet.Spec).IsCompressed);
            Assert.False(File.Exists(CustomDiffusionTrainer.CheckpointOf(_temp[file])));
        }
    }

    [Fact]
    public async Task Several_concepts_come_from_a_list()
    {
        File.WriteAllText(_temp["concepts.json"], """
            [{"exemplar": ["cat"], "category": "cat"}, {"exemplar": ["cat/00001.png"], "style": true}, {"exemplar": ["cat"], "prompt": "a <x> photo", "token": "<x>", "initializer": "cat"}]
            """);
        var (code, _, error) = await RunAsync(
            "customize", "--model", _temp["model"], "--concepts", _temp["concepts.json"], "--steps", "1", "--batch", "1", "--no-augment", "--out", _temp["c.bin"]);
        Assert.True(code == 0, error);
        Assert.Contains("7 exemplars, '<new1> cat'; 'A picture in the style of <new2> art'; 'a <x> photo'", error, StringComparison.Ordinal);
        Assert.Equal(["<new1>", "<new2>", "<x>"], ConceptWeights.Load(_temp["c.bin"]).Tokens.Select(token => token.Name));
    }

    [Fact]
    public async Task A_customization_killed_again_and_again_ends_with_the_same_file()
    {
        string[] options = ["--model", _temp["model"], "--exemplar", _temp["cat"], "--style", "--steps", "4", "--batch", "2", "--resume", "--checkpoint-every", "1"];
        Assert.Equal(0, await CustomizeAsync("expected", kill: null));
        var (code, kills) = (137, 0);
        for (; code == 137; kills++)
        {
            code = await CustomizeAsync("again", kill: 1 + kills);
        }

        Assert.Equal(0, code);
        Assert.True(kills > 1, "it was never killed");
        Assert.Equal(File.ReadAllBytes(_temp["expected", "c.bin"]), File.ReadAllBytes(_temp["again", "c.bin"]));
        Assert.Single(Directory.GetFiles(_temp["again"]));

        async Task<int> CustomizeAsync(string folder, int? kill)
        {
            Directory.CreateDirectory(_temp[folder]);
            var (code, error) = await CliProcess.StopAsync(
                new FileSystemWatcher(_temp[folder], "*.checkpoint.safetensors"),
                WatcherChangeTypes.Renamed,
                kill,
                CliProcess.Kill,
                new Dictionary<string, string>(),
                ["customize", .. options, "--out", _temp[folder, "c.bin"]]);
            Assert.True(code is 0 or 137, error);
            return code;
        }
    }

    [Fact]
    public async Task Generate_draws_with_concepts_and_says_which_tokens_clash()
    {
        string[] what = ["--model", _temp["model"], "--exemplar", _temp["cat"], "--category", "cat", "--steps", "3", "--batch", "2", "--learning-rate", "0.05"];
        Assert.Equal(0, (await RunAsync(["customize", .. what, "--out", _temp["a.bin"]])).Code);
        Assert.Equal(0, (await RunAsync(["customize", .. what, "--seed", "1", "--out", _temp["b.bin"]])).Code);
        string[] draw = ["generate", "--model", _temp["model"], "--prompt", "<new1> cat", "--steps", "2", "--scheduler", "ddim"];
        var plain = await DrawAsync("plain");
        var custom = await DrawAsync("custom", "--custom", _temp["a.bin"]);
        Assert.NotEqual(plain, custom);
        Assert.NotEqual(custom, await DrawAsync("both", "--custom", _temp["a.bin"], _temp["b.bin"] + "=<other>"));

        foreach (var (expected, concepts) in ((string, string[])[])
        [
            ("The token '<new1>' is in ", [_temp["a.bin"], _temp["b.bin"]]),
            ("give as many different names", [_temp["a.bin"] + "=<x>,<y>"]),
            ("give as many different names", [_temp["a.bin"] + "=a b"]),
            ("none.bin", [_temp["none.bin"]]),
            ("delta_epoch=000004.ckpt", [_temp["delta_epoch=000004.ckpt"]]),
        ])
        {
            var (code, output, error) = await RunAsync([.. draw, "--custom", .. concepts, "--out", _temp["never"]]);
            Assert.Equal((2, ""), (code, output));
            Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            Assert.Contains(expected, error, StringComparison.Ordinal);
        }

        async Task<byte[]> DrawAsync(string folder, params string[] concepts)
        {
            var (code, _, error) = await RunAsync([.. draw, .. concepts, "--out", _temp[folder]]);
            Assert.True(code == 0, error);
            return Whence.Images.ImageDecoder.Decode(File.ReadAllBytes(Assert.Single(Directory.GetFiles(_temp[folder], "*.png")))).AsWords().ToArray().SelectMany(BitConverter.GetBytes).ToArray();
        }
    }

    public static TheoryData<string, string[]> BadInput => new()
    {
        { "no such folder or file", ["--model", "{folder}/none", "--exemplar", "{folder}/cat", "--style", "--out", "{folder}/c.bin"] },
        { "none.png", ["--exemplar", "{folder}/none.png", "--style", "--out", "{folder}/c.bin"] },
        { "holds no images", ["--exemplar", "{folder}/empty", "--style", "--out", "{folder}/c.bin"] },
        { "give images of the concept", ["--style", "--out", "{folder}/c.bin"] },
        { "one of category, style and prompt", ["--exemplar", "{folder}/cat", "--out", "{folder}/c.bin"] },
        { "one of category, style and prompt", ["--exemplar", "{folder}/cat", "--style", "--category", "cat", "--out", "{folder}/c.bin"] },
        { "does not hold the token", ["--exemplar", "{folder}/cat", "--prompt", "a cat", "--out", "{folder}/c.bin"] },
        { "name a file that ends in", ["--exemplar", "{folder}/cat", "--style", "--out", "{folder}/c.png"] },
        { "name a file that ends in", ["--exemplar", "{folder}/cat", "--style", "--out", "{folder}/none/c.bin"] },
        { "CompVis's layout names no tokens", ["--exemplar", "{folder}/cat", "--style", "--token", "<cat>", "--out", "{folder}/c.ckpt"] },
        { "file of its own", ["--exemplar", "{folder}/cat", "--style", "--token", "sks", "--out", "{folder}/c.pt"] },
        { "where this layout keeps the token", ["--exemplar", "{folder}/cat", "--style", "--format", "release", "--out", "{folder}/<new1>.bin"] },
        { "would replace", ["--exemplar", "{folder}/cat", "--style", "--token", "<old>", "--out", "{folder}/c.pt"] },
        { "the category is empty", ["--exemplar", "{folder}/cat", "--category", " ", "--out", "{folder}/c.bin"] },
        { "Batch ('40000') must be less than or equal to '32768'. (Parameter 'Batch') Actual", ["--exemplar", "{folder}/cat", "--style", "--batch", "40000", "--out", "{folder}/c.bin"] },
        { "raise it with --max-pixels", ["--exemplar", "{folder}/cat", "--style", "--max-pixels", "10", "--out", "{folder}/c.bin"] },
        { "path of an image is empty", ["--exemplar", "", "--style", "--out", "{folder}/c.bin"] },
        { "path of an image is empty", ["--concepts", "{folder}/null.json", "--out", "{folder}/c.bin"] },
        { "leave out", ["--concepts", "{folder}/bad.json", "--token", "<x>", "--out", "{folder}/c.bin"] },
        { "none.json", ["--concepts", "{folder}/none.json", "--out", "{folder}/c.bin"] },
        { "out of its range", ["--exemplar", "{folder}/cat", "--style", "--size", "1073741824", "--out", "{folder}/c.bin"] },
        { "out of its range", ["--exemplar", "{folder}/cat", "--style", "--mask-margin", "2147483647", "--out", "{folder}/c.bin"] },
        { "need --format delta", ["--exemplar", "{folder}/cat", "--style", "--rank", "4", "--out", "{folder}/c.pt"] },
        { "--rank must be", ["--exemplar", "{folder}/cat", "--style", "--energy", "2", "--out", "{folder}/c.bin"] },
        { "out of its range", ["--exemplar", "{folder}/cat", "--style", "--learning-rate", "0", "--out", "{folder}/c.bin"] },
        { "out of its range", ["--exemplar", "{folder}/cat", "--style", "--zoom-to", "1", "--out", "{folder}/c.bin"] },
        { "--flip-chance does nothing with --no-augment", ["--exemplar", "{folder}/cat", "--style", "--no-augment", "--flip-chance", "0.5", "--out", "{folder}/c.bin"] },
        { "--mask-margin does nothing with --no-augment", ["--exemplar", "{folder}/cat", "--style", "--mask-margin", "0", "--no-augment", "--out", "{folder}/c.bin"] },
        { "multiple of 4", ["--exemplar", "{folder}/cat", "--style", "--size", "18", "--out", "{folder}/c.bin"] },
        { "needs --regularization", ["--exemplar", "{folder}/cat", "--style", "--regularization-caption", "a", "--out", "{folder}/c.bin"] },
        { "needs --regularization-caption", ["--exemplar", "{folder}/cat", "--style", "--regularization", "{folder}/cat", "--out", "{folder}/c.bin"] },
        { "no list of concepts", ["--concepts", "{folder}/bad.json", "--out", "{folder}/c.bin"] },
        { "leave out", ["--concepts", "{folder}/bad.json", "--style", "--out", "{folder}/c.bin"] },
        { "steps must be at least 1", ["--exemplar", "{folder}/cat", "--style", "--steps", "0", "--out", "{folder}/c.bin"] },
        { "--resume", ["--exemplar", "{folder}/cat", "--style", "--out", "{folder}/begun.bin"] },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public async Task Bad_input_gives_one_line_and_nothing_is_written(string expected, string[] args)
    {
        Directory.CreateDirectory(_temp["empty"]);
        File.WriteAllText(_temp["bad.json"], """[{"exemplars": ["cat"]}]""");
        File.WriteAllText(_temp["null.json"], """[{"exemplar": [null], "style": true}]""");
        File.WriteAllText(_temp["begun.checkpoint.safetensors"], "precious");
        File.WriteAllText(_temp["<old>.bin"], "precious");
        string[] given = args.Contains("--model") ? args : ["--model", "{folder}/model", .. args];
        var (code, output, error) = await RunAsync(["customize", .. given.Select(arg => arg.Replace("{folder}", _temp.Path, StringComparison.Ordinal))]);
        Assert.Equal((2, ""), (code, output));
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Equal(["<old>.bin", "bad.json", "begun.checkpoint.safetensors", "null.json"], Directory.GetFiles(_temp.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal("precious", File.ReadAllText(_temp["begun.checkpoint.safetensors"]));
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await WhenceCommand.RunAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
