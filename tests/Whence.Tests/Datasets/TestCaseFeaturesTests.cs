using Whence.Datasets;
using Whence.Tests.Vectors;
using Whence.Vectors;

namespace Whence.Tests.Datasets;

public class TestCaseFeaturesTests
{
    [Fact]
    public void The_authors_file_and_its_safetensors_twin_hold_the_same()
    {
        var torch = TestCaseFeatures.Load(SharedData.Get("reference", "evaluation", "test_case.pth"));
        var plain = TestCaseFeatures.Load(SharedData.Get("reference", "evaluation", "features.safetensors"));
        AssertSame(torch, plain, paths: false);
        Assert.Equal(("test_case", "features"), (torch.Name, plain.Name));
        Assert.Equal((30, 204, 64), (torch.Chunks.Count, torch.Exemplars.Rows, torch.Dimension));
        Assert.Equal(["gpt", "media"], torch.Prompts.Select(p => p.Type));
        Assert.All(torch.Prompts, p => Assert.Equal(234, p.Paths!.Count));
        Assert.Null(plain.ExemplarPaths);
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        using var temp = new TempFolder();
        var torch = TestCaseFeatures.Load(SharedData.Get("reference", "evaluation", "test_case.pth"));
        torch.Save(temp["a.safetensors"]);
        var read = TestCaseFeatures.Load(temp["a.safetensors"]);
        AssertSame(torch, read, paths: true);
        read.Save(temp["b.safetensors"]);
        Assert.Equal(File.ReadAllBytes(temp["a.safetensors"]), File.ReadAllBytes(temp["b.safetensors"]));
    }

    [Fact]
    public void The_encoder_is_kept_and_paths_may_hold_anything()
    {
        using var temp = new TempFolder();
        string[] paths = ["a \"quoted\"", "Ä/ю/🎨.png", ""];
        var features = new TestCaseFeatures(
            "t", new FeatureMatrix(3, 1, [1, 2, 3]), [new(2, 3), new(0, 2)], [new("a.b", new FeatureMatrix(1, 1, [4]), [1], ["q"])], paths, "dino");
        features.Save(temp["t.safetensors"]);
        var read = TestCaseFeatures.Load(temp["t.safetensors"]);
        Assert.Equal("dino", read.Encoder);
        AssertSame(features, read, paths: true);
    }

    [Fact]
    public void Views_and_columns_are_written_and_read_and_leave_the_rest_as_it_was()
    {
        using var temp = new TempFolder();
        var views = new FeatureMatrix(6, 2, [.. Enumerable.Range(0, 12).Select(i => i + 0.5f)]);
        var queryViews = new FeatureMatrix(2, 2, [9, 8, 7, 6]);
        var columns = new Dictionary<string, IReadOnlyList<string?>> { ["class_id"] = ["x", "y"], ["artist"] = [null, "Ä \"q\""] };
        var features = new TestCaseFeatures(
            "t", new FeatureMatrix(3, 2, [1, 2, 3, 4, 5, 6]), [new(0, 2), new(2, 3)],
            [new("gpt", new FeatureMatrix(1, 2, [4, 4]), [1], null, queryViews)], exemplarViews: new FeatureMatrix(6, 2, views.Span.ToArray()), columns: columns);
        features.Save(temp["t"]);
        var read = TestCaseFeatures.Load(temp["t"]);
        Assert.Equal((2, 2), (features.ViewsPerImage, read.ViewsPerImage));
        Assert.Equal(views.Span.ToArray(), read.ExemplarViews!.Span.ToArray());
        Assert.Equal(queryViews.Span.ToArray(), read.Prompts[0].Views!.Span.ToArray());
        Assert.Equal(["artist", "class_id"], read.Columns.Keys.Order());
        Assert.All(columns, c => Assert.Equal(c.Value, read.Columns[c.Key]));
        AssertSame(features, read, paths: false);
        using (var file = SafetensorsFile.Open(temp["t"]))
        {
            Assert.Equal([3L, 2, 2], file.Tensors["exemplar_views"].Shape);
        }

        SafetensorsFile.Write(temp["old"], Whole());
        var old = TestCaseFeatures.Load(temp["old"]);
        Assert.Equal((0, null, 0), (old.ViewsPerImage, old.ExemplarViews, old.Columns.Count));
    }

    [Fact]
    public void Views_that_do_not_fit_are_refused()
    {
        using var temp = new TempFolder();
        var good = TensorData.FromSingle("exemplar_views", [1, 2, 3, 4, 5, 6, 7, 8], 2, 2, 2);
        var queries = TensorData.FromSingle("synth_views.gpt", [1, 2, 3, 4], 1, 2, 2);
        Refused("no views of queries", good);
        Refused("no views of exemplars", queries);
        Refused("[2 images, views, d]", TensorData.FromSingle("exemplar_views", [1, 2, 3, 4, 5, 6, 7, 8], 4, 2), queries);
        Refused("[2 images, views, d]", TensorData.FromSingle("exemplar_views", [1, 2, 3, 4, 5, 6, 7, 8], 4, 1, 2), queries);
        Refused("[2 images, views, d]", TensorData.FromSingle("exemplar_views", [], 2, 0, 2), queries);
        Refused("2 views of queries of prompt type 'gpt', expected 1 of each", TensorData.FromSingle("exemplar_views", [1, 2, 3, 4], 2, 1, 2), queries);
        Refused("have 1 values each", TensorData.FromSingle("exemplar_views", [1, 2, 3, 4], 2, 2, 1), queries);
        Refused("row 1 of the views of queries of prompt type 'gpt' holds NaN", good, TensorData.FromSingle("synth_views.gpt", [1, 2, 3, float.NaN], 1, 2, 2));

        void Refused(string expected, params TensorData[] views)
        {
            SafetensorsFile.Write(temp["t"], [.. Whole(), .. views]);
            AssertRefused(temp["t"], expected);
        }
    }

    [Theory]
    [InlineData("[]", "no object of lists")]
    [InlineData("null", "no object of lists")]
    [InlineData("""{"a": null}""", "no object of lists")]
    [InlineData("""{"a": [1]}""", "no object of lists")]
    [InlineData("""{"a": ["x", "y"]}""", "2 values for 1 models")]
    [InlineData("""{"": ["x"]}""", "column ''")]
    public void Columns_that_do_not_fit_are_refused(string json, string expected)
    {
        using var temp = new TempFolder();
        SafetensorsFile.Write(temp["t"], Whole(), new Dictionary<string, string> { ["columns"] = json });
        AssertRefused(temp["t"], expected);
    }

    [Fact]
    public void A_newer_format_is_refused()
    {
        using var temp = new TempFolder();
        SafetensorsFile.Write(temp["t"], Whole(), new Dictionary<string, string> { ["format"] = "whence-test-case", ["version"] = "2" });
        AssertRefused(temp["t"], "update");
        SafetensorsFile.Write(temp["t"], Whole(), new Dictionary<string, string> { ["format"] = "whence-test-case", ["version"] = "1", ["exemplar_paths"] = "[null]" });
        AssertRefused(temp["t"], "exemplar_paths");
    }

    public static TheoryData<string, long[], string> BrokenChunks => new()
    {
        { "overlap", [0, 2, 1, 4], "overlaps" },
        { "twice", [0, 4, 0, 4], "overlaps" },
        { "empty", [0, 0, 0, 4], "is empty" },
        { "backwards", [0, 4, 4, 2], "is empty" },
        { "gap", [0, 1, 2, 4], "leaves out exemplars 1 to 1" },
        { "beginning", [1, 4], "leaves out exemplars 0 to 0" },
        { "end", [0, 3], "hold 3 exemplars where there are 4" },
        { "beyond", [0, 2, 2, 5], "beyond the 4 exemplars" },
        { "negative", [-1, 4], "-1 to 4" },
        { "huge", [0, 1L << 40], "are no rows" },
        { "none", [], "0 chunks" },
    };

    [Theory]
    [MemberData(nameof(BrokenChunks))]
    public void Chunks_that_do_not_give_each_exemplar_to_one_model_are_refused(string name, long[] ends, string expected)
    {
        using var temp = new TempFolder();
        SafetensorsFile.Write(temp[name], [TensorData.FromSingle("exemplars", [1, 2, 3, 4], 4, 1), TensorData.FromInt64("exemplar_chunks", ends, ends.Length / 2, 2),
            TensorData.FromSingle("synth.gpt", [1], 1, 1), TensorData.FromInt64("synth_ids.gpt", [0], 1)]);
        AssertRefused(temp[name], expected);
    }

    [Theory]
    [InlineData("exemplars", "exemplars")]
    [InlineData("exemplar_chunks", "exemplar_chunks")]
    [InlineData("synth.gpt", "expected the same types")]
    [InlineData("synth_ids.gpt", "expected the same types")]
    [InlineData("synth*", "0 types of prompts")]
    public void What_is_missing_is_named(string missing, string expected)
    {
        using var temp = new TempFolder();
        var tensors = Whole().Where(t => missing.EndsWith('*') ? !t.Name.StartsWith(missing[..^1], StringComparison.Ordinal) : t.Name != missing);
        SafetensorsFile.Write(temp["t"], [.. tensors]);
        AssertRefused(temp["t"], expected);
    }

    [Fact]
    public void Features_that_do_not_fit_or_are_no_numbers_are_refused()
    {
        using var temp = new TempFolder();
        Refused(TensorData.FromSingle("exemplars", [1, 2, float.NaN, 4], 2, 2), "row 1 of the exemplars holds NaN");
        Refused(TensorData.FromSingle("exemplars", [1, 2, 3], 3), "reaches beyond the 1 exemplars");
        Refused(TensorData.FromSingle("exemplars", [1, 2, 3, 4, 5, 6, 7, 8], 2, 2, 2), "n x d features");
        Refused(TensorData.FromSingle("exemplar_chunks", [0, 2], 1, 2), "integers");
        Refused(TensorData.FromInt64("exemplar_chunks", [0, 2], 2), "[models, 2]");
        Refused(TensorData.FromSingle("synth.gpt", [1, float.PositiveInfinity], 1, 2), "row 0 of the queries of prompt type 'gpt' holds");
        Refused(TensorData.FromSingle("synth.gpt", [1, 2, 3], 1, 3), "have 3 values each, the exemplars 2");
        Refused(TensorData.FromSingle("synth.gpt", [], 0, 2), "0 queries");
        Refused(TensorData.FromSingle("synth.gpt", [1, 2, 3, 4], 2, 2), "2 queries and 1 ids");
        Refused(TensorData.FromInt64("synth_ids.gpt", [1], 1), "model 1, expected 0 to 0");
        Refused(TensorData.FromInt64("synth_ids.gpt", [-1], 1), "-1 is no id");

        void Refused(TensorData instead, string expected)
        {
            SafetensorsFile.Write(temp["t"], [.. Whole().Select(t => t.Name == instead.Name ? instead : t)]);
            AssertRefused(temp["t"], expected);
        }
    }

    [Fact]
    public void Paths_are_as_many_as_features()
    {
        using var temp = new TempFolder();
        SafetensorsFile.Write(temp["t"], Whole(), new Dictionary<string, string> { ["synth_paths.gpt"] = "[]" });
        AssertRefused(temp["t"], "0 paths");
        SafetensorsFile.Write(temp["t"], Whole(), new Dictionary<string, string> { ["exemplar_paths"] = """["a", "b"]""", ["synth_paths.gpt"] = """["c"]""" });
        Assert.Equal(["c"], TestCaseFeatures.Load(temp["t"]).Prompts[0].Paths);
    }

    [Fact]
    public void Pickles_of_another_kind_are_refused_with_the_key()
    {
        using var temp = new TempFolder();
        AssertRefused(TorchArchive.Save(temp, TorchArchive.Pickle('}')), "'exemplar_chunks'");
        AssertRefused(TorchArchive.Save(temp, TorchArchive.Pickle(']')), "a dictionary is needed");
        AssertRefused(TorchArchive.Save(temp, TorchArchive.Pickle(
            '}', '(', TorchArchive.Text("exemplar_chunks"), ']', TorchArchive.Tuple(0, 1, 2), 'a', 'u')), "'exemplar_chunks[0]' has 3 entries");
        AssertRefused(SharedData.Get("reference", "evaluation", "laion_subset.pth"), "'exemplar_chunks'");
        AssertRefused(temp["missing"], "does not exist");
    }

    private static TensorData[] Whole() =>
    [
        TensorData.FromSingle("exemplars", [1, 2, 3, 4], 2, 2),
        TensorData.FromInt64("exemplar_chunks", [0, 2], 1, 2),
        TensorData.FromSingle("synth.gpt", [1, 2], 1, 2),
        TensorData.FromInt64("synth_ids.gpt", [0], 1),
    ];

    private static void AssertRefused(string path, string expected)
    {
        var message = Assert.Throws<WhenceException>(() => TestCaseFeatures.Load(path)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains(path, message, StringComparison.Ordinal);
    }

    private static void AssertSame(TestCaseFeatures expected, TestCaseFeatures actual, bool paths)
    {
        Assert.Equal(expected.Exemplars.Span.ToArray(), actual.Exemplars.Span.ToArray());
        Assert.Equal(expected.Chunks, actual.Chunks);
        Assert.Equal(expected.Prompts.Select(p => p.Type), actual.Prompts.Select(p => p.Type));
        foreach (var (a, b) in expected.Prompts.Zip(actual.Prompts))
        {
            Assert.Equal(a.Features.Span.ToArray(), b.Features.Span.ToArray());
            Assert.Equal(a.Models, b.Models);
            Assert.True(!paths || a.Paths!.SequenceEqual(b.Paths!));
        }

        Assert.True(!paths || expected.ExemplarPaths!.SequenceEqual(actual.ExemplarPaths!));
    }
}
