using Whence.Cli;
using Whence.Tests.Datasets.Abc;
using Whence.Tests.Torch.Diffusion.Training;

namespace Whence.Tests.Cli;

public sealed class DatasetBuildCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task What_failed_the_check_and_what_is_a_copy_is_told_when_all_models_are_there()
    {
        var recipe = AbcFixture.Write(_temp.Path, text => text.Replace("\"shows\": -2", "\"shows\": 2"));
        using (var model = ToyGenerator.Model())
        {
            model.Save(_temp["base"]);
        }

        foreach (var part in (string[])["0", "1"])
        {
            var (code, output, _) = await RunAsync("dataset", "build", recipe, "--out", _temp[part], "--shard", $"{part}/2");
            Assert.Equal(0, code);
            Assert.DoesNotContain("checked", output, StringComparison.Ordinal);
        }

        var (merged, told, _) = await RunAsync("dataset", "merge", _temp["0"], _temp["1"], "--out", _temp["all"]);
        Assert.Equal(0, merged);
        Assert.Contains("7 models checked, 7 left out of the lists: of 7 samples do not show the exemplars, of 0 they do not follow their prompts.", told, StringComparison.Ordinal);
        Assert.Contains("of 44 samples are copies of an exemplar.", told, StringComparison.Ordinal);
        var (built, again, _) = await RunAsync("dataset", "build", recipe, "--out", _temp["all"]);
        Assert.Equal((0, told[told.IndexOf("7 models", StringComparison.Ordinal)..]), (built, again[again.IndexOf("7 models checked", StringComparison.Ordinal)..]));
    }

    [Fact]
    public async Task Without_room_it_says_what_to_do_and_with_room_goes_on_to_the_bytes_of_a_build_that_always_had_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "shells limit files elsewhere");
        var recipe = AbcFixture.Write(_temp.Path, text => text.Replace("\"augment\": false", "\"augment\": false, \"keep\": true"));
        using (var model = ToyGenerator.Model())
        {
            model.Save(_temp["base"]);
        }

        Assert.Equal(0, (await RunAsync("dataset", "build", recipe, "--out", _temp["whole"])).Code);
        const string Concept = "models/things-0000/concept.safetensors", Manifest = "manifest.json";

        // Each is longer than all that are written before it.
        (string File, long Room, int Models)[] stops = [("dataset.json", 2048, 0), (Concept, Length(Concept) - 1, 0), (Manifest, Length(Manifest) - 1, 7)];
        foreach (var (file, room, models) in stops)
        {
            var (code, _, error) = await CliProcess.RunWithLimitAsync(room, "dataset", "build", recipe, "--out", _temp["out"]);
            Assert.Equal(2, code);
            Assert.Matches($@"(^|\n)error: '[^\n]*{file}' cannot be written: [^\n]*make room[^\n]*\n$", error);
            Assert.False(File.Exists(_temp["out", file]));
            Assert.Equal(models, Directory.GetFiles(_temp["out"], "model.json", SearchOption.AllDirectories).Length);
            Assert.Empty(Directory.GetFiles(_temp["out"], "*.whence-tmp", SearchOption.AllDirectories));
        }

        Assert.Equal(0, (await RunAsync("dataset", "build", recipe, "--out", _temp["out"])).Code);
        Search.IndexBuilderTests.AssertSameFiles(_temp["whole"], _temp["out"]);

        long Length(string file) => new FileInfo(_temp["whole", file]).Length;
    }

    [Fact]
    public async Task Exemplars_that_are_no_images_are_told_where_too_few_are_left()
    {
        var recipe = AbcFixture.Write(_temp.Path);
        foreach (var (i, file) in Directory.GetFiles(_temp["things"]).Index())
        {
            File.WriteAllText(file, $"no image {i}");
        }

        await AssertRefusedAsync(recipe, @"The set '(things|looks)' .* \d+ images cannot be read and were left out \(.*\.png: the file is not a .*convert or remove it\)\.");
    }

    [Fact]
    public async Task A_category_without_prompts_is_named()
    {
        var recipe = AbcFixture.Write(_temp.Path);
        var list = _temp["prompts", "objects", "any.txt"];
        File.WriteAllText(list, "for: kind0, kind1\n" + File.ReadAllText(list));
        await AssertRefusedAsync(recipe, "has no prompts for 'kind[2-5]'.*write one, or ask a chat model");
    }

    [Theory]
    [InlineData("things")]
    [InlineData("copies")]
    public async Task What_one_set_trains_with_no_other_tests_with(string images)
    {
        var recipe = AbcFixture.Write(_temp.Path, text => text.Replace(
            "\"sets\": [", $$"""
            "sets": [
                { "name": "again", "kind": "object", "images": ["{{images}}"], "metadata": "about.csv", "category": "kind", "group": "family", "models": { "test": 12 } },
            """));
        Directory.CreateDirectory(_temp["copies"]);
        foreach (var file in Directory.GetFiles(_temp["things"]))
        {
            File.Copy(file, _temp["copies", Path.GetFileName(file)]);
        }

        await AssertRefusedAsync(recipe, @"'\d+\.png' would be an exemplar of things-\d+ for (train|validation) and of again-\d+, which is tested with; give the sets 'things' and 'again' different images");
    }

    private async Task AssertRefusedAsync(string recipe, string message)
    {
        var (code, output, error) = await RunAsync("dataset", "build", recipe, "--out", _temp["out"]);
        Assert.Equal((2, ""), (code, output));
        Assert.Matches($@"^error: .*{message}.*\n$", error); // one line
        Assert.False(Path.Exists(_temp["out"]));
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await WhenceCommand.RunAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
