using System.Security.Cryptography;
using FsCheck.Xunit;
using Whence.Calibration;
using Whence.Files;
using Whence.Mapping;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Search;

public class ExactSearchTests
{
    private static readonly Calibrator Wide = new() { Tau = 0.3, Lambda = 0.05 };

    [Property(MaxTest = 40)]
    public bool Every_answer_equals_brute_force(int seed, ushort count, byte dimension, byte shape)
    {
        var random = new Random(seed);
        using var temp = new TempFolder();
        var (index, rows) = BuildIndex(temp["index"], random, count % 3000, 1 + (dimension % 70), partSize: 1 + random.Next(2500), kind: shape % 4);

        // Whole numbers on both sides of the switch from int8 to int16 rows.
        var queries = Queries(random, rows, shape % 3 == 0 ? ExactSearch.MostCoarseQueries + 5 : 1 + (shape % 7), 1 + (dimension % 70));
        return EqualsBruteForce(index, rows, queries, new SearchOptions
        {
            Threads = 1 + (shape % 8),
            BuildLayout = shape % 5 != 0,
            Map = shape % 3 == 1 ? false : null,
        }, random);
    }

    /// <summary>Rows of the sample like all others, ties everywhere, and the sample among the best or the worst of all rows.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_a_sample_promises_the_nearest_are_those_of_brute_force(int arrangement)
    {
        const int Count = 40_000, Dimension = 6, K = 17_000;
        var random = new Random(arrangement);
        using var temp = new TempFolder();
        var sample = SampledThreshold.Rows(RowSet.All(Count), K)!;
        Assert.Null(SampledThreshold.Rows(RowSet.All(Count), K / 2));
        var rows = Enumerable.Range(0, Count).Select(id => Enumerable.Range(0, Dimension).Select(i => arrangement switch
        {
            1 => random.Next(-1, 2),
            >= 2 when i == 0 => sample.Contains(id) == (arrangement == 2) ? (float)(Half)(3 + random.NextSingle()) : -3f,
            _ => (float)(Half)(random.NextSingle() - 0.5f),
        }).ToArray()).ToArray();
        Write(temp["index"], rows, 15_000);
        var queries = new FeatureMatrix(3, Dimension, [.. rows[7].Concat(rows[30_011]).Concat([1, 0, 0, 0, 0, 0])]);
        Normalization.NormalizeRows(queries.Span, Dimension);
        var twin = new BruteForce(rows, queries);
        using var search = ExactSearch.Open(FeatureIndex.Open(temp["index"]), new SearchOptions { Threads = 3 });
        foreach (var k in new[] { K, Count - 1 })
        {
            Assert.True(Same(twin.Nearest(k), search.Nearest(queries, k)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(511)]
    [InlineData(768)]
    [InlineData(2048)]
    public void Every_dimension_gives_the_same_as_brute_force(int dimension)
    {
        var random = new Random(dimension);
        using var temp = new TempFolder();
        var (index, rows) = BuildIndex(temp["index"], random, 1100, dimension, partSize: 1050, kind: 0);
        Assert.True(EqualsBruteForce(index, rows, Queries(random, rows, 2, dimension), new() { Threads = 2 }, random));
        Assert.True(EqualsBruteForce(index, rows, Queries(random, rows, ExactSearch.MostCoarseQueries + 2, dimension), new() { Threads = 2 }, random));
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("channel")]
    public void Mapped_rows_are_searched_with_and_without_a_layout(string kind)
    {
        var random = new Random(3);
        using var temp = new TempFolder();
        var (index, rows) = BuildIndex(temp["index"], random, 1500, 24, partSize: 700, kind: 0);
        var weights = Enumerable.Range(0, kind == "linear" ? 24 * 24 : 24).Select(_ => random.NextSingle() - 0.5f).ToArray();
        Mapper mapper = kind == "linear" ? new LinearMapper(24, 24, weights, new float[24]) : new ChannelMapper(weights);
        float[]?[] mapped = [.. rows.Select(r => mapper.Apply(new FeatureMatrix(1, 24, r!)).Row(0).ToArray())];
        var queries = Queries(random, mapped, 3, 24);
        foreach (var layout in new[] { false, true })
        {
            Assert.True(EqualsBruteForce(index, mapped, queries, new() { Mapper = mapper, Threads = 2, BuildLayout = layout }, random));
        }
    }

    [Fact]
    public void Removed_rows_and_rows_that_were_not_asked_for_are_never_found()
    {
        var random = new Random(4);
        using var temp = new TempFolder();
        var (_, rows) = BuildIndex(temp["index"], random, 3000, 20, partSize: 1300, kind: 1);
        IndexRemoval.Remove(temp["index"], [3, 1299, 1300, 2999], []);
        var index = FeatureIndex.Open(temp["index"]);
        var left = Enumerable.Range(0, 3000).Where(i => i % 7 == 0 || i is > 1500 and < 1900).Select(i => (long)i).ToArray();
        var chosen = rows.Select((r, i) => left.Contains(i) && !index.Removed.Contains(i) ? r : null).ToArray();
        foreach (var count in new[] { 2, ExactSearch.MostCoarseQueries + 1 })
        {
            Assert.True(EqualsBruteForce(index, chosen, Queries(random, rows, count, 20), new() { Rows = RowSet.Of(3000, left), Threads = 2 }, random));
        }
    }

    [Fact]
    public void An_empty_index_gives_empty_answers()
    {
        using var temp = new TempFolder();
        TestIndex.NewWriter(temp["index"], 4, partSize: 10).Dispose();
        using var search = ExactSearch.Open(FeatureIndex.Open(temp["index"]));
        var query = new FeatureMatrix(1, 4, [1, 0, 0, 0]);
        Assert.Empty(search.Nearest(query, 5)[0]);
        Assert.Empty(search.Within(query, 0)[0]);
        Assert.Empty(search.Within(query, 1)[0]);
        Assert.Empty(search.Above(query, [-1])[0]);
        Assert.Equal([0], search.Ranks(query, [[0.5f]])[0]);
        Assert.Equal(0, search.Influences(query, Wide)[0].Nonzero);
    }

    [Fact]
    public void A_zero_row_is_similar_to_nothing()
    {
        using var temp = new TempFolder();
        Write(temp["index"], [[0, 0, 0, 0]], 10);
        using var search = ExactSearch.Open(FeatureIndex.Open(temp["index"]));
        Assert.Equal([new Match(0, 0)], search.Nearest(new FeatureMatrix(1, 4, [1, 0, 0, 0]), 3)[0]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(ExactSearch.MostCoarseQueries + 1)]
    public void A_row_that_is_no_number_is_an_error_until_it_is_removed(int count)
    {
        using var temp = new TempFolder();
        Write(temp["index"], [[1, 0], [0.5f, 1], [0, 1]], 10);
        PutNaN(temp["index"], row: 1);
        var queries = new FeatureMatrix(count, 2, [.. Enumerable.Repeat(new float[] { 1, 0 }, count).SelectMany(q => q)]);
        using (var search = ExactSearch.Open(FeatureIndex.Open(temp["index"])))
        {
            Assert.Contains("image 1 has a feature that is not finite", Assert.Throws<WhenceException>(() => search.Nearest(queries, 1)).Message, StringComparison.Ordinal);
            Assert.Throws<WhenceException>(() => search.Ranks(queries, [.. Enumerable.Repeat(new[] { 0.5f }, count)]));
        }

        IndexRemoval.Remove(temp["index"], [1], []);
        using var without = ExactSearch.Open(FeatureIndex.Open(temp["index"]));
        Assert.Equal([0, 2], without.Nearest(queries, 5)[0].Select(m => m.Id));
    }

    [Fact]
    public void A_manifest_that_claims_more_rows_than_there_are_is_refused_before_they_are_allocated()
    {
        using var temp = new TempFolder();
        Write(temp["index"], [.. Enumerable.Repeat(new float[4], 5)], 10);
        var manifest = temp["index", "whence.json"];
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"rows\": 5", "\"rows\": 2147483647", StringComparison.Ordinal));
        var error = Assert.Throws<WhenceException>(() => ExactSearch.Open(FeatureIndex.Open(temp["index"])));
        Assert.Contains("the manifest says 2147483647 x 4 F16", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_calls_are_refused()
    {
        using var temp = new TempFolder();
        Write(temp["index"], [[1, 0], [0, 1]], 10);
        var index = FeatureIndex.Open(temp["index"]);
        using var search = ExactSearch.Open(index);
        var query = new FeatureMatrix(1, 2, [1, 0]);
        Assert.Throws<ArgumentException>(() => search.Nearest(new FeatureMatrix(1, 3, [1, 0, 0]), 1));
        Assert.Contains("normalise", Assert.Throws<ArgumentException>(() => search.Nearest(new FeatureMatrix(1, 2, [1, 1]), 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => search.Nearest(new FeatureMatrix(1, 2, [float.NaN, 0]), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => search.Nearest(query, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => search.Within(query, -0.1f));
        Assert.Throws<ArgumentException>(() => search.Above(query, [float.NaN]));
        Assert.Throws<ArgumentException>(() => search.Above(query, [0, 0]));
        Assert.Throws<ArgumentException>(() => search.Ranks(query, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => search.Similarities(query, [[2]]));
        Assert.Throws<ArgumentException>(() => ExactSearch.Open(index, new() { Rows = RowSet.All(3) }));
    }

    [Fact]
    public void A_search_can_be_stopped()
    {
        using var temp = new TempFolder();
        Write(temp["index"], [[1, 0], [0, 1]], 10);
        using var search = ExactSearch.Open(FeatureIndex.Open(temp["index"]));
        Assert.ThrowsAny<OperationCanceledException>(() => search.Nearest(new FeatureMatrix(1, 2, [1, 0]), 1, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Most_rows_are_never_looked_at_closely()
    {
        var random = new Random(9);
        using var temp = new TempFolder();
        var (index, rows) = BuildIndex(temp["index"], random, 20_000, 64, partSize: 20_000, kind: 0);
        using var search = ExactSearch.Open(index);
        search.Nearest(Queries(random, rows, 1, 64), 10);
        Assert.InRange(search.Rescored, 10, 200);
    }

    // No encoder's feature may be NaN, but a file can hold one.
    internal static void PutNaN(string folder, int row)
    {
        var features = Path.Combine(folder, "features", "part-00000.npy");
        var (bytes, manifest) = (File.ReadAllBytes(features), Path.Combine(folder, "whence.json"));
        BitConverter.TryWriteBytes(bytes.AsSpan(128 + (row * 2 * 2)), Half.NaN);
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace(Checksum.Of(features), Convert.ToHexStringLower(SHA256.HashData(bytes)), StringComparison.Ordinal));
        File.WriteAllBytes(features, bytes);
    }

    internal static void Write(string folder, float[][] rows, int partSize)
    {
        using var writer = TestIndex.NewWriter(folder, rows[0].Length, partSize);
        foreach (var (i, row) in rows.Index())
        {
            writer.Add(TestIndex.Row(i), row);
        }

        writer.Commit();
    }

    /// <summary>Asks all questions and compares every id, bit and order.</summary>
    private static bool EqualsBruteForce(FeatureIndex index, float[]?[] rows, FeatureMatrix queries, SearchOptions options, Random random)
    {
        using var search = ExactSearch.Open(index, options);
        var twin = new BruteForce(rows, queries);
        var searched = rows.Count(r => r is not null);
        var equal = search.Searched == searched;
        foreach (var k in new[] { 0, 1, 1 + random.Next(20), searched / 2, searched + 10 })
        {
            equal &= Same(twin.Nearest(k), search.Nearest(queries, k));
        }

        if (searched == 0)
        {
            return equal;
        }

        var ids = Enumerable.Range(0, queries.Rows).Select(_ => Enumerable.Range(0, 12)
            .Select(_ => (long)random.Next(rows.Length)).Where(id => rows[id] is not null).ToArray()).ToArray();
        var similarities = twin.Similarities(ids);
        var thresholds = twin.Nearest(1 + random.Next(searched)).Select(m => m[^1].Similarity).ToArray();
        equal &= similarities.SelectMany(s => s).SequenceEqual(search.Similarities(queries, ids).SelectMany(s => s));
        equal &= Same(twin.Above(thresholds), search.Above(queries, thresholds));
        foreach (var distance in new[] { 0, 0.1f, 3 })
        {
            equal &= Same(twin.Within(distance), search.Within(queries, distance));
        }

        // Between rows as well as at rows, and beyond all of them.
        float[][] asked = [.. similarities.Select(own => own.SelectMany(s => new[] { s, MathF.BitIncrement(s), s + 0.01f }).Concat([-2, 2, float.NegativeInfinity, float.PositiveInfinity]).ToArray())];
        equal &= twin.Ranks(asked).SelectMany(r => r).SequenceEqual(search.Ranks(queries, asked).SelectMany(r => r));
        foreach (var calibrator in new[] { Calibrator.Unfitted, Wide, new() { Tau = 0.05, Lambda = -0.1 } })
        {
            equal &= twin.Influences(calibrator).SequenceEqual(search.Influences(queries, calibrator));
        }

        return equal;
    }

    private static bool Same(Match[][] expected, Match[][] actual) =>
        expected.Length == actual.Length && expected.Zip(actual).All(pair => pair.First.SequenceEqual(pair.Second));

    // 0: any numbers; 1: few whole numbers, so that ties are everywhere; 2: copies of few rows; 3: some rows zero, some far larger.
    private static (FeatureIndex Index, float[][] Rows) BuildIndex(string folder, Random random, int count, int dimension, int partSize, int kind)
    {
        var rows = new float[count][];
        for (var i = 0; i < count; i++)
        {
            rows[i] = kind == 2 && i > 20
                ? rows[random.Next(20)]
                : [.. Enumerable.Range(0, dimension).Select(_ => kind == 1 ? random.Next(-1, 2) : (float)(Half)((random.NextSingle() * 4) - 2))];
            if (kind == 3 && i % 5 < 2)
            {
                rows[i] = [.. rows[i].Select((x, j) => i % 5 == 0 ? 0 : j == 0 ? 10_000 : x)];
            }
        }

        using (var writer = TestIndex.NewWriter(folder, dimension, partSize))
        {
            foreach (var (i, row) in rows.Index())
            {
                writer.Add(TestIndex.Row(i), row);
            }

            writer.Commit();
        }

        return (FeatureIndex.Open(folder), rows);
    }

    // Half of them rows of the index, so that the best similarity is 1; one is zero.
    private static FeatureMatrix Queries(Random random, float[]?[] rows, int count, int dimension) => new(count, dimension, [.. Enumerable.Range(0, count).SelectMany(q =>
        q == 3 ? new float[dimension] : BruteForce.Normalized(q % 2 == 0 && rows.Length > 0
            ? rows[random.Next(rows.Length)]
            : [.. Enumerable.Range(0, dimension).Select(_ => random.NextSingle() - 0.5f)])!)]);
}
