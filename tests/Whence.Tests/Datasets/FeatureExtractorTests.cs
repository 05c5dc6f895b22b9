using System.Text.Json;
using Whence.Datasets;
using Whence.Images;
using Whence.Search;
using Whence.Tests.Images;
using Whence.Vectors;

namespace Whence.Tests.Datasets;

public sealed class FeatureExtractorTests : IDisposable
{
    private static readonly CancellationToken Stop = TestContext.Current.CancellationToken;

    private readonly TempFolder _temp = new();

    public FeatureExtractorTests() => TestImages.WriteFolder(_temp["images"], 12);

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 3, 4)]
    [InlineData(3, 16, 16)]
    public async Task A_test_case_gets_the_features_of_its_images_whatever_the_threads(int threads, int batch, int maxBatch)
    {
        var (read, result) = await ExtractAsync(TwoModels(), new() { Threads = threads, Batch = batch }, maxBatch);
        Assert.Equal((12, 0, 3, 0), (result.Encoded, result.Known, result.Repeated, result.Unread.Count));
        Assert.Equal("patches", read.Encoder);
        Assert.Equal([new(0, 3), new(3, 5)], read.Chunks);
        Assert.Equal(["00000.png", "00001.png", "00002.png", "00003.png", "00000.png"], read.ExemplarPaths);
        Assert.Equal(["gpt", "object"], read.Prompts.Select(p => p.Type));
        Assert.Equal([0, 0, 1, 1, 1], read.Prompts[0].Models);
        Assert.Equal(["00004.png", "00005.png", "00006.png", "00007.png", "00007.png"], read.Prompts[0].Paths);
        Assert.Equal([1, 1, 1, 1, 1], read.Prompts[1].Models);
        Assert.Equal(0, read.ViewsPerImage);
        Assert.Equal(["x", "y"], read.Columns["class_id"]);
        Assert.Equal(["dog", null], read.Columns["category"]);
        Assert.Equal([null, "Ann"], read.Columns["artist"]);
        AssertFeatures(read.Exemplars, read.ExemplarPaths!);
        Assert.All(read.Prompts, p => AssertFeatures(p.Features, p.Paths!));
    }

    [Theory]
    [InlineData(Augmentation.Mild)]
    [InlineData(Augmentation.Strong)]
    public async Task Views_are_those_of_the_path_whatever_the_root_and_the_threads(Augmentation augmentation)
    {
        var options = new FeatureExtractionOptions { Views = 3, Augmentation = augmentation, Seed = 5, Threads = 2, Batch = 3 };
        var (read, _) = await ExtractAsync(TwoModels(), options);
        Assert.Equal(3, read.ViewsPerImage);
        AssertFeatures(read.Exemplars, read.ExemplarPaths!);
        AssertViews(read.ExemplarViews!, read.ExemplarPaths!);
        Assert.All(read.Prompts, p => AssertViews(p.Views!, p.Paths!));

        Directory.Move(_temp["images"], _temp["elsewhere"]);
        await new FeatureExtractor(new PatchEncoder(), options with { Threads = 1, Batch = 1 }).ExtractAsync(Load(TwoModels()), _temp["elsewhere"], _temp["second"], cancellation: Stop);
        Assert.Equal(File.ReadAllBytes(_temp["out"]), File.ReadAllBytes(_temp["second"]));
        Directory.Move(_temp["elsewhere"], _temp["images"]);

        void AssertViews(FeatureMatrix views, IReadOnlyList<string> paths)
        {
            using var encoder = new PatchEncoder();
            var augmenter = new Augmenter(augmentation, encoder.Spec.Preprocessing, 5);
            var (plain, input, feature) = (new Preprocessor(encoder.Spec.Preprocessing), new float[3 * 16 * 16], new float[encoder.Spec.Dimension]);
            Assert.Equal(3 * paths.Count, views.Rows);
            for (var row = 0; row < views.Rows; row++)
            {
                plain.Preprocess(augmenter.View(Pictures.Decode(_temp["images", paths[row / 3]]), paths[row / 3], row % 3), input);
                encoder.Encode(input, feature);
                Assert.Equal(feature, views.Row(row).ToArray());
            }
        }
    }

    [Fact]
    public async Task Missing_images_are_all_told_before_anything_is_encoded()
    {
        var paths = Enumerable.Range(0, 30).Select(i => $"none/{i:D2}.png").Prepend("00000.png").ToArray();
        var calls = 0;
        using var encoder = new PatchEncoder { OnEncode = _ => calls++ };
        var testCase = Load([Model("x", paths, ("gpt", ["00001.png"]))]);
        var message = (await Assert.ThrowsAsync<WhenceException>(() => new FeatureExtractor(encoder).ExtractAsync(testCase, _temp["images"], _temp["out"], cancellation: Stop))).Message;
        Assert.StartsWith("30 of 32 images are missing: ", message, StringComparison.Ordinal);
        Assert.Contains(_temp["images", "none", "11.png"], message, StringComparison.Ordinal);
        Assert.Contains("and 18 more", message, StringComparison.Ordinal);
        Assert.Contains("--images", message, StringComparison.Ordinal);
        Assert.Equal(0, calls);
        Assert.Equal(2, Directory.GetFileSystemEntries(_temp.Path).Length); // the images and the test case
    }

    [Fact]
    public async Task A_bad_image_costs_its_own_row_or_with_fail_fast_the_run()
    {
        File.WriteAllText(_temp["images", "00001.png"], "no image");
        File.WriteAllBytes(_temp["images", "00006.png"], TestImages.Png(6)[..200]);
        var (read, result) = await ExtractAsync(TwoModels(), new());
        Assert.Equal(["00001.png", "00006.png"], result.Unread.Select(u => u.Path).Order());
        Assert.Equal(10, result.Encoded);
        Assert.Equal([new(0, 2), new(2, 4)], read.Chunks);
        Assert.Equal(["00004.png", "00005.png", "00007.png", "00007.png"], read.Prompts[0].Paths);
        Assert.Equal([0, 0, 1, 1], read.Prompts[0].Models);
        AssertFeatures(read.Exemplars, read.ExemplarPaths!);

        var message = (await Assert.ThrowsAsync<WhenceException>(() => ExtractAsync(TwoModels(), new() { FailFast = true, Threads = 1 }))).Message;
        Assert.Contains("00001.png", message, StringComparison.Ordinal);
        Assert.Contains("--fail-fast", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_without_any_exemplar_is_an_error_and_mending_it_goes_on()
    {
        foreach (var name in (string[])["00000.png", "00003.png"])
        {
            File.WriteAllText(_temp["images", name], "no image");
        }

        var message = (await Assert.ThrowsAsync<WhenceException>(() => ExtractAsync(TwoModels(), new()))).Message;
        Assert.Contains("model 1 ('y') has no exemplar", message, StringComparison.Ordinal);
        Assert.Contains("00003.png (", message, StringComparison.Ordinal);
        Assert.False(File.Exists(_temp["out"]));

        File.WriteAllBytes(_temp["images", "00003.png"], TestImages.Png(3));
        var (read, result) = await ExtractAsync(TwoModels(), new());
        Assert.Equal((1, 10, 1), (result.Encoded, result.Known, result.Unread.Count));
        AssertFeatures(read.Exemplars, read.ExemplarPaths!);

        for (var i = 7; i < 12; i++)
        {
            File.WriteAllText(_temp["images", $"{i:D5}.png"], "no image");
        }

        Assert.Contains("no query of prompt type 'object'", (await Assert.ThrowsAsync<WhenceException>(() => ExtractAsync(TwoModels(), new()))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_run_goes_on_and_gives_the_same_file()
    {
        var options = new FeatureExtractionOptions { Views = 2, Threads = 1, Batch = 1 };
        await ExtractAsync(TwoModels(), options);
        var expected = File.ReadAllBytes(_temp["out"]);
        File.Delete(_temp["out"]);

        var known = new List<long>();
        for (var after = 3; ; after += 9)
        {
            using var cancel = new CancellationTokenSource();
            var pictures = 0;
            using var encoder = new PatchEncoder(1) { OnEncode = _ => Cancel() };
            void Cancel()
            {
                if (++pictures == after)
                {
                    cancel.Cancel();
                }
            }

            try
            {
                known.Add((await new FeatureExtractor(encoder, options).ExtractAsync(Load(TwoModels()), _temp["images"], _temp["out"], cancellation: cancel.Token)).Known);
                break;
            }
            catch (OperationCanceledException)
            {
                Assert.False(File.Exists(_temp["out"]));
                Assert.Single(Directory.GetFiles(_temp.Path, "*.whence-partial"));
            }
        }

        Assert.InRange(Assert.Single(known), 1, 11);
        Assert.Equal(expected, File.ReadAllBytes(_temp["out"]));
        Assert.Empty(Directory.GetFiles(_temp.Path, "*.whence-partial"));
    }

    [Fact]
    public async Task What_a_kill_or_a_bad_disk_leaves_of_the_partial_file_is_used_as_far_as_it_is_whole()
    {
        var options = new FeatureExtractionOptions { Threads = 1, Batch = 2 };
        await ExtractAsync(TwoModels(), options);
        var expected = File.ReadAllBytes(_temp["out"]);
        var (path, whole) = await InterruptedAsync(options);
        var random = new Random(1);
        for (var i = 0; i < 60; i++)
        {
            var bytes = whole[..random.Next(whole.Length + 1)];
            if (i % 2 == 1 && bytes.Length > 0)
            {
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            }

            File.WriteAllBytes(path, bytes);
            await ExtractAsync(TwoModels(), options);
            Assert.Equal(expected, File.ReadAllBytes(_temp["out"]));
        }
    }

    [Fact]
    public async Task Features_of_other_images_options_or_encoders_are_not_taken()
    {
        var options = new FeatureExtractionOptions { Views = 1, Threads = 1, Batch = 2 };
        var (path, whole) = await InterruptedAsync(options);
        foreach (var other in (FeatureExtractionOptions[])[options with { Seed = 1 }, options with { Views = 2 }, options with { Augmentation = Augmentation.Strong }, options with { AutoOrient = true }])
        {
            Assert.Equal(0, (await ExtractAsync(TwoModels(), other)).Result.Known);
            Assert.Equal(whole, File.ReadAllBytes(path)); // kept for whoever asks for it
        }

        // One image is another now.
        File.WriteAllBytes(_temp["images", "00000.png"], TestImages.Png(99, 48));
        var (read, result) = await ExtractAsync(TwoModels(), options);
        Assert.Equal((3, 9), (result.Known, result.Encoded));
        AssertFeatures(read.Exemplars, read.ExemplarPaths!);
    }

    [Fact]
    public async Task Two_runs_do_not_write_one_file()
    {
        using var encoder = new PatchEncoder();
        var second = new List<string>();
        using var first = new PatchEncoder
        {
            OnEncode = _ =>
            {
                if (second.Count == 0)
                {
                    second.Add(Assert.Throws<WhenceException>(() => new FeatureExtractor(encoder).ExtractAsync(Load(TwoModels()), _temp["images"], _temp["out"], cancellation: Stop).GetAwaiter().GetResult()).Message);
                }
            },
        };
        await new FeatureExtractor(first, new() { Threads = 1 }).ExtractAsync(Load(TwoModels()), _temp["images"], _temp["out"], cancellation: Stop);
        Assert.Contains("Is another run at work", Assert.Single(second), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Images_of_any_source_become_named_features()
    {
        File.WriteAllText(_temp["images", "00004.png"], "no image");
        File.WriteAllLines(_temp["list.txt"], ["images/00003.png", "images/00001.png", "images/00003.png"]);
        using var encoder = new PatchEncoder();
        var result = await new FeatureExtractor(encoder).ExtractAsync([_temp["list.txt"], _temp["images"]], _temp["out"], cancellation: Stop);
        Assert.Equal((11, 3, 1), (result.Encoded, result.Repeated, result.Unread.Count));

        using var file = FeatureFile.Open(_temp["out"]);
        Assert.Equal((11, 48, "patches"), (file.Rows, file.Columns, file.Encoder));
        Assert.Equal(new int[] { 3, 1, 0, 2, 5, 6, 7, 8, 9, 10, 11 }.Select(i => _temp["images", $"{i:D5}.png"]), file.Names);
        var rows = new float[11 * 48];
        file.ReadRows(0, rows);
        AssertFeatures(new FeatureMatrix(11, 48, rows), file.Names!);
        Assert.Throws<WhenceException>(() => TestCaseFeatures.Load(_temp["out"]));
    }

    [Fact]
    public async Task Of_sources_a_filter_chooses_images_by_their_metadata()
    {
        foreach (var number in Enumerable.Range(0, 12))
        {
            File.WriteAllText(_temp["images", $"{number:D5}.json"], $$"""{"number": "{{number}}"}""");
        }

        Assert.Equal(["00002.png", "00010.png", "00011.png"], await NamesAsync("number = 2 or number >= 10"));
        File.WriteAllText(_temp["images", "00004.png"], "no image");
        Assert.Equal(["00011.png"], await NamesAsync("number in (4, 11)"));
        Assert.Contains("of 12 images none", (await Assert.ThrowsAsync<WhenceException>(() => NamesAsync("number > 12"))).Message);
        Assert.Contains("no metadata column 'nummer'", (await Assert.ThrowsAsync<WhenceException>(() => NamesAsync("nummer > 2"))).Message);

        async Task<IEnumerable<string>> NamesAsync(string where)
        {
            await new FeatureExtractor(new PatchEncoder(), new() { Where = MetadataPredicate.Parse(where) }).ExtractAsync([_temp["images"]], _temp["out"], cancellation: Stop);
            using var file = FeatureFile.Open(_temp["out"]);
            return [.. file.Names!.Select(name => Path.GetFileName(name))];
        }
    }

    [Fact]
    public async Task Sources_that_hold_nothing_that_can_be_read_are_refused()
    {
        await RefusedAsync("does not exist", _temp["none"]);
        File.WriteAllLines(_temp["list.txt"], ["images/00003.png", "images/none.png"]);
        await RefusedAsync("1 of 2 images are missing", _temp["list.txt"]);
        Directory.CreateDirectory(_temp["bad"]);
        File.WriteAllText(_temp["bad", "a.png"], "no image");
        await RefusedAsync("None of 1 images", _temp["bad"]);
        await Assert.ThrowsAsync<WhenceException>(() => new FeatureExtractor(new PatchEncoder(), new() { Views = 1 }).ExtractAsync([_temp["images"]], _temp["out"], cancellation: Stop));
        await Assert.ThrowsAsync<WhenceException>(() => new FeatureExtractor(new PatchEncoder()).ExtractAsync([_temp["images"]], _temp["images"], cancellation: Stop));
        await Assert.ThrowsAsync<WhenceException>(() => new FeatureExtractor(new PatchEncoder()).ExtractAsync([_temp["images"]], _temp["none", "out"], cancellation: Stop));

        async Task RefusedAsync(string expected, string source)
        {
            using var encoder = new PatchEncoder();
            var message = (await Assert.ThrowsAsync<WhenceException>(() => new FeatureExtractor(encoder).ExtractAsync([source], _temp["out"], cancellation: Stop))).Message;
            Assert.Contains(expected, message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_feature_that_is_no_number_costs_its_image()
    {
        using var encoder = new PatchEncoder(1) { AfterEncode = features => features[0] = features[0] > 0.2f ? float.NaN : features[0] };
        var result = await new FeatureExtractor(encoder).ExtractAsync([_temp["images"]], _temp["out"], cancellation: Stop);
        Assert.InRange(result.Unread.Count, 1, 11);
        Assert.All(result.Unread, u => Assert.Contains("gave the value NaN", u.Error, StringComparison.Ordinal));
    }

    [Fact]
    public void What_does_not_fit_memory_is_refused_beforehand()
    {
        var testCase = Load([Model("x", ["00000.png"], ("gpt", [.. Enumerable.Repeat("00001.png", 50_000)]))]);
        var message = Assert.Throws<AggregateException>(() => new FeatureExtractor(new PatchEncoder(), new() { Views = 1000 }).ExtractAsync(testCase, _temp["images"], _temp["out"]).Wait(Stop)).InnerException!.Message;
        Assert.Contains("fewer views", message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new FeatureExtractor(new PatchEncoder(), new() { Views = 1001 }));
    }

    private async Task<(TestCaseFeatures Features, ExtractionResult Result)> ExtractAsync(object[] models, FeatureExtractionOptions options, int maxBatch = 4)
    {
        using var encoder = new PatchEncoder(maxBatch);
        var result = await new FeatureExtractor(encoder, options).ExtractAsync(Load(models), _temp["images"], _temp["out"], cancellation: Stop);
        return (TestCaseFeatures.Load(_temp["out"]), result);
    }

    /// <summary>The partial file of a run that stopped after some images.</summary>
    private async Task<(string Path, byte[] Bytes)> InterruptedAsync(FeatureExtractionOptions options)
    {
        using var encoder = new PatchEncoder(1);
        await Assert.ThrowsAsync<InvalidOperationException>(() => new FeatureExtractor(encoder, options).ExtractAsync(
            Load(TwoModels()), _temp["images"], _temp["out"], new Break(), Stop));
        var path = Assert.Single(Directory.GetFiles(_temp.Path, "*.whence-partial"));
        return (path, File.ReadAllBytes(path));
    }

    private sealed class Break : IProgress<ExtractionProgress>
    {
        public void Report(ExtractionProgress value)
        {
            if (value.Encoded >= 4)
            {
                throw new InvalidOperationException("stopped");
            }
        }
    }

    private TestCase Load(object[] models)
    {
        File.WriteAllText(_temp["case.json"], JsonSerializer.Serialize(models));
        return TestCase.Load(_temp["case.json"]);
    }

    private static object[] TwoModels() =>
    [
        Model("x", ["00000.png", "00001.png", "00002.png"], ("gpt", ["00004.png", "00005.png"])),
        Model("y", ["00003.png", "00000.png"], ("object", ["00007.png", "00008.png", "00009.png", "00010.png", "00011.png"]), ("gpt", ["00006.png", "00007.png", "00007.png"])),
    ];

    private static Dictionary<string, object?> Model(string name, string[] exemplars, params (string Type, string[] Paths)[] synthesized)
    {
        var model = new Dictionary<string, object?>
        {
            ["exemplar"] = exemplars,
            ["synth"] = synthesized.ToDictionary(s => s.Type, s => s.Paths),
            ["class_id"] = name,
            ["category"] = name == "x" ? "dog" : null,
        };
        if (name == "y")
        {
            model["artist"] = "Ann";
        }

        return model;
    }

    /// <summary>Each row is the plain feature of its image.</summary>
    private void AssertFeatures(FeatureMatrix features, IReadOnlyList<string> paths)
    {
        using var encoder = new PatchEncoder();
        var (preprocessor, input, feature) = (new Preprocessor(encoder.Spec.Preprocessing), new float[3 * 16 * 16], new float[encoder.Spec.Dimension]);
        Assert.Equal(paths.Count, features.Rows);
        foreach (var (row, path) in paths.Index())
        {
            preprocessor.Preprocess(File.ReadAllBytes(Path.Combine(_temp["images"], path)), input);
            encoder.Encode(input, feature);
            Assert.Equal(feature, features.Row(row).ToArray());
        }
    }
}
