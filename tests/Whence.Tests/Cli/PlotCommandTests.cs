using Whence.Cli;
using Whence.Tests.Reports.Plots;

namespace Whence.Tests.Cli;

public sealed class PlotCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public PlotCommandTests()
    {
        foreach (var (name, tuned) in new[] { ("raw", false), ("tuned", true) })
        {
            Directory.CreateDirectory(_temp[name]);
            MadeUpRuns.Run(name, tuned ? 2 : 3, tuned, ["objects", "styles"], models: 4).Results.Save(_temp[name, "results.json"]);
        }

        File.WriteAllText(_temp["curve.csv"], MadeUpRuns.TrainingCurve());
        File.WriteAllText(_temp["file"], "");
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task Runs_are_drawn_side_by_side_under_their_folders_names()
    {
        var (code, output, error) = await RunAsync(_temp["raw", "results.json"], _temp["tuned", "results.json"], "--training", _temp["curve.csv"], "--out", _temp["out"]);
        Assert.Equal((0, ""), (code, error));
        var files = output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal(Directory.GetFiles(_temp["out"]).Order(StringComparer.Ordinal), files.Order(StringComparer.Ordinal));
        Assert.All((string[])["feature-spaces-recall-10.svg", "gains-map.png", "ablations-recall-1.svg", "against-map-styles-objects.svg", "gains-against-map-styles-objects.png", "training.svg"],
            name => Assert.Contains(_temp["out", name], files));
        var svg = File.ReadAllText(_temp["out", "feature-spaces-map.svg"]);
        Assert.Contains("aria-label=\"raw\"", svg, StringComparison.Ordinal);
        Assert.Contains("aria-label=\"tuned\"", svg, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Labels_and_pairs_are_taken()
    {
        var (code, _, _) = await RunAsync(
            _temp["raw", "results.json"], _temp["tuned", "results.json"], "--label", "DINO", "DINO, styles", "--against", "styles=objects", "--out", _temp["out"]);
        Assert.Equal(0, code);
        Assert.Contains("aria-label=\"DINO, styles\"", File.ReadAllText(_temp["out", "against-map-objects-styles.svg"]), StringComparison.Ordinal);
    }

    public static TheoryData<string, string[]> BadInput => new()
    {
        { "--out", ["{raw}"] },
        { "nothing to plot", ["--out", "{out}"] },
        { "1 labels for 2 runs", ["{raw}", "{raw}", "--label", "a", "--out", "{out}"] },
        { "expected two test cases", ["{raw}", "--against", "objects", "--out", "{out}"] },
        { "'nowhere'", ["{raw}", "{tuned}", "--against", "objects=nowhere", "--out", "{out}"] },
        { "not the results of an evaluation", ["{curve}", "--out", "{out}"] },
        { "no column 'epoch'", ["--training", "{file}", "--out", "{out}"] },
        { "binary: is no CSV file; give the one that a training wrote.\n", ["--training", "{binary}", "--out", "{out}"] },
        { "is a file", ["{raw}", "--out", "{file}"] },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public async Task Bad_input_gives_one_line_and_exit_code_2(string expected, string[] args)
    {
        File.WriteAllText(_temp["binary"], "epoch,loss\n\"1\"2\"\n");
        var (code, output, error) = await RunAsync([.. args.Select(arg => arg switch
        {
            "{raw}" or "{tuned}" => _temp[arg[1..^1], "results.json"],
            "{curve}" => _temp["curve.csv"],
            "{file}" or "{out}" or "{binary}" => _temp[arg[1..^1]],
            _ => arg,
        })]);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.False(Directory.Exists(_temp["out"]));
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await WhenceCommand.RunAsync(["plot", .. args], output, error);
        return (code, output.ToString(), error.ToString());
    }
}
