using System.Text.Json;
using Whence.Cli;
using Whence.Evaluation;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Tests.Cli;

public sealed class EvaluateCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("none")]
    [InlineData("mlp")]
    public async Task The_authors_files_give_the_authors_averages(string kind)
    {
        string[] mapper = kind == "none" ? [] : ["--mapper", Golden($"mapper_{kind}.pth")];
        var (code, output, error) = await RunAsync(
            ["--distractors", Golden("laion_subset.pth"), "--test-case", Golden("test_case.pth"), "--recall", "5,10,100", "--out", _temp["out"], .. mapper]);
        Assert.Equal((0, ""), (code, error));

        using var expected = JsonDocument.Parse(File.ReadAllBytes(Golden("expected.json")));
        var results = EvaluationResults.Load(_temp["out", "results.json"]);
        foreach (var result in results.Results)
        {
            var theirs = expected.RootElement.GetProperty("results").GetProperty(kind).GetProperty(result.Prompts);
            Assert.Equal(theirs.GetProperty("avg_map").GetDouble(), result.Metrics["map"].Value, 1e-9);
            Assert.Equal(theirs.GetProperty("avg_recall").EnumerateArray().Select(r => r.GetDouble()), results.RecallAt.Select(k => result.Metrics[$"recall@{k}"].Value), (a, b) => Math.Abs(a - b) < 1e-9);
            Assert.Contains($"test_case, {result.Prompts}: 234 queries", output, StringComparison.Ordinal);
        }

        Assert.Equal(Golden("laion_subset.pth"), results.Distractors.Source);
        Assert.Equal(kind == "none" ? null : "mapper_mlp.pth", results.Mapper?.Name);
        Assert.Equal(
            ["queries.parquet", "results.csv", "results.json", "results.md"], Directory.GetFiles(_temp["out"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Files_an_index_and_other_threads_give_the_same_and_runs_are_compared()
    {
        Write();
        Assert.Equal(0, (await RunAsync([.. Small, "--out", _temp["a"], "--seed", "7"])).Code);
        Assert.Equal(0, (await WhenceCommand.RunAsync(["index", "--from-features", _temp["d.safetensors"], "--out", _temp["index"], "--dtype", "float32"], TextWriter.Null, TextWriter.Null)));
        var before = File.ReadAllText(_temp["a", "results.json"]);
        string[] index = ["--distractors", _temp["index"], .. Small.Skip(2), "--seed", "7", "--threads", "1", "--compare", _temp["a", "results.json"], "--out", _temp["b"]];

        var (code, output, _) = await RunAsync(index);

        Assert.Equal(0, code);
        var (a, b) = (EvaluationResults.Load(_temp["a", "results.json"]), EvaluationResults.Load(_temp["b", "results.json"]));
        Assert.Equal(before, File.ReadAllText(_temp["a", "results.json"]));
        Assert.Equal(a.Results.SelectMany(r => r.Metrics), b.Results.SelectMany(r => r.Metrics));
        Assert.All(b.Comparison!.Results.SelectMany(r => r.Differences.Values), d => Assert.Equal(new DifferenceResult(0, 0, 0), d));
        Assert.Contains("paired by model", output, StringComparison.Ordinal);
        Assert.Contains("its interval", File.ReadAllText(_temp["b", "results.md"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_test_cases_are_averaged()
    {
        Write();
        File.Copy(_temp["t.safetensors"], _temp["u.safetensors"]);
        var (code, output, _) = await RunAsync([.. Small, _temp["u.safetensors"]]);
        Assert.Equal(0, code);
        Assert.Contains("mean of 2 test cases, gpt", output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_temp["out"]));
    }

    [Fact]
    public async Task Sheets_are_drawn_of_chosen_queries_pretrained_beside_tuned()
    {
        Write();
        new MapperPair(new ChannelMapper([1, 2]), new ChannelMapper([1, 2]), "m").Save(_temp["mapper.safetensors"]);
        Assert.Equal(0, (await RunAsync([.. Small, "--out", _temp["a"], "--sheets", "2"])).Code);
        var (code, _, error) = await RunAsync([.. Small, "--mapper", _temp["mapper.safetensors"], "--compare", _temp["a", "results.json"], "--out", _temp["b"], "--sheets", "9", "--images", _temp.Path]);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(["gains.png", "gains.svg", "metrics.png", "metrics.svg"], Directory.GetFiles(_temp["b", "plots"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal([_temp["b", "sheets", "t-1.png"]], Directory.GetFiles(_temp["b", "sheets"]));
        using var one = SkiaSharp.SKBitmap.Decode(_temp["a", "sheets", "t-1.png"]);
        using var two = SkiaSharp.SKBitmap.Decode(_temp["b", "sheets", "t-1.png"]);
        Assert.True(two.Height > one.Height);

        // What no longer belongs to the results goes.
        File.WriteAllText(_temp["b", "sheets", "t-2.png"], "of more queries");
        Assert.Equal(0, (await RunAsync([.. Small, "--out", _temp["b"], "--sheets", "1"])).Code);
        Assert.Equal(["metrics.png", "metrics.svg"], Directory.GetFiles(_temp["b", "plots"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal([_temp["b", "sheets", "t-1.png"]], Directory.GetFiles(_temp["b", "sheets"]));
    }

    [Fact]
    public async Task Sheets_take_no_calibration_of_other_mappers()
    {
        Write();
        new Whence.Calibration.Calibrator { Tau = 0.1, Lambda = 0, Mapper = new string('0', 64) }.Save(_temp["c.json"]);
        var (code, _, error) = await RunAsync([.. Small, "--sheets", "1", "--calibration", _temp["c.json"], "--out", _temp["out"]]);
        Assert.Equal(2, code);
        Assert.Contains("fitted for another mapper", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_temp["out"]));
    }

    public static TheoryData<string, string[]> BadInput => new()
    {
        { "--sheets needs a folder", ["--distractors", "{d}", "--test-case", "{t}", "--sheets", "1"] },
        { "--sheets", ["--distractors", "{d}", "--test-case", "{t}", "--sheets", "-1"] },
        { "at most", ["--distractors", "{d}", "--test-case", "{t}", "--sheets", "1000", "--out", "{folder}"] },
        { "say how many queries", ["--distractors", "{d}", "--test-case", "{t}", "--images", "{folder}"] },
        { "no such folder", ["--distractors", "{d}", "--test-case", "{t}", "--sheets", "1", "--images", "{missing}", "--out", "{folder}"] },
        { "calibration", ["--distractors", "{d}", "--test-case", "{t}", "--sheets", "1", "--calibration", "{list}", "--out", "{folder}"] },
        { "--distractors", ["--test-case", "{t}"] },
        { "--test-case", ["--distractors", "{d}"] },
        { "does not exist", ["--distractors", "{missing}", "--test-case", "{t}"] },
        { "does not exist", ["--distractors", "{d}", "--test-case", "{t}", "{missing}"] },
        { "no index", ["--distractors", "{folder}", "--test-case", "{t}"] },
        { "exemplar", ["--distractors", "{d}", "--test-case", "{d}"] },
        { "candidates: none", ["--distractors", "{t}", "--test-case", "{t}"] },
        { "whence features", ["--distractors", "{d}", "--test-case", "{list}"] },
        { "called 't'", ["--distractors", "{d}", "--test-case", "{t}", "--test-case", "{t}"] },
        { "have 3 values", ["--distractors", "{d}", "--test-case", "{wide}"] },
        { "chunk 1", ["--distractors", "{d}", "--test-case", "{empty}"] },
        { "row 1 of the exemplars", ["--distractors", "{d}", "--test-case", "{nan}"] },
        { "row 2 holds NaN", ["--distractors", "{dnan}", "--test-case", "{t}"] },
        { "for another encoder", ["--distractors", "{d}", "--test-case", "{t}", "--mapper", "{mapper}"] },
        { "not a pair of mappers", ["--distractors", "{d}", "--test-case", "{t}", "--mapper", "{d}"] },
        { "--recall", ["--distractors", "{d}", "--test-case", "{t}", "--recall", "0,5"] },
        { "--recall", ["--distractors", "{d}", "--test-case", "{t}", "--recall", "five"] },
        { "at least 1", ["--distractors", "{d}", "--test-case", "{t}", "--resamples", "0"] },
        { "at most 100000", ["--distractors", "{d}", "--test-case", "{t}", "--resamples", "1000000"] },
        { "results.json", ["--distractors", "{d}", "--test-case", "{t}", "--compare", "{list}"] },
        { "is a file", ["--distractors", "{d}", "--test-case", "{t}", "--out", "{list}"] },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public async Task Bad_input_gives_one_line_and_exit_code_2(string expected, string[] args)
    {
        Write();
        File.WriteAllText(_temp["list.json"], "[]");
        Directory.CreateDirectory(_temp["folder"]);
        WriteTestCase(_temp["wide.safetensors"], TensorData.FromSingle("exemplars", new float[9], 3, 3), TensorData.FromSingle("synth.gpt", new float[6], 2, 3));
        WriteTestCase(_temp["empty.safetensors"], TensorData.FromInt64("exemplar_chunks", [0, 3, 3, 3], 2, 2));
        WriteTestCase(_temp["nan.safetensors"], TensorData.FromSingle("exemplars", [1, 2, 3, float.NaN, 5, 6], 3, 2));
        SafetensorsFile.Write(_temp["dnan.safetensors"], [TensorData.FromSingle("feats", [1, 2, 3, 4, float.NaN, 6], 3, 2)]);
        new MapperPair(new ChannelMapper([1, 1, 1]), new ChannelMapper([1, 1, 1]), "m").Save(_temp["mapper.safetensors"]);

        var (code, output, error) = await RunAsync([.. args.Select(arg => arg switch
        {
            "{list}" => _temp["list.json"],
            "{folder}" => _temp["folder"],
            ['{', .. var name, '}'] => _temp[name + ".safetensors"],
            _ => arg,
        })]);

        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupted_run_leaves_nothing_temporary_and_earlier_results_and_what_was_killed_is_cleared_by_the_next_one()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals");
        Write();
        Assert.Equal(0, (await RunAsync([.. Small, "--out", _temp["out"]])).Code);
        var before = File.ReadAllText(_temp["out", "results.json"]);
        SafetensorsFile.Write(_temp["large.safetensors"], [TensorData.FromSingle("feats", new float[4_000_000 * 2], 4_000_000, 2)]);
        string[] large = ["--distractors", _temp["large.safetensors"], .. Small.Skip(2), "--out", _temp["out"]];

        var (killed, _) = await StopAsync(CliProcess.Kill, large);
        Assert.Equal(137, killed);
        Assert.Single(Directory.GetDirectories(_temp["tmp"], "whence-distractors-*"));

        var (code, error) = await StopAsync(CliProcess.Interrupt, large);

        Assert.Equal(130, code);
        Assert.StartsWith("interrupted: nothing was written to", error.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1], StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(_temp["tmp"], "whence-distractors-*"));
        Assert.Equal(before, File.ReadAllText(_temp["out", "results.json"]));
        Assert.Equal(4, Directory.GetFiles(_temp["out"]).Length);
    }

    /// <summary>Runs the real command with a folder of its own for temporary files, and sends a signal when the first part of the index is there.</summary>
    private Task<(int Code, string Error)> StopAsync(int signal, string[] args)
    {
        Directory.CreateDirectory(_temp["tmp"]);
        return CliProcess.StopAsync(
            new FileSystemWatcher(_temp["tmp"], "*.npy") { IncludeSubdirectories = true },
            WatcherChangeTypes.Renamed,
            at: 1,
            signal,
            new Dictionary<string, string> { ["TMPDIR"] = _temp["tmp"] },
            ["evaluate", .. args]);
    }

    private string[] Small => ["--distractors", _temp["d.safetensors"], "--test-case", _temp["t.safetensors"]];

    private void Write()
    {
        SafetensorsFile.Write(_temp["d.safetensors"], [TensorData.FromSingle("feats", [1, 0, 0, 1, 1, 1, 2, 1], 4, 2)]);
        WriteTestCase(_temp["t.safetensors"]);
    }

    private static void WriteTestCase(string path, params TensorData[] instead)
    {
        TensorData[] whole =
        [
            TensorData.FromSingle("exemplars", [1, 2, 3, 4, 5, 6], 3, 2),
            TensorData.FromInt64("exemplar_chunks", [0, 1, 1, 3], 2, 2),
            TensorData.FromSingle("synth.gpt", [1, 2, 0, 1], 2, 2),
            TensorData.FromInt64("synth_ids.gpt", [0, 1], 2),
        ];
        SafetensorsFile.Write(path, [.. whole.Select(tensor => Array.Find(instead, other => other.Name == tensor.Name) ?? tensor)]);
    }

    private static string Golden(string file) => SharedData.Get("reference", "evaluation", file);

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await WhenceCommand.RunAsync(["evaluate", .. args], output, error);
        return (code, output.ToString(), error.ToString());
    }
}
