using System.Text.Json;
using Whence.Cli;
using Whence.Search;

namespace Whence.Tests.Cli;

public sealed class WhenceCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task From_a_folder_to_ranked_influences()
    {
        var index = await IndexPhotosAsync(8);
        File.WriteAllBytes(_temp["query.png"], TestImages.Png(5));

        var (code, output, _) = await RunAsync("attribute", _temp["query.png"], "--index", index, "--top", "3", "--format", "jsonl");

        Assert.Equal(0, code);
        using var answer = JsonDocument.Parse(Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        var root = answer.RootElement;
        Assert.Equal("resnet18", root.GetProperty("encoder").GetString());
        Assert.True(root.GetProperty("calibration").GetProperty("fitted").GetBoolean());
        Assert.StartsWith("drawings", root.GetProperty("calibration").GetProperty("domain").GetString(), StringComparison.Ordinal);
        Assert.Equal([5], root.GetProperty("results").EnumerateArray().Take(1).Select(r => r.GetProperty("id").GetInt32()));
        Assert.Equal(1, root.GetProperty("results").EnumerateArray().Sum(r => r.GetProperty("influence").GetDouble()) + root.GetProperty("remaining").GetDouble(), 9);
    }

    [Theory]
    [InlineData("table", "calibrated on drawings")]
    [InlineData("json", "\"results\"")]
    [InlineData("csv", "query,rank,id,source,similarity,influence")]
    public async Task Every_format_is_written_to_standard_output(string format, string expected)
    {
        var index = await IndexPhotosAsync(3);
        var (code, output, _) = await RunAsync("attribute", _temp["photos", "00001.png"], "--index", index, "--format", format, "--report", _temp["r.html"], "--group-duplicates");
        Assert.Equal(0, code);
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.Contains("Calibrated on <bdi>drawings", File.ReadAllText(_temp["r.html"]), StringComparison.Ordinal);
        Assert.Contains("</html>", File.ReadAllText(_temp["r.html"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bad_query_among_many_costs_only_its_own_answer()
    {
        var index = await IndexPhotosAsync(3);
        File.WriteAllText(_temp["photos", "00001.png"], "no image");
        var (code, output, error) = await RunAsync("attribute", _temp["photos"], "--index", index, "--format", "jsonl");
        Assert.Equal(2, code);
        Assert.Equal(2, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        AssertOneLine(error);
    }

    [Fact]
    public async Task Escape_sequences_in_a_caption_do_not_reach_the_terminal()
    {
        TestImages.WriteFolder(_temp["photos"], 1);
        File.WriteAllText(_temp["photos", "00000.txt"], "red \u001b[31malert\nnext line");
        await RunAsync("index", _temp["photos"], "--out", _temp["index"]);
        var (_, output, _) = await RunAsync("attribute", _temp["photos", "00000.png"], "--index", _temp["index"]);
        Assert.DoesNotContain('\u001b', output);
        Assert.Contains("[U+001B][31malert next line", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_finds_an_image_by_its_file()
    {
        var index = await IndexPhotosAsync(4);
        var (code, output, _) = await RunAsync("explain", _temp["photos", "00001.png"], _temp["photos", "00002.png"], "--index", index);
        Assert.Equal(0, code);
        Assert.Contains("rank ", output, StringComparison.Ordinal);
        Assert.Contains("before it", output, StringComparison.Ordinal);
        Assert.Contains("calibrated on drawings of food, drink and plants", output, StringComparison.Ordinal);
        Assert.Contains("uncalibrated", (await RunAsync("explain", _temp["photos", "00001.png"], _temp["photos", "00002.png"], "--index", index, "--mapper", "none")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task None_of_these_is_said_in_every_output()
    {
        var index = await IndexPhotosAsync(4);
        File.WriteAllText(_temp["c.json"], """{"format":"whence-calibration","version":1,"tau":0.1,"lambda":0.02,"encoder":"resnet18","mapper":"","none":{"intercept":0,"slope":-2}}""");
        string[] attribute = ["attribute", _temp["photos", "00001.png"], "--index", index, "--calibration", _temp["c.json"], "--report", _temp["r.html"]];
        var none = 1 / (1 + Math.Exp(2)); // of an image that finds itself

        var (code, output, _) = await RunAsync(attribute);
        Assert.Equal(0, code);
        Assert.Contains("none of these: 11.9 % for no training image here", output, StringComparison.Ordinal);
        Assert.DoesNotContain("uncalibrated", output, StringComparison.Ordinal);
        Assert.Contains("None of these: 11.9 %", File.ReadAllText(_temp["r.html"]), StringComparison.Ordinal);
        var root = JsonElement.Parse((await RunAsync([.. attribute, "--format", "jsonl"])).Output);
        Assert.Equal(none, root.GetProperty("none").GetDouble(), 1e-3);
        Assert.Equal(
            1, root.GetProperty("none").GetDouble() + root.GetProperty("remaining").GetDouble() + root.GetProperty("results").EnumerateArray().Sum(r => r.GetProperty("influence").GetDouble()), 9);
        Assert.Contains(",yes,no,0.119", (await RunAsync([.. attribute, "--format", "csv"])).Output, StringComparison.Ordinal);
        Assert.Contains("none of these: 11.9 %", (await RunAsync(["explain", attribute[1], "2", .. attribute[2..6]])).Output, StringComparison.Ordinal);

        File.WriteAllText(_temp["c.json"], File.ReadAllText(_temp["c.json"]).Replace("\"mapper\":\"\"", $"\"mapper\":\"{new string('0', 64)}\"", StringComparison.Ordinal));
        var (refused, _, error) = await RunAsync(attribute);
        Assert.Equal(2, refused);
        Assert.Contains("fitted for another mapper", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_filter_is_searched_within_and_said_in_every_output()
    {
        var index = await IndexPhotosAsync(4);
        string[] within = [_temp["photos", "00003.png"], "--index", index, "--where", "key < '00002.png' and width = 40", "--report", _temp["r.html"]];

        var (code, output, _) = await RunAsync(["attribute", .. within, "--format", "jsonl"]);
        Assert.Equal(0, code);
        var root = JsonElement.Parse(output);
        Assert.Equal("key < '00002.png' and width = 40", root.GetProperty("where").GetString());
        Assert.Equal(2, root.GetProperty("searched").GetInt64());
        Assert.Equal([0, 1], root.GetProperty("results").EnumerateArray().Select(r => r.GetProperty("id").GetInt32()).Order());
        Assert.Contains("<bdi>key &lt; &#39;00002.png&#39; and width = 40</bdi>", File.ReadAllText(_temp["r.html"]), StringComparison.Ordinal);

        Assert.Contains("filter: key < '00002.png' and width = 40; other images", (await RunAsync(["attribute", .. within])).Output, StringComparison.Ordinal);
        Assert.Contains("leaves this image out", (await RunAsync("explain", within[0], within[0], within[1], within[2], "--where", "id != 3")).Output, StringComparison.Ordinal);
        Assert.Contains("rank 1 of 3", (await RunAsync("explain", within[0], within[0], within[1], within[2], "--where", "id != 2")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_approximate_search_needs_its_graphs_and_is_said_in_every_output()
    {
        var index = await IndexPhotosAsync(40);
        string[] search = ["attribute", _temp["photos", "00003.png"], "--index", index, "--mapper", "none", "--ann", "--ann-candidates", "3", "--top", "2"];
        var (code, _, error) = await RunAsync(search);
        Assert.Equal(2, code);
        AssertOneLine(error);
        Assert.Contains("whence ann build", error, StringComparison.Ordinal);

        var (built, output, _) = await RunAsync("ann", "build", "--mapper", "none", "--index", index, "--threads", "1");
        Assert.Equal(0, built);
        Assert.Contains("40 images in 1 graph", output, StringComparison.Ordinal);
        Assert.Contains("0 made now", (await RunAsync("ann", "build", "--mapper", "none", "--index", index)).Output, StringComparison.Ordinal);

        var root = JsonElement.Parse((await RunAsync([.. search, "--format", "jsonl", "--report", _temp["r.html"]])).Output);
        Assert.Equal((true, 3, true), (root.GetProperty("approximate").GetBoolean(), root.GetProperty("candidates").GetInt32(), root.GetProperty("truncated").GetBoolean()));
        Assert.Equal((40, 3), (root.GetProperty("searched").GetInt64(), root.GetProperty("nonzero").GetInt64()));
        Assert.Equal(3, root.GetProperty("results")[0].GetProperty("id").GetInt32());
        Assert.Contains("<strong>Approximate.</strong>", File.ReadAllText(_temp["r.html"]), StringComparison.Ordinal);
        Assert.Contains("so every share is too large.", File.ReadAllText(_temp["r.html"]), StringComparison.Ordinal);
        Assert.Contains("approximate: influence is shared among the 3 images found", (await RunAsync(search)).Output, StringComparison.Ordinal);
        Assert.Contains(",no,yes,", (await RunAsync([.. search, "--format", "csv"])).Output, StringComparison.Ordinal);

        // So many candidates of so few images are searched for exactly, and then nothing is approximate.
        Assert.False(JsonElement.Parse((await RunAsync([.. search[..7], "--format", "jsonl"])).Output).TryGetProperty("approximate", out _));

        output = (await RunAsync("ann", "check", "--mapper", "none", "--index", index, "--queries", "4", "--top", "2", "--ann-candidates", "4", "--noise", "0")).Output;
        Assert.Contains("recall@2", output, StringComparison.Ordinal);
        Assert.Contains("4 images of the index", output, StringComparison.Ordinal);
        output = (await RunAsync("ann", "check", _temp["photos"], "--mapper", "none", "--index", index, "--top", "2", "--ann-candidates", "3", "--where", "id < 30")).Output;
        Assert.Contains("40 generated images", output, StringComparison.Ordinal);
        Assert.Contains("Nothing to measure", (await RunAsync("ann", "check", "--mapper", "none", "--index", index)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Remove_takes_out_what_a_list_names()
    {
        var index = await IndexPhotosAsync(4);
        File.WriteAllLines(_temp["list.txt"], ["0", "", _temp["photos", "00003.png"]]);
        Assert.Equal(0, (await RunAsync("remove", "--index", index, "--list", _temp["list.txt"])).Code);
        Assert.Equal([0, 3], FeatureIndex.Open(index).Removed.Order());
        Assert.Contains("2 more removed", (await RunAsync("info", index)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_passes_a_good_index_and_fails_a_damaged_one()
    {
        var index = await IndexPhotosAsync(2);
        Assert.Equal(0, (await RunAsync("verify", index)).Code);
        File.WriteAllText(Path.Combine(index, "features", "part-00000.npy"), "torn");
        var (code, output, error) = await RunAsync("verify", index);
        Assert.Equal(2, code);
        Assert.Contains("part-00000.npy", output, StringComparison.Ordinal);
        AssertOneLine(error);
    }

    [Fact]
    public async Task A_search_layout_is_shown_and_is_deleted_where_it_is_damaged()
    {
        var index = await IndexPhotosAsync(2);
        Assert.Contains("none yet", (await RunAsync("info", index)).Output, StringComparison.Ordinal);
        string[] attribute = ["attribute", _temp["photos", "00000.png"], "--index", index, "--mapper", "none"];
        var expected = (await RunAsync(attribute)).Output;
        Assert.Contains("features 0.0 MB", (await RunAsync("info", index)).Output, StringComparison.Ordinal);
        var rows = Path.Combine(index, "search", "features", "part-00000.rows");
        File.WriteAllText(rows, "torn");

        var (code, output, error) = await RunAsync("verify", index);
        Assert.Equal(2, code);
        Assert.Contains($"'{rows}': damaged", output, StringComparison.Ordinal);
        AssertOneLine(error);
        AssertOneLine((await RunAsync(attribute)).Error);

        Assert.Equal(0, (await RunAsync("verify", index, "--rebuild")).Code);
        Assert.False(File.Exists(rows));
        Assert.Contains("(0 of 1 parts)", (await RunAsync("info", index)).Output, StringComparison.Ordinal);
        (code, output, _) = await RunAsync("verify", index);
        Assert.Equal(0, code);
        Assert.Contains("missing or stale", output, StringComparison.Ordinal);
        Assert.Equal(expected, (await RunAsync(attribute)).Output);
        Assert.DoesNotContain("missing or stale", (await RunAsync("verify", index)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_indexed_after_a_search_is_found_by_the_next_one()
    {
        var index = await IndexPhotosAsync(3);
        Assert.Equal(0, (await RunAsync("attribute", _temp["photos", "00000.png"], "--index", index)).Code);
        await IndexPhotosAsync(6);
        var (_, output, _) = await RunAsync("attribute", _temp["photos", "00005.png"], "--index", index, "--format", "jsonl");
        Assert.Equal(6, JsonElement.Parse(output).GetProperty("searched").GetInt64());
        Assert.Equal(5, JsonElement.Parse(output).GetProperty("results")[0].GetProperty("id").GetInt64());
        Assert.Contains("every file is as it was written", (await RunAsync("verify", index)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_writes_nothing()
    {
        TestImages.WriteFolder(_temp["photos"], 3);
        var (code, output, _) = await RunAsync("index", _temp["photos"], "--out", _temp["index"], "--dry-run");
        Assert.Equal(0, code);
        Assert.Contains("3 images to index", output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_temp["index"]));
    }

    [Fact]
    public async Task The_default_encoder_passes_its_check()
    {
        Assert.Equal(0, (await RunAsync("encoders", "verify", "resnet18")).Code);
        Assert.Contains("resnet18", (await RunAsync("encoders", "list")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_demo_attributes_its_pictures_and_can_be_run_again()
    {
        for (var run = 0; run < 2; run++)
        {
            var (code, output, _) = await RunAsync("demo", "--out", _temp["demo"]);
            File.WriteAllBytes(_temp["demo", "queries", "another.png"], TestImages.Png(1)); // somebody's, or an earlier demo's
            Assert.Equal(0, code);
            Assert.Contains("customized on fxemoji/cherries.png, its exemplar. That is number 1, with", output, StringComparison.Ordinal);
        }

        var page = File.ReadAllText(_temp["demo", "report.html"]);
        Assert.True(page.Length > 100_000);
        Assert.Contains("class=\"image exemplar\"", page, StringComparison.Ordinal);
    }

    public static TheoryData<string, string[]> BadInput => new()
    {
        { "encoder", ["index", "{photos}", "--out", "{new}", "--encoder", "nonsense"] },
        { "whence --help", ["bogus"] },
        { "--index", ["attribute", "{photos}"] },
        { "no index", ["attribute", "{photos}", "--index", "{photos}"] },
        { "no such folder", ["info", "{new}"] },
        { "not empty", ["index", "{photos}", "--out", "{photos}"] },
        { "{new}", ["index", "{new}", "--out", "{index}"] },
        { "at least 1", ["index", "{photos}", "--out", "{new}", "--threads", "0"] },
        { "--from-embeddings", ["index", "--out", "{new}"] },
        { "0 to", ["remove", "--index", "{index}", "--id", "99"] },
        { "Nothing to remove", ["remove", "--index", "{index}"] },
        { "--top", ["attribute", "{photos}", "--index", "{index}", "--top", "abc"] },
        { "--part-size", ["index", "{photos}", "--out", "{new}", "--part-size", "1e6"] },
        { ".html", ["attribute", "{photos}", "--index", "{index}", "--report", "{photos}/00000.png"] },
        { "no such folder", ["attribute", "{photos}", "--index", "{index}", "--report", "{new}/r.html"] },
        { "--dry-run does nothing", ["index", "--from-features", "x.pth", "--out", "{new}", "--dry-run"] },
        { "00000.png", ["demo", "--out", "{photos}"] },
        { "between 0 and 1", ["attribute", "{photos}", "--index", "{index}", "--min-influence", "2"] },
        { "00000.png", ["attribute", "{photos}", "--index", "{index}", "--mapper", "{photos}/00000.png"] },
        { "calibration", ["attribute", "{photos}", "--index", "{index}", "--calibration", "{new}.json"] },
        { "at character 11: expected", ["attribute", "{photos}", "--index", "{index}", "--format", "json", "--where", "creator = "] },
        { "caption, height, id, key", ["attribute", "{photos}", "--index", "{index}", "--format", "json", "--where", "creator = 'Ann'"] },
        { "'painter'", ["explain", "{photos}/00000.png", "0", "--index", "{index}", "--where", "painter is missing"] },
        { "whence ann build", ["attribute", "{photos}", "--index", "{index}", "--ann"] },
        { "whence ann build", ["ann", "check", "--index", "{index}"] },
        { "at least 1", ["attribute", "{photos}", "--index", "{index}", "--ann", "--ann-candidates", "0"] },
        { "--noise", ["ann", "check", "--index", "{index}", "--noise", "-1"] },
        { "no index", ["ann", "build", "--index", "{photos}"] },
        { "--ann", ["explain", "{photos}/00000.png", "0", "--index", "{index}", "--ann"] },
        { "not in the index", ["explain", "{photos}/00000.png", "nobody", "--index", "{index}"] },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public async Task Bad_input_gives_one_line_and_exit_code_2(string expected, string[] args)
    {
        var index = await IndexPhotosAsync(1);
        string Fill(string text) => text.Replace("{photos}", _temp["photos"], StringComparison.Ordinal)
            .Replace("{index}", index, StringComparison.Ordinal).Replace("{new}", _temp["new"], StringComparison.Ordinal);

        var (code, output, error) = await RunAsync([.. args.Select(Fill)]);

        Assert.Equal(2, code);
        Assert.Empty(output);
        AssertOneLine(error);
        Assert.Contains(Fill(expected), error, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(1, FeatureIndex.Open(index).Count);
    }

    private async Task<string> IndexPhotosAsync(int count)
    {
        TestImages.WriteFolder(_temp["photos"], count);
        Assert.Equal(0, (await RunAsync("index", _temp["photos"], "--out", _temp["index"])).Code);
        return _temp["index"];
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await WhenceCommand.RunAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    private static void AssertOneLine(string error)
    {
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
