using Whence.Cli;
using Whence.Tests.Datasets.Abc;
using Whence.Tests.Torch.Diffusion.Training;
using Whence.Tests.Torch.Study;
using Whence.Torch.Diffusion;
using Whence.Torch.Study;

namespace Whence.Tests.Cli;

public sealed class StudyCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task A_study_killed_again_and_again_ends_with_the_same_report_which_a_further_run_leaves_alone()
    {
        var recipe = ToyStudy.Write(_temp["r"]);
        Assert.Equal(0, await StudyAsync("expected", kill: null));
        var (code, kills) = (137, 0);
        for (; code == 137; kills++)
        {
            code = await StudyAsync("killed", kill: 5 + (6 * kills));
        }

        Assert.Equal(0, code);
        Assert.True(kills > 3, "it was hardly ever killed");
        Assert.Equal(ToyStudy.Report(_temp["expected"]), ToyStudy.Report(_temp["killed"]));

        using var output = new StringWriter();
        Assert.Equal(0, await WhenceCommand.RunAsync(["study", recipe, "--out", _temp["killed"], "--threads", "1"], output, TextWriter.Null));
        Assert.Equal($"{_temp["killed", "report", "report.md"]}: 0 steps done, 8 were done before.", output.ToString().Trim());

        // Killed as soon as so many files have come to their places: within steps, and between them.
        async Task<int> StudyAsync(string folder, int? kill)
        {
            Directory.CreateDirectory(_temp[folder]);
            var (code, error) = await CliProcess.StopAsync(
                new FileSystemWatcher(_temp[folder]) { IncludeSubdirectories = true },
                WatcherChangeTypes.Renamed,
                kill,
                CliProcess.Kill,
                new Dictionary<string, string>(),
                "study", recipe, "--out", _temp[folder], "--threads", "1");
            Assert.True(code is 0 or 137, error);
            return code;
        }
    }

    [Fact]
    public async Task Data_sets_are_made_first_and_once()
    {
        AbcFixture.Write(_temp.Path);
        using (var model = ToyGenerator.Model())
        {
            model.Save(_temp["base"]);
        }

        DiffusionFeatures.Describe(_temp["base"], _temp["mid-block.json"], 100);

        File.WriteAllText(_temp["study.json"], """
            {
              "format": "whence-study", "version": 1,
              "datasets": [{"build": "recipe.json", "out": "abc"}],
              "sources": {"distractors": "things", "captions": "abc/captions.csv", "test": ["abc/test_things.json", "abc/test_looks.json"]},
              "spaces": [{"label": "Pixels", "encoder": "pixels"}, {"label": "Mid block", "encoder": "mid-block.json"}],
              "variants": []
            }
            """);
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(0, await WhenceCommand.RunAsync(["study", _temp["study.json"]], output, error));
        Assert.Contains("7 of 7 models", error.ToString(), StringComparison.Ordinal);
        Assert.Equal($"{_temp["study-study", "report", "report.md"]}: 11 steps done.", output.ToString().Trim());
        Assert.StartsWith("\"data set abc\",yes,", File.ReadLines(_temp["study-study", StudyTimings.FileName]).ElementAt(1), StringComparison.Ordinal);

        // The samples' captions come out of the data set; what lies in 'things' has none.
        Assert.Equal(["Mid block: 12 images have no caption, an empty one stands for it", "Mid block: 1 images have no caption, an empty one stands for it", "Mid block: 2 images have no caption, an empty one stands for it"],
            error.ToString().Split('\n').Where(line => line.Contains("no caption", StringComparison.Ordinal)));

        var made = File.GetLastWriteTimeUtc(_temp["abc/models/things-0000/model.json"]);
        Assert.Equal(0, await WhenceCommand.RunAsync(["study", _temp["study.json"]], TextWriter.Null, TextWriter.Null));
        Assert.Equal(made, File.GetLastWriteTimeUtc(_temp["abc/models/things-0000/model.json"]));
    }

    [Fact]
    public async Task A_bad_recipe_gives_one_line_and_nothing_is_written()
    {
        var recipe = ToyStudy.Write(_temp["r"], r => r["trainings"] = 1);
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(2, await WhenceCommand.RunAsync(["study", recipe, "--out", _temp["out"]], output, error));
        Assert.Equal("", output.ToString());
        Assert.StartsWith($"error: {recipe}: there is no key 'trainings'", error.ToString(), StringComparison.Ordinal);
        Assert.Single(error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.False(Directory.Exists(_temp["out"]));
    }
}
