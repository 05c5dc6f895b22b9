using System.Text.Json;
using Whence.Cli;
using Whence.Datasets;
using Whence.Vectors;

namespace Whence.Tests.Cli;

public sealed class FeaturesCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task From_images_to_an_evaluation()
    {
        TestImages.WriteFolder(_temp["images"], 6);
        TestImages.WriteFolder(_temp["others"], 5, firstSeed: 20);
        File.WriteAllText(_temp["case.json"], JsonSerializer.Serialize(new[]
        {
            new { exemplar = new[] { "images/00000.png", "images/00001.png" }, synth = new { gpt = new[] { "images/00002.png" } }, class_id = "a" },
            new { exemplar = new[] { "images/00003.png" }, synth = new { gpt = new[] { "images/00004.png", "images/00003.png" } }, class_id = "b" },
        }));
        Assert.Equal((0, ""), await RunAsync("features", _temp["others"], "--out", _temp["d.safetensors"]));
        Assert.Equal((0, ""), await RunAsync("features", _temp["case.json"], "--out", _temp["c.safetensors"], "--views", "2", "--augment", "strong", "--seed", "3"));
        var features = TestCaseFeatures.Load(_temp["c.safetensors"]);
        Assert.Equal((2, 512, "resnet18"), (features.ViewsPerImage, features.Dimension, features.Encoder));
        Assert.Equal((0, ""), await RunAsync("evaluate", "--distractors", _temp["d.safetensors"], "--test-case", _temp["c.safetensors"]));

        // Another encoder's distractors of the same length.
        FeatureFile.Convert(_temp["d.safetensors"], _temp["e.safetensors"], "other");
        var (code, error) = await RunAsync("evaluate", "--distractors", _temp["e.safetensors"], "--test-case", _temp["c.safetensors"]);
        Assert.Equal(2, code);
        Assert.Contains("by 'other'", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Images_that_are_left_out_are_told_on_standard_error()
    {
        TestImages.WriteFolder(_temp["images"], 3);
        File.WriteAllText(_temp["images", "00001.png"], "no image");
        var (code, error) = await RunAsync("features", _temp["images"], "--out", _temp["f.safetensors"]);
        Assert.Equal(0, code);
        Assert.StartsWith("left out: ", error, StringComparison.Ordinal);
        Assert.Contains("00001.png", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_authors_files_are_converted()
    {
        var distractors = SharedData.Get("reference", "evaluation", "laion_subset.pth");
        var testCase = SharedData.Get("reference", "evaluation", "test_case.pth");
        Assert.Equal((0, ""), await RunAsync("features", distractors, "--out", _temp["d.safetensors"], "--encoder", "clip"));
        Assert.Equal((0, ""), await RunAsync("features", testCase, "--out", _temp["test_case.safetensors"], "--encoder", "clip"));
        using var theirs = FeatureFile.Open(distractors);
        using var ours = FeatureFile.Open(_temp["d.safetensors"]);
        Assert.Equal((theirs.Rows, theirs.Columns, "clip"), (ours.Rows, ours.Columns, ours.Encoder));
        Assert.Equal(theirs.Names, ours.Names);
        var (a, b) = (new float[theirs.Rows * theirs.Columns], new float[ours.Rows * ours.Columns]);
        theirs.ReadRows(0, a);
        ours.ReadRows(0, b);
        Assert.Equal(a, b);
        var (expected, read) = (TestCaseFeatures.Load(testCase), TestCaseFeatures.Load(_temp["test_case.safetensors"]));
        Assert.Equal("clip", read.Encoder);
        Assert.Equal(expected.ExemplarPaths, read.ExemplarPaths);
        Assert.Equal(expected.Exemplars.Span.ToArray(), read.Exemplars.Span.ToArray());
        Assert.Equal(expected.Prompts.SelectMany(p => p.Paths!), read.Prompts.SelectMany(p => p.Paths!));
    }

    [Theory]
    [InlineData("--views does nothing without the JSON", "images", "--views", "2")]
    [InlineData("--images does nothing without the JSON", "images", "--images", "x")]
    [InlineData("--seed does nothing without --views", "case.json", "--seed", "2")]
    [InlineData("--augment does nothing without --views", "case.json", "--augment", "mild")]
    [InlineData("--views must be at least 0", "case.json", "--views", "-1")]
    [InlineData("--views must be at most 1000", "case.json", "--views", "1001")]
    [InlineData("stands alone", "images", "case.json")]
    [InlineData("--batch does nothing with a .pth", "a.pth", "--batch", "2")]
    [InlineData("does not exist", "a.pth")]
    [InlineData("no such file", "none.json")]
    [InlineData("is no test case", "case.json")]
    [InlineData("does not exist", "none")]
    public async Task Bad_input_is_one_line(string expected, params string[] arguments)
    {
        TestImages.WriteFolder(_temp["images"], 1);
        File.WriteAllText(_temp["case.json"], "{}");
        var (code, error) = await RunAsync(["features", .. arguments.Select(a => a.StartsWith('-') || char.IsAsciiDigit(a[0]) || a is "mild" or "x" ? a : _temp[a]), "--out", _temp["out"]]);
        Assert.Equal(2, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
        Assert.False(File.Exists(_temp["out"]));
    }

    private static async Task<(int Code, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (await WhenceCommand.RunAsync(arguments, output, error), error.ToString());
    }
}
