using System.Text.Json;
using Whence.Calibration;
using Whence.Cli;
using Whence.Datasets;
using Whence.Mapping;
using Whence.Tests.Evaluation;
using Whence.Vectors;

namespace Whence.Tests.Cli;

public sealed class CalibrateCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public CalibrateCommandTests()
    {
        Planted.TestCase("fit", 1).Save(_temp["fit.safetensors"]);
        Planted.TestCase("other", 2).Save(_temp["other.safetensors"]);
        var distractors = Planted.Distractors(99, 900);
        SafetensorsFile.Write(_temp["d.safetensors"], [TensorData.FromSingle("feats", [.. distractors.SelectMany(d => d)], distractors.Length, Planted.Dimension)]);
    }

    private string[] Small => ["--features", _temp["fit.safetensors"], "--distractors", _temp["d.safetensors"], "--top", "200", "--steps", "60"];

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task From_features_to_a_calibration_and_a_report_on_other_queries()
    {
        var (code, output, error) = await RunAsync(
            [.. Small, "--test-case", _temp["other.safetensors"], "--none", "--domain", "points on a sphere", "--out", _temp["c.json"], "--report", _temp["report"]]);

        Assert.Equal((0, ""), (code, error));
        var calibrator = Calibrator.Load(_temp["c.json"]);
        Assert.True(calibrator is { Encoder: "test", Mapper: "", None.Slope: < 0, Tau: < 0.5 });
        Assert.Equal((180, 200, 60, 900L, "fit"), (calibrator.Fit!.Queries, calibrator.Fit.Top, calibrator.Fit.Steps, calibrator.Fit.Distractors, calibrator.Fit.Features[0].Name));
        Assert.Equal(64, calibrator.Fit.Features[0].Sha256.Length);
        Assert.Contains("KL divergence", output, StringComparison.Ordinal);
        Assert.Contains("180 queries that it was not fitted to", output, StringComparison.Ordinal);
        Assert.Equal(
            ["calibration.md", "fit.csv", "influence.csv", "reliability.csv", "report.json"], Directory.GetFiles(_temp["report"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal(
            ["influence-distribution.png", "influence-distribution.svg", "reliability.png", "reliability.svg"],
            Directory.GetFiles(_temp["report", "plots"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        using var report = JsonDocument.Parse(File.ReadAllBytes(_temp["report", "report.json"]));
        Assert.Equal(calibrator.Tau, report.RootElement.GetProperty("tau").GetDouble());
        Assert.True(report.RootElement.GetProperty("report").GetProperty("heldOut").GetBoolean());
        Assert.Equal(1 + (2 * 3 * 34), File.ReadAllLines(_temp["report", "influence.csv"]).Length);
        Assert.StartsWith("step,loss,inv_tau,bias,tau,lambda\r\n0,", File.ReadAllText(_temp["report", "fit.csv"]), StringComparison.Ordinal);
        Assert.Contains("## None of these", File.ReadAllText(_temp["report", "calibration.md"]), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_temp.Path, "*similarities*"));
    }

    [Fact]
    public async Task An_index_and_the_authors_layout_give_the_same_numbers_and_fitted_queries_are_called_so()
    {
        Assert.Equal(0, await WhenceCommand.RunAsync(["index", "--from-features", _temp["d.safetensors"], "--out", _temp["index"], "--dtype", "float32"], TextWriter.Null, TextWriter.Null));
        Assert.Equal(0, (await RunAsync([.. Small, "--out", _temp["a.json"], "--keep", _temp["keep"]])).Code);
        Assert.True(File.Exists(_temp["keep", "a.json.similarities"]));
        var (code, output, _) = await RunAsync(["--index", _temp["index"], .. Small[..2], .. Small[4..], "--out", _temp["b.pth"]]);
        Assert.Equal(0, code);
        Assert.Contains("that it was fitted to, which flatters it", output, StringComparison.Ordinal);
        var (a, b) = (Calibrator.Load(_temp["a.json"]), Calibrator.Load(_temp["b.pth"]));
        Assert.Equal(a.Tau, b.Tau, a.Tau * 1e-6);
        Assert.Equal(a.Lambda, b.Lambda, Math.Abs(a.Lambda) * 1e-6);
        Assert.Null(a.None);
        (_, output, _) = await RunAsync([.. Small, "--test-case", _temp["fit.safetensors"], _temp["other.safetensors"], "--out", _temp["c.json"]]);
        Assert.Contains("that it was fitted to, which flatters it", output, StringComparison.Ordinal);
    }

    public static TheoryData<string, string[]> BadInput => new()
    {
        { "--out", ["--features", "{fit}", "--distractors", "{d}"] },
        { "either --index DIR or --distractors FILE", ["--features", "{fit}", "--out", "{c}.json"] },
        { "either --index DIR or --distractors FILE", ["--features", "{fit}", "--out", "{c}.json", "--index", "{folder}", "--distractors", "{d}"] },
        { "no such folder", ["--features", "{fit}", "--out", "{c}.json", "--index", "{d}"] },
        { "does not exist", ["--features", "{missing}", "--distractors", "{d}", "--out", "{c}.json"] },
        { "must end in .json", ["--features", "{fit}", "--distractors", "{d}", "--out", "{c}.txt"] },
        { "no room for --domain", ["--features", "{fit}", "--distractors", "{d}", "--domain", "photographs", "--out", "{c}.pth"] },
        { "--domain is empty", ["--features", "{fit}", "--distractors", "{d}", "--domain", " ", "--out", "{c}.json"] },
        { "no room for --none", ["--features", "{fit}", "--distractors", "{d}", "--none", "--out", "{c}.pth"] },
        { "no such folder", ["--features", "{fit}", "--distractors", "{d}", "--out", "{missing}/c.json"] },
        { "--top must be at least 2", ["--features", "{fit}", "--distractors", "{d}", "--top", "1", "--out", "{c}.json"] },
        { "--top must be at most", ["--features", "{fit}", "--distractors", "{d}", "--top", "200000000", "--out", "{c}.json"] },
        { "raise the number of candidates", ["--features", "{fit}", "--distractors", "{d}", "--top", "2", "--out", "{c}.json"] },
        { "--learning-rate", ["--features", "{fit}", "--distractors", "{d}", "--learning-rate", "0", "--out", "{c}.json"] },
        { "'dino'", ["--features", "{fit}", "--distractors", "{d}", "--encoder", "dino", "--out", "{c}.json"] },
        { "called 'fit'", ["--features", "{fit}", "{fit}", "--distractors", "{d}", "--out", "{c}.json"] },
        { "for another encoder", ["--features", "{fit}", "--distractors", "{d}", "--mapper", "{mapper}", "--out", "{c}.json"] },
        { "exemplar", ["--features", "{d}", "--distractors", "{d}", "--out", "{c}.json"] },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public async Task Bad_input_gives_one_line_and_exit_code_2(string expected, string[] args)
    {
        Directory.CreateDirectory(_temp["folder"]);
        new MapperPair(new ChannelMapper([1, 1, 1]), new ChannelMapper([1, 1, 1]), "m").Save(_temp["mapper.safetensors"]);
        var (code, output, error) = await RunAsync([.. args.Select(arg => arg.StartsWith('{') && arg.IndexOf('}', StringComparison.Ordinal) is var end
            ? arg == "{folder}" ? _temp["folder"] : _temp[arg[1..end]] + (end == arg.Length - 1 ? ".safetensors" : arg[(end + 1)..])
            : arg)]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.False(File.Exists(_temp["c.json"]));
    }

    [Fact]
    public async Task Exemplars_like_any_other_image_cannot_be_fitted()
    {
        // Each query lies opposite to its exemplar.
        var testCase = new TestCaseFeatures("odd", new FeatureMatrix(1, Planted.Dimension, [.. Enumerable.Repeat(-1f, 12)]), [new(0, 1)],
            [new("gpt", new FeatureMatrix(1, Planted.Dimension, [.. Enumerable.Repeat(1f, 12)]), [0], null)]);
        testCase.Save(_temp["odd.safetensors"]);
        var (code, _, error) = await RunAsync(["--features", _temp["odd.safetensors"], "--distractors", _temp["d.safetensors"], "--out", _temp["c.json"]]);
        Assert.Equal(2, code);
        Assert.Contains("no more similar to their queries", error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_temp.Path, "c.json*"));
    }

    [Fact]
    public async Task A_killed_run_goes_on_to_the_same_calibration()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals");
        Planted.TestCase("fit", 1, models: 200).Save(_temp["fit.safetensors"]);
        Assert.Equal(0, (await RunAsync([.. Small, "--out", _temp["whole.json"]])).Code);
        Directory.CreateDirectory(_temp["out"]);
        foreach (var signal in (int[])[CliProcess.Kill, CliProcess.Interrupt])
        {
            Assert.Equal(signal == CliProcess.Kill ? 137 : 130, await StopAsync(signal, [.. Small, "--out", _temp["out", "c.json"]]));
            Assert.False(File.Exists(_temp["out", "c.json"]));
            Assert.Single(Directory.GetFiles(_temp["out"]));
        }

        Assert.Equal(0, (await RunAsync([.. Small, "--out", _temp["out", "c.json"]])).Code);
        Assert.Equal(File.ReadAllText(_temp["whole.json"]), File.ReadAllText(_temp["out", "c.json"]));
    }

    /// <summary>Runs the real command, and sends a signal when it begins to write similarities.</summary>
    private async Task<int> StopAsync(int signal, string[] args) => (await CliProcess.StopAsync(
        new FileSystemWatcher(_temp["out"]) { NotifyFilter = NotifyFilters.Size | NotifyFilters.FileName | NotifyFilters.LastWrite },
        WatcherChangeTypes.Changed,
        at: 1,
        signal,
        new Dictionary<string, string>(),
        ["calibrate", .. args])).Code;

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await WhenceCommand.RunAsync(["calibrate", .. args], output, error);
        return (code, output.ToString(), error.ToString());
    }
}
