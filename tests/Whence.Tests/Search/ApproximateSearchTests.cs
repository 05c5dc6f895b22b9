using System.Text.Json.Nodes;
using Whence.Mapping;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Search;

/// <summary>Graphs are made by one thread here, so that they are the same in every run.</summary>
public sealed class ApproximateSearchTests : IDisposable
{
    private const int Count = 3000, Dimension = 32, PartSize = 500;
    private const double LeastRecall = 0.95;

    private readonly TempFolder _temp = new();
    private readonly float[][] _rows = Rows(0, Count);
    private readonly FeatureMatrix _queries = Queries(20);

    public ApproximateSearchTests() => ExactSearchTests.Write(_temp["index"], _rows, PartSize);

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData(1000)]
    [InlineData(1)]
    public void Nearly_all_of_the_best_are_found_and_their_similarities_are_exact(int? graphRows)
    {
        var summary = Build(graphRows: graphRows);
        Assert.Equal(graphRows switch { null => 1, 1000 => 3, _ => 6 }, summary.Graphs);
        Assert.Equal(Count, summary.Vectors);
        using var search = Open();
        Assert.False(search.IsExact(10));
        Assert.Equal((Count, 0), (search.Searched, search.SearchedExactly));
        AssertFound(search, 1);
        AssertFound(search, 10);
        AssertFound(search, 300);
    }

    [Fact]
    public void Mapped_rows_have_graphs_of_their_own()
    {
        var random = new Random(5);
        Mapper mapper = new LinearMapper(Dimension, 24, [.. Enumerable.Range(0, Dimension * 24).Select(_ => random.NextSingle() - 0.5f)], new float[24]);
        Build();
        Assert.Contains("no approximate index", Assert.Throws<WhenceException>(() => Open(new() { Mapper = mapper })).Message, StringComparison.Ordinal);
        Build(mapper);
        using var search = Open(new() { Mapper = mapper });
        AssertFound(search, 10, Queries(5, 24));
        using var raw = Open();
        AssertFound(raw, 10);
    }

    [Fact]
    public void Where_much_is_asked_for_or_little_is_left_the_search_is_exact()
    {
        Build();
        using var search = Open();
        Assert.True(search.IsExact(Count));
        Assert.Equal(search.Exact.Nearest(_queries, 500), search.Nearest(_queries, 500));
        Assert.Equal([], search.Nearest(_queries, 0)[0]);
        using var few = Open(new() { Rows = RowSet.Of(Count, [.. Enumerable.Range(0, 200).Select(i => i * 15L)]) });
        Assert.True(few.IsExact(1));
        Assert.Equal(200, few.SearchedExactly);
        Assert.Equal(few.Exact.Nearest(_queries, 10), few.Nearest(_queries, 10));
    }

    [Fact]
    public void Removed_images_and_those_outside_a_filter_are_never_found()
    {
        Build(graphRows: 1000);
        using (var all = Open())
        {
            IndexRemoval.Remove(_temp["index"], [.. all.Exact.Nearest(_queries, 2).SelectMany(m => m.Select(n => n.Id)).Distinct()], []);
        }

        using (var left = Open())
        {
            AssertFound(left, 10);
        }

        // The last graph keeps so few that it is not worth going through.
        var rows = RowSet.Of(Count, Enumerable.Range(0, Count).Where(i => i % 3 == 0 && (i < 2000 || i % 51 == 0)).Select(i => (long)i));
        using var some = Open(new() { Rows = rows });
        Assert.InRange(some.SearchedExactly, 1, 20);
        Assert.False(some.IsExact(10));
        AssertFound(some, 10);
        Assert.All(some.Nearest(_queries, 10).SelectMany(m => m), m => Assert.True(rows.Contains(m.Id) && !FeatureIndex.Open(_temp["index"]).Removed.Contains(m.Id)));
    }

    [Fact]
    public void What_came_after_the_graphs_is_searched_exactly_until_they_are_built_again()
    {
        Build(graphRows: 1000);
        var before = Graphs();
        using (var writer = TestIndex.NewWriter(_temp["index"], Dimension, PartSize))
        {
            writer.Add(TestIndex.Row(Count), _queries.Row(0).ToArray());
            writer.Commit();
        }

        using (var search = Open())
        {
            Assert.Equal(1, search.SearchedExactly);
            Assert.Equal(Count, search.Nearest(_queries, 1)[0][0].Id);
            AssertFound(search, 10);
        }

        var summary = Build(graphRows: 1500);
        Assert.Equal((3, 3, Count + 1), (summary.Graphs, summary.Made, summary.Vectors));
        Assert.Empty(before.Intersect(Graphs()));
        Assert.Equal(0, Build(graphRows: 1500).Made);
        using var again = Open();
        Assert.Equal(0, again.SearchedExactly);
        Assert.Equal(Count, again.Nearest(_queries, 1)[0][0].Id);
    }

    [Fact]
    public void Growth_rebuilds_the_last_graph_alone()
    {
        Build(graphRows: 2000);
        var before = Graphs();
        using (var writer = TestIndex.NewWriter(_temp["index"], Dimension, PartSize))
        {
            writer.Add(TestIndex.Row(Count), _queries.Row(0).ToArray());
            writer.Commit();
        }

        var summary = Build(graphRows: 2000);
        Assert.Equal((2, 1), (summary.Graphs, summary.Made));
        Assert.Single(before.Intersect(Graphs()));
    }

    [Fact]
    public void An_interrupted_build_goes_on_where_it_stopped()
    {
        using var source = new CancellationTokenSource();
        var told = new List<LayoutProgress>();
        Assert.ThrowsAny<OperationCanceledException>(() => ApproximateIndex.Build(
            Index(), null, new() { Threads = 1, GraphRows = 1000 }, new Tell(p => { told.Add(p); if (p.Done >= 1200) { source.Cancel(); } }), source.Token));
        Assert.Equal(Count, told[0].Total);
        var finished = Assert.Single(Graphs());
        var written = File.GetLastWriteTimeUtc(finished);
        var summary = Build(graphRows: 1000);
        Assert.Equal((3, 2), (summary.Graphs, summary.Made));
        Assert.Equal(written, File.GetLastWriteTimeUtc(finished));
        using var search = Open();
        AssertFound(search, 10);
    }

    [Fact]
    public void Graphs_of_other_features_are_not_used_and_made_again()
    {
        Build();
        using var other = new TempFolder();
        ExactSearchTests.Write(other["index"], Rows(1, Count), PartSize);
        Directory.Move(_temp["index", "ann"], other["index", "ann"]);
        Assert.Throws<WhenceException>(() => ApproximateSearch.Open(FeatureIndex.Open(other["index"])));
        Assert.Equal(1, ApproximateIndex.Build(FeatureIndex.Open(other["index"]), options: new() { Threads = 1 }).Made);
        using var search = ApproximateSearch.Open(FeatureIndex.Open(other["index"]));
        AssertFound(search, 10);
    }

    [Theory]
    [InlineData("graphs", null)]
    [InlineData("parameters", null)]
    [InlineData("graphs", "[null, {}]")]
    [InlineData("graphs", "[{ \"parts\": [null], \"vectors\": 1 }]")]
    [InlineData("graphs", "[{ \"parts\": [{ \"number\": 0 }], \"vectors\": 1 }]")]
    public void A_table_of_contents_that_means_nothing_is_none(string property, string? value)
    {
        Build();
        var path = _temp["index", "ann", "features", "graphs.json"];
        var contents = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        contents.Remove(property);
        if (value is not null)
        {
            contents[property] = JsonNode.Parse(value);
        }

        File.WriteAllText(path, contents.ToJsonString());
        Assert.Contains("no approximate index", Assert.Throws<WhenceException>(() => Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Somebody_else_who_is_building_is_not_disturbed()
    {
        Directory.CreateDirectory(_temp["index", "ann", "features"]);
        using var held = new FileStream(_temp["index", "ann", "features", ".lock"], FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        Assert.Contains("another process", Assert.Throws<WhenceException>(() => Build()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_row_that_is_no_number_is_an_error_until_it_is_removed()
    {
        using var temp = new TempFolder();
        ExactSearchTests.Write(temp["index"], [[1, 0], [0.5f, 1], [0, 1]], 10);
        ExactSearchTests.PutNaN(temp["index"], row: 1);
        Assert.Contains("image 1 has a feature that is not finite", Assert.Throws<WhenceException>(() => ApproximateIndex.Build(FeatureIndex.Open(temp["index"]))).Message, StringComparison.Ordinal);
        IndexRemoval.Remove(temp["index"], [1], []);
        Assert.Equal(2, ApproximateIndex.Build(FeatureIndex.Open(temp["index"])).Vectors);
        using var search = ApproximateSearch.Open(FeatureIndex.Open(temp["index"]));
        Assert.Equal([0, 2], search.Nearest(new FeatureMatrix(1, 2, [1, 0]), 5)[0].Select(m => m.Id));
    }

    [Fact]
    public void An_empty_index_gives_empty_answers()
    {
        using var temp = new TempFolder();
        TestIndex.NewWriter(temp["index"], 4, partSize: 10).Dispose();
        Assert.Equal(0, ApproximateIndex.Build(FeatureIndex.Open(temp["index"])).Graphs);
        using var search = ApproximateSearch.Open(FeatureIndex.Open(temp["index"]));
        Assert.Equal([[]], search.Nearest(new FeatureMatrix(1, 4, [1, 0, 0, 0]), 5));
    }

    [Fact]
    public void More_threads_than_processors_may_search_at_once()
    {
        Build();
        using var search = Open();
        var expected = search.Nearest(_queries, 10);
        var threads = Enumerable.Range(0, (4 * Environment.ProcessorCount) + 4).Select(_ =>
        {
            Match[][] found = [];
            var thread = new Thread(() => found = search.Nearest(_queries, 10));
            thread.Start();
            return (Thread: thread, Found: new Func<Match[][]>(() => found));
        }).ToArray();
        Assert.All(threads, t =>
        {
            t.Thread.Join();
            Assert.Equal(expected, t.Found());
        });
    }

    [Fact]
    public void Wrong_calls_are_refused()
    {
        Build();
        using var search = Open();
        Assert.Throws<ArgumentOutOfRangeException>(() => search.Nearest(_queries, -1));
        Assert.Throws<ArgumentException>(() => search.Nearest(new FeatureMatrix(1, 3, [1, 0, 0]), 1));
        Assert.Throws<ArgumentException>(() => search.Nearest(new FeatureMatrix(1, Dimension, [.. Enumerable.Repeat(1f, Dimension)]), 1));
        Assert.Throws<ArgumentException>(() => ApproximateIndex.Build(Index(), options: new() { GraphRows = 0 }));
    }

    [Fact]
    public void The_check_measures_the_recall()
    {
        Build();
        var index = Index();
        var check = ApproximateCheck.Run(index, new() { Queries = 30, Top = 10, Candidates = 100, Noise = 1 });
        Assert.Equal((30, false), (check.Queries, check.IsExact));
        Assert.InRange(check.Recall, LeastRecall, 1);
        Assert.InRange(check.LowestRecall, 0, check.Recall);
        Assert.InRange(check.BestFound, LeastRecall, 1);
        Assert.InRange(check.InfluenceFound, 0.5, 1.000001);
        Assert.Equal(1, ApproximateCheck.Run(index, new() { Queries = 5, Top = 1, Candidates = 20, Noise = 0 }).BestFound);
        Assert.True(ApproximateCheck.Run(index, new() { Queries = 2, Top = 10, Candidates = 2999 }).IsExact);
    }

    // Most of the k best, and every similarity and the order as the exact search has them.
    private void AssertFound(ApproximateSearch search, int k, FeatureMatrix? queries = null)
    {
        queries ??= _queries;
        var (found, expected) = (search.Nearest(queries, k), search.Exact.Nearest(queries, k));
        Assert.All(found, own => Assert.Equal(own.OrderByDescending(m => m.Similarity).ThenBy(m => m.Id), own));
        Assert.All(found, own => Assert.Equal(k, own.Select(m => m.Id).Distinct().Count()));
        var similarities = search.Exact.Similarities(queries, Array.ConvertAll(found, own => Array.ConvertAll(own, m => m.Id)));
        Assert.Equal(similarities, found.Select(own => own.Select(m => m.Similarity)));
        Assert.InRange(found.Zip(expected, (f, e) => f.Intersect(e).Count() / (double)k).Average(), LeastRecall, 1);
    }

    private ApproximateIndexSummary Build(Mapper? mapper = null, int? graphRows = null) =>
        ApproximateIndex.Build(Index(), mapper, new() { Threads = 1, GraphRows = graphRows });

    private ApproximateSearch Open(SearchOptions? options = null) => ApproximateSearch.Open(Index(), options);

    private FeatureIndex Index() => FeatureIndex.Open(_temp["index"]);

    private string[] Graphs() => Directory.GetFiles(_temp["index", "ann", "features"], "*.usearch");

    private static float[][] Rows(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, Dimension).Select(_ => (float)(Half)(random.NextSingle() - 0.5f)).ToArray())];
    }

    private static FeatureMatrix Queries(int count, int dimension = Dimension)
    {
        var random = new Random(7);
        return new(count, dimension, [.. Enumerable.Range(0, count).SelectMany(_ =>
            BruteForce.Normalized([.. Enumerable.Range(0, dimension).Select(_ => random.NextSingle() - 0.5f)])!)]);
    }

    private sealed class Tell(Action<LayoutProgress> told) : IProgress<LayoutProgress>
    {
        public void Report(LayoutProgress value) => told(value);
    }
}
