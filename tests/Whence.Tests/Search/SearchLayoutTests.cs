using System.Diagnostics;
using Whence.Mapping;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Search;

public sealed class SearchLayoutTests : IDisposable
{
    private const int Dimension = 6;
    private readonly TempFolder _temp = new();
    private readonly FeatureMatrix _query = new(1, Dimension, [1, 0, 0, 0, 0, 0]);

    public SearchLayoutTests() => ExactSearchTests.Write(_temp["index"], Rows(0, 2100), partSize: 1500);

    [Fact]
    public void It_is_made_once_and_found_again()
    {
        Open().Dispose();
        var written = Files().Select(f => (f, File.GetLastWriteTimeUtc(f))).ToArray();
        Assert.Equal(["layout.json", "part-00000.rows", "part-00001.rows"], Files().Select(Path.GetFileName));
        Open().Dispose();
        Assert.Equal(written, Files().Select(f => (f, File.GetLastWriteTimeUtc(f))));
    }

    [Fact]
    public void Every_mapper_has_its_own_and_only_its_own()
    {
        Open(new ChannelMapper([1, 2, 3, 4, 5, 6])).Dispose();
        Open(new ChannelMapper([6, 5, 4, 3, 2, 1])).Dispose();
        Open().Dispose();
        Assert.Equal(3, Directory.GetDirectories(_temp["index", "search"]).Length);
        using var mapped = Open(new ChannelMapper([0, 1, 0, 0, 0, 0]));
        Assert.All(mapped.Nearest(_query, 3)[0], m => Assert.Equal(0, m.Similarity));
    }

    [Fact]
    public void Rows_that_were_added_are_laid_out_and_others_kept()
    {
        Open().Dispose();
        var first = File.GetLastWriteTimeUtc(_temp["index", "search", "features", "part-00000.rows"]);
        using (var writer = TestIndex.NewWriter(_temp["index"], Dimension, 1500))
        {
            writer.Add(TestIndex.Row(5000), [1, 0, 0, 0, 0, 0]);
            writer.Commit();
        }

        using var search = Open();
        Assert.Equal(new Match(2100, 1), search.Nearest(_query, 1)[0][0]);
        Assert.Equal(first, File.GetLastWriteTimeUtc(_temp["index", "search", "features", "part-00000.rows"]));
        Assert.Equal(3, Files().Count(f => f.EndsWith(".rows", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_layout_of_other_features_is_not_used()
    {
        Open().Dispose();
        using var other = new TempFolder();
        ExactSearchTests.Write(other["index"], Rows(1, 2100), partSize: 1500);
        Directory.Move(_temp["index", "search"], other["index", "search"]);
        using var search = ExactSearch.Open(FeatureIndex.Open(other["index"]));
        using var fresh = ExactSearch.Open(FeatureIndex.Open(other["index"]), new() { BuildLayout = false });
        Assert.Equal(fresh.Nearest(_query, 50)[0], search.Nearest(_query, 50)[0]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"format\":\"whence-search-layout\",\"version\":999,\"encoder\":\"test\",\"mapper\":\"\",\"parts\":[]}")]
    [InlineData("{\"format\":\"whence-search-layout\",\"version\":1,\"encoder\":\"test\",\"mapper\":\"\",\"parts\":[null]}")]
    public void A_table_of_contents_that_means_nothing_is_made_again(string content)
    {
        var expected = Nearest();
        File.WriteAllText(_temp["index", "search", "features", "layout.json"], content);
        Assert.Equal(expected, Nearest());
        Assert.Contains("\"version\": 1", File.ReadAllText(_temp["index", "search", "features", "layout.json"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_changed_byte_is_noticed_or_changes_nothing()
    {
        var expected = Nearest();
        var path = _temp["index", "search", "features", "part-00001.rows"];
        var bytes = File.ReadAllBytes(path);
        var random = new Random(1);
        for (var i = 0; i < 200; i++)
        {
            var at = random.Next(bytes.Length);
            var damaged = (byte[])bytes.Clone();
            damaged[at] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, damaged);
            try
            {
                Assert.Equal(expected, Nearest());
            }
            catch (WhenceException e)
            {
                Assert.Contains("damaged", e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', e.Message);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(1000)]
    public void A_file_cut_short_is_an_error_that_says_what_to_delete(int length)
    {
        Nearest();
        var path = _temp["index", "search", "features", "part-00000.rows"];
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..length]);
        var error = Assert.Throws<WhenceException>(Nearest);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_feature_that_changed_after_the_layout_was_made_is_noticed_when_it_is_read()
    {
        Nearest();
        var path = _temp["index", "features", "part-00000.npy"];
        var bytes = File.ReadAllBytes(path);
        using var search = Open();
        var best = search.Nearest(_query, 1)[0][0].Id;
        bytes[128 + (best * Dimension * 2)] ^= 1;
        search.Dispose();
        File.WriteAllBytes(path, bytes);
        Assert.Contains($"row {best} is not as it was", Assert.Throws<WhenceException>(Nearest).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mapped_file_of_another_shape_is_refused()
    {
        var mapper = new ChannelMapper([1, 2, 3, 4, 5, 6]);
        Open(mapper).Dispose();
        var path = Directory.GetFiles(_temp["index", "search"], "part-00000.npy", SearchOption.AllDirectories).Single();
        using (var stream = File.Create(path))
        {
            NpyFile.Write(stream, new float[4], 2);
        }

        using var search = Open(mapper);
        Assert.Contains("2 x 2 F32", Assert.Throws<WhenceException>(() => search.Nearest(_query, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mapper_of_more_values_than_can_be_searched_is_refused_before_anything_is_made()
    {
        const int TooMany = 65_537;
        var error = Assert.Throws<WhenceException>(() => Open(new LinearMapper(Dimension, TooMany, new float[TooMany * Dimension], new float[TooMany])));
        Assert.Contains("65537 values", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_temp["index", "search"]));
    }

    [Fact]
    public void The_longest_part_that_a_manifest_can_name_has_a_length()
    {
        Assert.Equal(1 << 21, LayoutPart.Chunks(int.MaxValue));
        Assert.True(LayoutPart.FileLength(int.MaxValue, 65_536) > (long)int.MaxValue * 65_536);
    }

    [Fact]
    public void An_interrupted_layout_is_finished_where_it_stopped()
    {
        var seen = new List<LayoutProgress>();
        using var source = new CancellationTokenSource();
        var stop = new SearchOptions { Threads = 1, Progress = new Tell(p => { seen.Add(p); if (p.Done >= 1500) { source.Cancel(); } }) };
        Assert.ThrowsAny<OperationCanceledException>(() => ExactSearch.Open(FeatureIndex.Open(_temp["index"]), stop, source.Token));
        Assert.Equal(2100, seen[0].Total);
        Open().Dispose();
        seen.Clear();
        Open().Dispose();
        Assert.Empty(seen);
        Assert.DoesNotContain(Files(), f => f.EndsWith(".whence-tmp", StringComparison.Ordinal));
    }

    [Fact]
    public void A_folder_that_somebody_else_is_writing_is_searched_without_a_layout()
    {
        Directory.CreateDirectory(_temp["index", "search", "features"]);
        using (new FileStream(_temp["index", "search", "features", ".lock"], FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            Assert.Equal(5, Nearest().Length);
            Assert.Empty(Files());
        }
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_searched_without_a_layout()
    {
        File.WriteAllText(_temp["index", "search"], "a file where the folder should be");
        Assert.Equal(5, Nearest().Length);
    }

    [Fact]
    public void Files_may_be_links_to_where_there_is_room()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links take a right there");
        var expected = Nearest();
        foreach (var name in new[] { "features", Path.Combine("search", "features") }.SelectMany(f => Directory.GetFiles(_temp["index", f])).Append(_temp["index", "whence.json"]).ToArray())
        {
            var elsewhere = _temp[Path.GetFileName(name) + Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(name)))];
            File.Move(name, elsewhere);
            File.CreateSymbolicLink(name, elsewhere);
        }

        Assert.Equal(expected, Nearest());
    }

    [Theory]
    [InlineData("whence.json", "is damaged")]
    [InlineData("features/part-00000.npy", "holds 0 bytes")]
    [InlineData("search/features/part-00000.rows", "damaged")]
    [InlineData("search/features/layout.json", null)]
    public void A_pipe_in_place_of_a_file_is_not_waited_for(string name, string? message)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "pipes have no file names there");
        var expected = Nearest();
        File.Delete(_temp["index", name]);
        using (var process = Process.Start("mkfifo", [_temp["index", name]]))
        {
            process.WaitForExit();
        }

        if (message is null)
        {
            Assert.Equal(expected, Nearest());
        }
        else
        {
            Assert.Contains(message, Assert.Throws<WhenceException>(Nearest).Message, StringComparison.Ordinal);
            Assert.NotEmpty(name == "whence.json" ? [message] : IndexVerification.Verify(_temp["index"]).Select(d => d.Problem));
        }
    }

    public void Dispose() => _temp.Dispose();

    private Match[] Nearest()
    {
        using var search = Open();
        return search.Nearest(_query, 5)[0];
    }

    private ExactSearch Open(Mapper? mapper = null) => ExactSearch.Open(FeatureIndex.Open(_temp["index"]), new() { Mapper = mapper, Threads = 2 });

    private string[] Files() => [.. Directory.GetFiles(_temp["index", "search", "features"]).Where(f => !f.EndsWith(".lock", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static float[][] Rows(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, Dimension).Select(_ => (float)(Half)(random.NextSingle() - 0.5f)).ToArray())];
    }

    private sealed class Tell(Action<LayoutProgress> told) : IProgress<LayoutProgress>
    {
        public void Report(LayoutProgress value) => told(value);
    }
}
