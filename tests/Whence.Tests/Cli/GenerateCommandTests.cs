using System.Text.Json;
using Whence.Cli;
using Whence.Images;
using Whence.Tests.Torch.Diffusion;

namespace Whence.Tests.Cli;

public sealed class GenerateCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public GenerateCommandTests()
    {
        using var model = GoldenDiffusion.Model();
        model.Save(_temp["tiny"]);
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task Prompts_become_numbered_images_with_their_parameters_in_them()
    {
        string[] args =
        [
            "--prompt", "A red circle, on white!", "<new1> cat", "--negative", "blue", "--steps", "3", "--guidance", "6", "--scheduler", "ddim", "--eta", "1", "--seed", "41",
            "--count", "2", "--batch", "3", "--size", "24x16", "--out", _temp["out"],
        ];
        var (code, output, error) = await RunAsync(args);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal($"{_temp["out"]}: 4 images drawn.\n", output);
        string[] names = ["0001-a-red-circle-on-white-41.png", "0002-a-red-circle-on-white-42.png", "0003-new1-cat-41.png", "0004-new1-cat-42.png"];
        Assert.Equal(names, Files("out"));

        var texts = PngText.Read(_temp["out", names[1]]);
        var lines = texts["parameters"].Split('\n');
        Assert.Equal(["A red circle, on white!", "Negative prompt: blue"], lines[..2]);
        Assert.StartsWith("Steps: 3, Sampler: DDIM, CFG scale: 6, Seed: 42, Size: 24x16, Model hash: ", lines[2], StringComparison.Ordinal);
        Assert.EndsWith(", Model: tiny, Eta DDIM: 1, Version: Whence", lines[2], StringComparison.Ordinal);
        using var json = JsonDocument.Parse(texts["whence"]);
        Assert.Equal(
            ("A red circle, on white!", "blue", 42, 3, 6.0, 1.0, 24, 16, "tiny", "DDIMScheduler"),
            (Text("prompt"), Text("negativePrompt"), Number("seed"), Number("steps"), Number("guidance"), Number("eta"), Number("width"), Number("height"), Text("model"),
                json.RootElement.GetProperty("scheduler").GetProperty("_class_name").GetString()));
        Assert.Equal(64, Text("weights")!.Length);
        var image = ImageDecoder.Decode(File.ReadAllBytes(_temp["out", names[1]]));
        Assert.Equal((24, 16), (image.Width, image.Height));

        // The same again has nothing to do; what is missing is drawn again to the same bytes.
        var before = names.Select(name => File.ReadAllBytes(_temp["out", name])).ToArray();
        File.Delete(_temp["out", names[2]]);
        (code, output, _) = await RunAsync(args);
        Assert.Equal((0, $"{_temp["out"]}: 1 images drawn, 3 were there already.\n"), (code, output));
        Assert.Equal(before, names.Select(name => File.ReadAllBytes(_temp["out", name])));

        string? Text(string key) => json.RootElement.GetProperty(key).GetString();

        double Number(string key) => json.RootElement.GetProperty(key).GetDouble();
    }

    [Fact]
    public async Task Other_files_are_replaced_only_where_that_is_said()
    {
        string[] args = ["--prompt", "a cat", "--steps", "2", "--out", _temp["out"]];
        Assert.Equal(0, (await RunAsync(args)).Code);
        var (code, output, error) = await RunAsync([.. args, "--guidance", "3"]);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains("0001-a-cat-0.png' is there, and is not what this run would draw", error, StringComparison.Ordinal);
        var first = File.ReadAllBytes(_temp["out", "0001-a-cat-0.png"]);
        Assert.Equal(0, (await RunAsync([.. args, "--guidance", "3", "--overwrite"])).Code);
        Assert.NotEqual(first, File.ReadAllBytes(_temp["out", "0001-a-cat-0.png"]));
    }

    [Theory]
    [InlineData("--size 16x", "such as 512x512")]
    [InlineData("--size 16x16x16", "such as 512x512")]
    [InlineData("--size 0", "such as 512x512")]
    [InlineData("--size 15", "the width is 15 pixels")]
    [InlineData("--count 2000000000", "more than 1000000 images")]
    [InlineData("--guidance 1e9", "from 0 to 1000000")]
    [InlineData("--size 15x16", "the width is 15 pixels, but must be a multiple of 2")]
    [InlineData("--steps 0", "--steps must be at least 1")]
    [InlineData("--steps 2000", "choose from 1 to 1000")]
    [InlineData("--guidance -1", "--guidance is -1")]
    [InlineData("--eta 1", "--scheduler ddim")]
    [InlineData("--scheduler heun", "'ddim'")]
    [InlineData("--model nowhere", "no such folder or file")]
    public async Task What_cannot_be_is_one_line(string args, string part)
    {
        string[] model = args.StartsWith("--model", StringComparison.Ordinal) ? [] : ["--model", _temp["tiny"]];
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = await WhenceCommand.RunAsync(["generate", .. model, "--prompt", "a cat", .. args.Split(' '), "--out", _temp["none"]], output, error);
        Assert.Equal((2, ""), (code, output.ToString()));
        Assert.Contains(part, error.ToString(), StringComparison.Ordinal);
        Assert.Single(error.ToString().TrimEnd().Split('\n'));
        Assert.False(Directory.Exists(_temp["none"]));
    }

    [Fact]
    public async Task Interrupted_again_and_again_it_ends_with_the_same_images()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals");
        string[] options = ["--model", _temp["tiny"], "--prompt", "a cat", "--steps", "10", "--count", "6"];
        Assert.Equal(0, (await WhenceAsync(["generate", .. options, "--out", _temp["expected"]])).Code);
        Directory.CreateDirectory(_temp["out"]);
        var (code, stops) = (130, 0);
        for (; code == 130 && stops < 20; stops++)
        {
            (code, var error) = await CliProcess.StopAsync(
                new FileSystemWatcher(_temp["out"], "*.png"), WatcherChangeTypes.Renamed, at: 2, CliProcess.Interrupt, new Dictionary<string, string>(), ["generate", .. options, "--out", _temp["out"]]);
            var finished = Files("out").Length == Files("expected").Length; // then there was nothing left to interrupt
            Assert.True(code == 0 || (code == 130 && finished) || error.Contains("what was finished is kept", StringComparison.Ordinal), error);
        }

        Assert.True(code == 0 && stops > 1, $"{stops} runs, the last ended with {code}");
        Assert.Equal(Files("expected"), Files("out"));
        Assert.All(Files("out"), name => Assert.Equal(File.ReadAllBytes(_temp["expected", name]), File.ReadAllBytes(_temp["out", name])));
    }

    [Fact]
    public async Task Any_text_is_a_prompt()
    {
        string[] args = ["--prompt", "", "@home", "two\nlines\r\n", "猫\ud83d\ude00", "half \ud83d", "nul \0", "--steps", "1", "--size", "16", "--out", _temp["out"]];
        var (code, output, _) = await RunAsync(args);
        Assert.Equal((0, $"{_temp["out"]}: 6 images drawn.\n"), (code, output));
        Assert.Equal(["0001-image-0.png", "0002-home-0.png", "0003-two-lines-0.png", "0004-猫-0.png", "0005-half-0.png", "0006-nul-0.png"], Files("out"));
        Assert.StartsWith("two\nlines", PngText.Read(_temp["out", "0003-two-lines-0.png"])["parameters"], StringComparison.Ordinal);
        (code, output, _) = await RunAsync(args);
        Assert.Equal((0, $"{_temp["out"]}: 0 images drawn, 6 were there already.\n"), (code, output));
    }

    [Fact]
    public async Task What_stands_in_the_way_is_told_before_anything_is_drawn()
    {
        Directory.CreateDirectory(_temp["out", "0001-a-cat-0.png"]);
        var (code, _, error) = await RunAsync(["--prompt", "a cat", "--out", _temp["out"]]);
        Assert.Equal(2, code);
        Assert.Contains("0001-a-cat-0.png' is there, and is not what this run would draw", error, StringComparison.Ordinal);
        File.WriteAllText(_temp["file"], "");
        Assert.Contains("is a file; name a folder", (await RunAsync(["--prompt", "a cat", "--out", _temp["file"]])).Error, StringComparison.Ordinal);
        Assert.Contains("is empty; name a folder", (await RunAsync(["--prompt", "a cat", "--out", ""])).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_computes_otherwise_draws_anew()
    {
        string[] args = ["--prompt", "a cat", "--steps", "1", "--out", _temp["out"]];
        Assert.Equal(0, (await RunAsync(args)).Code);
        var path = _temp["tiny", "vae", "config.json"];
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"scaling_factor\": 0.18215", "\"scaling_factor\": 0.5", StringComparison.Ordinal));
        Assert.Contains("is not what this run would draw", (await RunAsync(args)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_that_is_too_long_is_told()
    {
        var (code, _, error) = await RunAsync(["--prompt", string.Join(' ', Enumerable.Repeat("cat", 30)) + new string('\n', 1000), "--steps", "1", "--out", _temp["out"]]);
        Assert.Equal(0, code);
        Assert.Contains("has 32 tokens, the model reads 20", error, StringComparison.Ordinal);
        Assert.InRange(error.Split('\n')[0].Length, 150, 250);
        Assert.Single(Files("out"));
    }

    [Fact]
    public async Task A_model_becomes_an_encoder_that_says_how_many_images_have_no_caption()
    {
        TestImages.WriteFolder(_temp["photos"], 3);
        File.WriteAllText(_temp["photos", "00001.txt"], "a cat");
        var (code, output, error) = await WhenceAsync("encoders", "describe", "--model", _temp["tiny"], "--out", _temp["sd.json"]);
        Assert.Equal((0, ""), (code, error));
        (code, output, error) = await WhenceAsync("features", _temp["photos"], "--encoder", _temp["sd.json"], "--out", _temp["f.safetensors"]);
        Assert.Equal(0, code);
        Assert.Contains("2 of 3 images have no caption", error, StringComparison.Ordinal);
        Assert.Contains("3 images encoded", output, StringComparison.Ordinal);
        (code, _, error) = await WhenceAsync("index", _temp["photos"], "--encoder", _temp["sd.json"], "--out", _temp["index"]);
        Assert.Equal(0, code);
        Assert.Contains("2 of 3 images have no caption", error, StringComparison.Ordinal);
        File.WriteAllText(_temp["c.csv"], "file,caption\n00000.png,a dog\n00002.png,a dog\n");
        (code, _, error) = await WhenceAsync("features", _temp["photos"], "--encoder", _temp["sd.json"], "--captions", _temp["c.csv"], "--out", _temp["g.safetensors"]);
        Assert.Equal((0, ""), (code, error));
        (code, _, error) = await WhenceAsync("features", _temp["photos"], "--captions", _temp["c.csv"], "--out", _temp["h.safetensors"]);
        Assert.Equal(2, code);
        Assert.Contains("--captions does nothing with encoder", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_an_image_that_was_drawn_the_prompt_is_the_caption_where_none_lies_beside_it()
    {
        Assert.Equal(0, (await RunAsync(["--prompt", "a <new1> cat", "--steps", "1", "--out", _temp["drawn"]])).Code);
        var name = Assert.Single(Files("drawn"));
        Assert.Equal(0, (await WhenceAsync("encoders", "describe", "--model", _temp["tiny"], "--out", _temp["sd.json"])).Code);
        Directory.CreateDirectory(_temp["photos"]);
        File.Copy(_temp["drawn", name], _temp["photos", name]);
        File.WriteAllText(_temp["photos", Path.ChangeExtension(name, ".txt")], "a dog");
        Assert.Equal(0, (await WhenceAsync("index", _temp["photos"], "--encoder", _temp["sd.json"], "--out", _temp["index"])).Code);

        var (drawn, error) = await SimilarityAsync("drawn");
        Assert.Contains("1 of 1 images have no caption beside them, but the prompt that Whence drew them by", error, StringComparison.Ordinal);
        Assert.DoesNotContain("an empty one", error, StringComparison.Ordinal);
        File.WriteAllText(_temp["drawn", Path.ChangeExtension(name, ".txt")], "a cat");
        Assert.Equal((drawn, ""), await SimilarityAsync("drawn"));
        File.WriteAllText(_temp["drawn", Path.ChangeExtension(name, ".txt")], "another caption");
        Assert.NotEqual(drawn, (await SimilarityAsync("drawn")).Similarity);

        File.Delete(_temp["drawn", Path.ChangeExtension(name, ".txt")]);
        Assert.Contains("but the prompt", (await WhenceAsync("explain", _temp["drawn", name], "0", "--index", _temp["index"], "--encoder", _temp["sd.json"])).Error, StringComparison.Ordinal);
        TestImages.WriteFolder(_temp["drawn"], 2);
        (_, error) = await SimilarityAsync("drawn");
        Assert.Contains("1 of 3 images have no caption beside them, but the prompt", error, StringComparison.Ordinal);
        Assert.Contains("2 of 3 images have no caption; the encoder looked at them with an empty one", error, StringComparison.Ordinal);

        async Task<(double Similarity, string Error)> SimilarityAsync(string folder)
        {
            var (code, output, error) = await WhenceAsync("attribute", _temp[folder], "--index", _temp["index"], "--encoder", _temp["sd.json"], "--format", "jsonl");
            Assert.True(code == 0, error);
            using var json = JsonDocument.Parse(output.Split('\n')[0]);
            return (json.RootElement.GetProperty("results")[0].GetProperty("similarity").GetDouble(), error);
        }
    }

    private string[] Files(string folder) => [.. Directory.GetFiles(_temp[folder]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private Task<(int Code, string Output, string Error)> RunAsync(string[] args) => WhenceAsync(["generate", "--model", _temp["tiny"], .. args]);

    private static async Task<(int Code, string Output, string Error)> WhenceAsync(params string[] args)
    {
        var (output, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        var code = await WhenceCommand.RunAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
