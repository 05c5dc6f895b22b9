using Whence.Search;

namespace Whence.Tests.Search;

public class IndexBuilderTests
{
    private static readonly IndexBuildOptions Small = new() { PartSize = 10, Threads = 3, Batch = 4 };

    [Fact]
    public async Task Rows_come_in_source_order_with_everything_known_of_the_image()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 25);
        File.WriteAllText(temp["photos", "00007.txt"], "seven");
        File.WriteAllText(temp["photos", "00007.json"], """{"creator":"Ada"}""");

        var result = await new IndexBuilder(temp["index"], new PatchEncoder(), Small).BuildAsync([temp["photos"]], cancellation: TestContext.Current.CancellationToken);

        var index = FeatureIndex.Open(temp["index"]);
        var rows = index.ReadMetadata().ToArray();
        Assert.Equal(new IndexProgress(25, 0, 0), result);
        Assert.Equal([10, 10, 5], index.Manifest.Parts.Select(p => p.Rows));
        Assert.Equal(Enumerable.Range(0, 25).Select(i => temp["photos", $"{i:D5}.png"]), rows.Select(r => r.Source));
        Assert.Equal(Enumerable.Range(0, 25), rows.Select(r => (int)r.Id));
        Assert.Equal(("seven", "Ada", 40, 32), (rows[7].Caption, rows[7].Extra["creator"], rows[7].Width, rows[7].Height));
        Assert.Equal(Sha256(temp["photos", "00007.png"]), rows[7].Sha256);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 3)]
    [InlineData(8, 16)]
    public async Task The_result_does_not_depend_on_threads_or_batch(int threads, int batch)
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 33);
        await BuildAsync(temp, "expected", Small with { Threads = 1, Batch = 1 });
        await BuildAsync(temp, "actual", Small with { Threads = threads, Batch = batch });
        AssertSameFiles(temp["expected"], temp["actual"]);
    }

    [Fact]
    public async Task Bad_images_are_recorded_and_passed_over()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 12);
        File.WriteAllText(temp["photos", "00003.png"], "no image");
        File.WriteAllBytes(temp["photos", "00008.png"], File.ReadAllBytes(temp["photos", "00007.png"])[..60]);

        var result = await BuildAsync(temp, "index", Small);

        var failures = FeatureIndex.Open(temp["index"]).ReadFailures();
        Assert.Equal(new IndexProgress(10, 2, 0), result);
        Assert.Equal(["00003.png", "00008.png"], failures.Select(f => Path.GetFileName(f.Source)));
        Assert.All(failures, f => Assert.NotEmpty(f.Error));
    }

    [Fact]
    public async Task Known_failures_are_skipped_until_asked_for()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 5);
        File.WriteAllText(temp["photos", "00002.png"], "no image");
        await BuildAsync(temp, "index", Small);
        File.WriteAllBytes(temp["photos", "00002.png"], TestImages.Png(2));

        Assert.Equal(new IndexProgress(0, 0, 5), await BuildAsync(temp, "index", Small));
        Assert.Equal(new IndexProgress(1, 0, 4), await BuildAsync(temp, "index", Small with { RetryFailures = true }));
        Assert.Empty(FeatureIndex.Open(temp["index"]).ReadFailures());
    }

    [Fact]
    public async Task Retrying_one_source_keeps_the_failures_of_the_others()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 3);
        File.WriteAllText(temp["photos", "bad.png"], "no image");
        await BuildAsync(temp, "index", Small);
        TestImages.WriteFolder(temp["more"], 2, firstSeed: 50);

        using var encoder = new PatchEncoder();
        await new IndexBuilder(temp["index"], encoder, Small with { RetryFailures = true }).BuildAsync([temp["more"]]);

        Assert.Equal("bad.png", Assert.Single(FeatureIndex.Open(temp["index"]).ReadFailures()).Key);
    }

    [Fact]
    public async Task A_feature_that_the_index_cannot_hold_is_one_failure_not_the_end()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 9);
        var calls = 0;
        using var encoder = new PatchEncoder(maxBatch: 1) { AfterEncode = features => features[0] = ++calls == 4 ? 70_000 : features[0] };

        var result = await new IndexBuilder(temp["index"], encoder, Small with { Threads = 1 }).BuildAsync([temp["photos"]]);

        Assert.Equal(new IndexProgress(8, 1, 0), result);
        Assert.Contains("float32", Assert.Single(FeatureIndex.Open(temp["index"]).ReadFailures()).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_that_does_not_exist_is_told_before_any_work()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 3);
        using var encoder = new PatchEncoder();
        var error = await Assert.ThrowsAsync<WhenceException>(() =>
            new IndexBuilder(temp["index"], encoder).BuildAsync([temp["photos"], temp["typo"]]));
        Assert.Contains("typo", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(temp["index"]));
    }

    [Fact]
    public async Task Other_peoples_files_in_the_folder_are_left_alone()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 3);
        Directory.CreateDirectory(temp["index"]);
        File.WriteAllText(temp["index", "thesis.tmp"], "years of work");
        await Assert.ThrowsAsync<WhenceException>(() => BuildAsync(temp, "index", Small));
        Assert.True(File.Exists(temp["index", "thesis.tmp"]));
    }

    [Fact]
    public async Task Fail_fast_names_the_image_and_keeps_what_was_written()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 40);
        File.WriteAllText(temp["photos", "00030.png"], "no image");

        var error = await Assert.ThrowsAsync<WhenceException>(() => BuildAsync(temp, "index", Small with { FailFast = true }));

        Assert.Contains("00030.png", error.Message, StringComparison.Ordinal);
        File.WriteAllBytes(temp["photos", "00030.png"], TestImages.Png(30));
        await BuildAsync(temp, "index", Small);
        Assert.Equal(40, FeatureIndex.Open(temp["index"]).Count);
        Assert.Empty(IndexVerification.Verify(temp["index"], cancellation: TestContext.Current.CancellationToken));
    }

    // More images behind the bad one than may be in flight: the stages must not wait for each other for ever.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_error_in_one_worker_stops_the_others_however_long_the_source(bool badImage)
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 150);
        var calls = 0;
        using var encoder = new PatchEncoder
        {
            OnEncode = _ =>
            {
                if (!badImage && Interlocked.Increment(ref calls) == 20)
                {
                    throw new WhenceException("out of order");
                }
            },
        };
        if (badImage)
        {
            File.WriteAllText(temp["photos", "00030.png"], "no image");
        }

        var error = await Assert.ThrowsAsync<WhenceException>(() =>
            new IndexBuilder(temp["index"], encoder, Small with { FailFast = true, Batch = 1 }).BuildAsync([temp["photos"]]));

        Assert.Contains(badImage ? "00030.png" : "out of order", error.Message, StringComparison.Ordinal);
        Assert.Empty(IndexVerification.Verify(temp["index"]));
        Assert.InRange(FeatureIndex.Open(temp["index"]).Count, 10, 149);
    }

    [Fact]
    public async Task A_grown_source_adds_what_is_new_and_keeps_the_ids()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 15, firstSeed: 100);
        await BuildAsync(temp, "index", Small);
        TestImages.WriteFolder(temp["photos"], 5); // sorts before the others

        Assert.Equal(new IndexProgress(5, 0, 15), await BuildAsync(temp, "index", Small));

        var keys = FeatureIndex.Open(temp["index"]).ReadMetadata().Select(r => Path.GetFileNameWithoutExtension(r.Source));
        Assert.Equal(Enumerable.Range(100, 15).Concat(Enumerable.Range(0, 5)).Select(i => $"{i:D5}"), keys);
    }

    [Fact]
    public async Task A_removed_image_does_not_come_back()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 8);
        await BuildAsync(temp, "index", Small);
        IndexRemoval.Remove(temp["index"], [2], []);

        await BuildAsync(temp, "index", Small);

        var index = FeatureIndex.Open(temp["index"]);
        Assert.Equal(8, index.Count);
        Assert.Equal([2], index.Removed);
    }

    [Fact]
    public async Task Cancelling_keeps_what_was_encoded_and_the_next_run_finishes()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 200); // many more than may be in flight
        using var stop = new CancellationTokenSource();
        var calls = 0;
        using var encoder = new PatchEncoder
        {
            OnEncode = _ =>
            {
                if (Interlocked.Increment(ref calls) == 7)
                {
                    stop.Cancel();
                }
            },
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            new IndexBuilder(temp["index"], encoder, Small).BuildAsync([temp["photos"]], cancellation: stop.Token));

        var kept = FeatureIndex.Open(temp["index"]).Count;
        Assert.InRange(kept, 24, 199);
        var result = await BuildAsync(temp, "index", Small);
        Assert.Equal((200 - kept, kept), (result.Indexed, result.Skipped));
        await BuildAsync(temp, "expected", Small);
        Assert.Equal(Features(temp["expected"]), Features(temp["index"]));
    }

    // What a kill leaves behind: files of the part in flight, whole or torn, that the manifest does not name.
    [Theory]
    [InlineData("features/part-00001.npy")]
    [InlineData("features/part-00001.npy.whence-tmp")]
    [InlineData("metadata/part-00001.parquet")]
    [InlineData("whence.json.whence-tmp")]
    [InlineData("failures.parquet.whence-tmp")]
    public async Task Leftovers_of_a_killed_run_do_no_harm(string leftover)
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 10);
        await BuildAsync(temp, "index", Small);
        File.WriteAllText(temp["index", leftover], "torn");
        TestImages.WriteFolder(temp["photos"], 15, firstSeed: 10);
        await BuildAsync(temp, "index", Small);
        await BuildAsync(temp, "expected", Small);
        AssertSameFiles(temp["expected"], temp["index"]);
    }

    [Fact]
    public async Task An_index_of_turned_images_turns_its_queries_and_goes_on_in_the_same_way_only()
    {
        using var temp = new TempFolder();
        var sideways = Path.Combine(SharedData.RepositoryRoot, "tests", "golden", "images", "exif6.jpg");
        Directory.CreateDirectory(temp["photos"]);
        File.Copy(sideways, temp["photos", "sideways.jpg"]);
        TestImages.WriteFolder(temp["photos"], 3);
        await BuildAsync(temp, "turned", Small with { AutoOrient = true });
        await BuildAsync(temp, "plain", Small);
        using var encoder = new PatchEncoder();

        foreach (var name in new[] { "turned", "plain" })
        {
            var best = new Attributor(FeatureIndex.Open(temp[name]), encoder).Attribute(Query.FromFile(sideways), 1).Results[0];
            Assert.Equal(("sideways.jpg", 1f), (best.Metadata["key"], MathF.Round(best.Similarity, 3)));
        }

        Assert.NotEqual(Features(temp["plain"]), Features(temp["turned"]));
        var error = await Assert.ThrowsAsync<WhenceException>(() => BuildAsync(temp, "turned", Small));
        Assert.Contains("--auto-orient", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_estimate_counts_what_is_new_and_writes_nothing()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 6);
        await BuildAsync(temp, "index", Small);
        TestImages.WriteFolder(temp["photos"], 4, firstSeed: 10);
        using var encoder = new PatchEncoder();

        var estimate = await IndexEstimate.MeasureAsync([temp["photos"]], temp["index"], encoder, Small);

        Assert.Equal((4, 6, 4), (estimate.New, estimate.Known, estimate.Sampled));
        Assert.Equal(6, FeatureIndex.Open(temp["index"]).Count);
        await Assert.ThrowsAsync<WhenceException>(() =>
            IndexEstimate.MeasureAsync([temp["photos"]], temp["index"], encoder, Small with { Type = Whence.Vectors.ElementType.F32 }));
    }

    [Fact]
    public async Task Another_encoders_index_is_left_alone()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 3);
        TestIndex.NewWriter(temp["index"], 48, partSize: 10).Dispose();
        var error = await Assert.ThrowsAsync<WhenceException>(() => BuildAsync(temp, "index", Small));
        Assert.Contains("another folder", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_with_other_things_is_left_alone()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 3);
        await Assert.ThrowsAsync<WhenceException>(() => BuildAsync(temp, "photos", Small));
        Assert.Equal(3, Directory.GetFileSystemEntries(temp["photos"]).Length);
    }

    [Fact]
    public async Task A_second_process_is_kept_out()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 3);
        using var first = TestIndex.NewWriter(temp["index"], 48, partSize: 10);
        var error = await Assert.ThrowsAsync<WhenceException>(() => BuildAsync(temp, "index", Small));
        Assert.Contains("another process", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_encoder_that_breaks_ends_the_run_with_its_error()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 30);
        using var encoder = new PatchEncoder { OnEncode = _ => throw new WhenceException("out of order") };
        var error = await Assert.ThrowsAsync<WhenceException>(() =>
            new IndexBuilder(temp["index"], encoder, Small).BuildAsync([temp["photos"]], cancellation: TestContext.Current.CancellationToken));
        Assert.Equal("out of order", error.Message);
    }

    private static async Task<IndexProgress> BuildAsync(TempFolder temp, string name, IndexBuildOptions options)
    {
        using var encoder = new PatchEncoder(maxBatch: 16);
        return await new IndexBuilder(temp[name], encoder, options).BuildAsync([temp["photos"]], cancellation: TestContext.Current.CancellationToken);
    }

    internal static void AssertSameFiles(string expected, string actual)
    {
        var names = Files(expected);
        Assert.Equal(names, Files(actual));
        foreach (var name in names)
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(expected, name)), File.ReadAllBytes(Path.Combine(actual, name)));
        }

        static string[] Files(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(folder, f)).Where(f => !f.EndsWith(".lock", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
    }

    private static float[] Features(string folder)
    {
        var index = FeatureIndex.Open(folder);
        return index.ReadFeatures([.. Enumerable.Range(0, (int)index.Count).Select(i => (long)i)]).Span.ToArray();
    }

    private static string Sha256(string path) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)));
}
