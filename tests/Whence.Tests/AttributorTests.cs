using Whence.Calibration;
using Whence.Mapping;
using Whence.Search;

namespace Whence.Tests;

public sealed class AttributorTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly PatchEncoder _encoder = new();

    public AttributorTests()
    {
        TestImages.WriteFolder(_temp["photos"], 30);
        for (var i = 0; i < 30; i++)
        {
            File.WriteAllText(_temp["photos", $"{i:D5}.json"], $$"""{"creator":"artist {{i % 3}}"}""");
        }

        File.Copy(_temp["photos", "00004.png"], _temp["photos", "copy.png"]);
        new IndexBuilder(_temp["index"], _encoder, new() { PartSize = 8 }).BuildAsync([_temp["photos"]]).GetAwaiter().GetResult();
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void An_image_of_the_training_set_finds_itself_first()
    {
        var answer = NewAttributor().Attribute(Query(12), 5);
        Assert.Equal(12, answer.Results[0].Id);
        Assert.Equal(1, answer.Results[0].Similarity, 1e-3f);
        Assert.Equal([1, 2, 3, 4, 5], answer.Results.Select(r => (int)r.Rank));
        Assert.Equal(31, answer.Searched);
        Assert.False(answer.Calibration.Fitted);
    }

    [Fact]
    public void Influence_sums_to_one_over_the_list_and_what_remains()
    {
        var all = NewAttributor().Attribute(Query(3), 1000);
        Assert.Equal(31, all.Results.Count);
        Assert.Equal(1, all.Results.Sum(r => r.Influence), 9);
        Assert.Equal(0, all.Remaining, 9);
        Assert.Equal(all.Results.Count(r => r.Influence > 0), all.Nonzero);

        var some = NewAttributor().Attribute(Query(3), 2);
        Assert.Equal(1 - some.Results.Sum(r => r.Influence), some.Remaining, 9);
        Assert.Equal(all.Results[1].Influence, some.Results[1].Influence);
    }

    [Fact]
    public void Equal_images_stand_in_the_order_of_their_ids()
    {
        var results = NewAttributor().Attribute(Query(4), 2).Results;
        Assert.Equal([4, 30], results.Select(r => (int)r.Id));
        Assert.Equal(results[0].Similarity, results[1].Similarity);
    }

    [Fact]
    public void Many_queries_give_what_each_gives_alone()
    {
        var attributor = NewAttributor();
        var queries = Enumerable.Range(0, 7).Select(Query).ToArray();
        var together = attributor.Attribute(queries, new() { Top = 4 }).ToArray();
        for (var i = 0; i < queries.Length; i++)
        {
            var alone = attributor.Attribute(queries[i], 4);
            Assert.Equal(alone.Query, together[i].Query);
            Assert.Equal(alone.Results.Select(r => (r.Id, r.Similarity, r.Influence)), together[i].Results.Select(r => (r.Id, r.Similarity, r.Influence)));
        }
    }

    [Fact]
    public void A_removed_image_has_no_influence()
    {
        IndexRemoval.Remove(_temp["index"], [12], []);
        var answer = NewAttributor().Attribute(Query(12), 100);
        Assert.DoesNotContain(answer.Results, r => r.Id == 12);
        Assert.Equal(1, answer.Results.Sum(r => r.Influence), 9);
        Assert.Equal(30, answer.Searched);
    }

    [Fact]
    public void Groups_sum_the_whole_index_not_the_list()
    {
        var attributor = NewAttributor(new() { Tau = 1, Lambda = 0 });
        var answer = attributor.Attribute([Query(1)], new() { Top = 1, GroupBy = "creator" }).Single();
        var all = attributor.Attribute(Query(1), 100).Results;
        Assert.Equal(1, answer.Groups!.Shares.Sum(s => s.Influence), 9);
        foreach (var share in answer.Groups.Shares)
        {
            Assert.Equal(all.Where(r => r.Metadata.GetValueOrDefault("creator") == share.Value).Sum(r => r.Influence), share.Influence, 9);
        }

        Assert.Contains(answer.Groups.Shares, s => s.Value is null); // copy.png has no creator
    }

    [Fact]
    public void Grouped_by_id_or_source_every_image_has_a_share_of_its_own()
    {
        var attributor = NewAttributor(new() { Tau = 1, Lambda = 0 });
        var all = attributor.Attribute(Query(1), 100).Results;
        Assert.Equal(all.Select(r => (string?)$"{r.Id}").Order(), Values("id"));
        Assert.Equal(all.Select(r => (string?)r.Source).Order(), Values("source"));

        IEnumerable<string?> Values(string column) =>
            attributor.Attribute([Query(1)], new() { GroupBy = column }).Single().Groups!.Shares.Select(s => s.Value).Order();
    }

    [Fact]
    public void None_takes_its_share_of_every_answer()
    {
        var none = new NoneOfThese(6, -8);
        var attributor = NewAttributor(new() { Tau = 1, Lambda = 0, None = none });
        var answer = attributor.Attribute([Query(1)], new() { Top = 3, GroupBy = "creator" }).Single();
        Assert.Equal(none.Of(answer.Results[0].Similarity), answer.None);
        Assert.True(answer.None > 0.05);
        Assert.Equal(1, answer.None!.Value + answer.Remaining + answer.Results.Sum(r => r.Influence), 9);
        Assert.Equal(1, answer.None.Value + answer.Groups!.Shares.Sum(s => s.Influence), 9);
        var explained = attributor.Explain(Query(1), [2]).Single();
        Assert.Equal(answer.None, explained.None);
        Assert.Equal(NewAttributor(new() { Tau = 1, Lambda = 0 }).Explain(Query(1), [2]).Single().Image.Influence * (1 - answer.None.Value), explained.Image.Influence, 12);
        Assert.Null(NewAttributor().Attribute(Query(1), 1).None);
    }

    [Fact]
    public void A_calibration_for_other_mappers_is_refused()
    {
        var error = Assert.Throws<WhenceException>(() => NewAttributor(new() { Tau = 1, Lambda = 0, Mapper = new string('a', 64) }));
        Assert.Contains("another mapper", error.Message, StringComparison.Ordinal);
        NewAttributor(new() { Tau = 1, Lambda = 0, Mapper = "" }).Dispose();
        var pair = new MapperPair(new ChannelMapper(new float[_encoder.Spec.Dimension]), new ChannelMapper(new float[_encoder.Spec.Dimension]), "zero");
        Assert.Contains("raw features", Assert.Throws<WhenceException>(() => new Attributor(
            FeatureIndex.Open(_temp["index"]), _encoder, new() { Mapper = pair, Calibration = new() { Tau = 1, Lambda = 0, Mapper = "" } })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_approximate_answer_shares_the_influence_among_what_was_found_and_says_so()
    {
        ApproximateIndex.Build(FeatureIndex.Open(_temp["index"]), options: new() { Threads = 1 });
        var wide = new Calibrator { Tau = 1, Lambda = 0 };
        using var attributor = new Attributor(FeatureIndex.Open(_temp["index"]), _encoder, new() { Calibration = wide, Approximate = new() { Candidates = 3 } });
        var answer = attributor.Attribute([Query(12)], new() { Top = 2, GroupBy = "creator" }).Single();
        var exact = NewAttributor(wide).Attribute(Query(12), 3);

        Assert.Equal(new Candidates(3, Truncated: true), answer.Approximate);
        Assert.Equal((31, 3), (answer.Searched, answer.Nonzero));
        Assert.Equal(exact.Results.Take(2).Select(r => (r.Id, r.Similarity)), answer.Results.Select(r => (r.Id, r.Similarity)));
        Assert.Equal(exact.Results[0].Influence / exact.Results.Sum(r => r.Influence), answer.Results[0].Influence, 9);
        Assert.Equal(1 - answer.Results.Sum(r => r.Influence), answer.Remaining, 9);
        Assert.Equal(3, answer.Groups!.Shares.Sum(s => s.Images));
        Assert.Equal(1, answer.Groups.Shares.Sum(s => s.Influence), 9);

        // More are listed than were to be found; and an explanation is exact in any case.
        Assert.Null(attributor.Attribute(Query(12), 31).Approximate);
        Assert.Equal(31, attributor.Explain(Query(12), [5])[0].Searched);
        Assert.Null(exact.Approximate);
    }

    [Fact]
    public void Candidates_that_reach_beyond_all_influence_are_not_truncated()
    {
        ApproximateIndex.Build(FeatureIndex.Open(_temp["index"]), options: new() { Threads = 1 });
        using var attributor = new Attributor(FeatureIndex.Open(_temp["index"]), _encoder, new()
        {
            Calibration = new() { Tau = 1e-6, Lambda = 0.5 },
            Approximate = new() { Candidates = 3 },
        });
        var answer = attributor.Attribute(Query(12), 1);
        Assert.Equal((new Candidates(3, Truncated: false), 1), (answer.Approximate, answer.Nonzero));
        Assert.Equal((1, 0), (answer.Results[0].Influence, answer.Remaining));
    }

    [Fact]
    public void Grouping_by_an_unknown_column_lists_the_known()
    {
        var error = Assert.Throws<WhenceException>(() => NewAttributor().Attribute([Query(1)], new() { GroupBy = "painter" }).Single());
        Assert.Contains("creator", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_query_whose_influencers_lack_the_column_has_one_share_of_nobody()
    {
        var sharp = new Calibrator { Tau = 1e-6, Lambda = 0.5 };
        IndexRemoval.Remove(_temp["index"], [4], []); // leaves its copy, which has no creator
        var share = Assert.Single(NewAttributor(sharp).Attribute([Query(4)], new() { GroupBy = "creator" }).Single().Groups!.Shares);
        Assert.Equal((null, 1, 1), (share.Value, share.Influence, share.Images));
    }

    [Fact]
    public void A_bad_query_among_many_is_told_and_left_out()
    {
        var told = new List<string>();
        var answers = NewAttributor().Attribute([Query(1), new Query("bad", new byte[] { 1 }), Query(2)], new() { Top = 1 }, (q, _) => told.Add(q.Source)).ToArray();
        Assert.Equal(["bad"], told);
        Assert.Equal(["1", "2"], answers.Select(a => a.Query.Source));
    }

    [Fact]
    public void A_cancelled_call_stops()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => NewAttributor().Attribute([Query(1)], new(), null, stop.Token).ToArray());
    }

    [Theory]
    [InlineData("features/part-00000.npy")]
    [InlineData("metadata/part-00000.parquet")]
    public void A_flipped_bit_is_never_answered_from(string file)
    {
        var bytes = File.ReadAllBytes(_temp["index", file]);
        bytes[bytes.Length / 2] ^= 4;
        File.WriteAllBytes(_temp["index", file], bytes);
        Assert.Contains(file, Assert.Throws<WhenceException>(() => NewAttributor().Attribute(Query(1), 31)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Duplicates_are_folded_and_their_influence_summed()
    {
        var plain = NewAttributor().Attribute(Query(4), 10);
        var folded = NewAttributor().Attribute([Query(4)], new() { Top = 10, GroupDuplicates = 1 }).Single();
        Assert.Equal(9, folded.Results.Count);
        Assert.Equal(30, Assert.Single(folded.Results[0].Duplicates).Id);
        Assert.Equal(plain.Results[0].Influence + plain.Results[1].Influence, folded.Results[0].Influence, 12);
        Assert.Equal(plain.Remaining, folded.Remaining);
    }

    [Fact]
    public void Small_influences_can_be_left_out()
    {
        var answer = NewAttributor().Attribute([Query(4)], new() { MinInfluence = 0.05 }).Single();
        Assert.All(answer.Results, r => Assert.True(r.Influence >= 0.05));
        Assert.Equal(1 - answer.Results.Sum(r => r.Influence), answer.Remaining, 9);
    }

    [Fact]
    public void Explain_agrees_with_the_ranking()
    {
        var attributor = NewAttributor();
        var ranking = attributor.Attribute(Query(9), 100).Results;
        foreach (var explanation in attributor.Explain(Query(9), [9, 30, 17]))
        {
            var listed = ranking.Single(r => r.Id == explanation.Image.Id);
            Assert.Equal((listed.Rank, listed.Similarity, listed.Influence), (explanation.Image.Rank, explanation.Image.Similarity, explanation.Image.Influence));
            Assert.Equal(ranking.Take((int)Math.Min(listed.Rank - 1, 10)).Select(r => r.Id), explanation.Before.Select(r => r.Id));
            Assert.Equal(ranking.Take((int)listed.Rank - 1).Sum(r => r.Influence), explanation.InfluenceBefore, 9);
        }
    }

    [Fact]
    public void A_filter_answers_as_an_index_without_the_other_images()
    {
        var filtered = NewAttributor(where: "creator = 'artist 1' and id != 16");
        var answer = filtered.Attribute([Query(12)], new() { GroupBy = "creator" }).Single();
        var explanations = filtered.Explain(Query(12), [4, 5, 16, 30]);

        IndexRemoval.Remove(_temp["index"], [.. Enumerable.Range(0, 31).Where(i => i % 3 != 1 || i is 16 or 30)], []);
        var twin = NewAttributor();
        var expected = twin.Attribute([Query(12)], new() { GroupBy = "creator" }).Single();

        Assert.Equal(expected.Results.Select(r => (r.Rank, r.Id, r.Similarity, r.Influence)), answer.Results.Select(r => (r.Rank, r.Id, r.Similarity, r.Influence)));
        Assert.Equal((9, expected.Nonzero, expected.Remaining), (answer.Searched, answer.Nonzero, answer.Remaining));
        Assert.Equal("creator = 'artist 1' and id != 16", answer.Where);
        Assert.Equal("artist 1", Assert.Single(answer.Groups!.Shares).Value);

        Assert.Equal([false, true, true, true], explanations.Select(e => e.Excluded));
        Assert.DoesNotContain(explanations, e => e.Removed);
        Assert.All(explanations, e => Assert.Equal((9, answer.Where), (e.Searched, e.Where)));
        var explained = twin.Explain(Query(12), [4])[0];
        Assert.Equal((explained.Image.Rank, explained.Image.Influence), (explanations[0].Image.Rank, explanations[0].Image.Influence));
        Assert.Equal((0, 0), (explanations[1].Image.Rank, explanations[1].Image.Influence));
    }

    [Fact]
    public void Removed_images_stay_out_of_what_a_filter_chooses()
    {
        IndexRemoval.Remove(_temp["index"], [4], []);
        var attributor = NewAttributor(where: "id < 6");
        Assert.Equal(5, attributor.Searched);
        Assert.Equal([0, 1, 2, 3, 5], attributor.Attribute(Query(4), 100).Results.Select(r => r.Id).Order());
        var explanation = attributor.Explain(Query(4), [4])[0];
        Assert.True(explanation.Removed);
        Assert.False(explanation.Excluded);
    }

    [Fact]
    public void A_filter_that_nothing_fits_gives_an_empty_answer()
    {
        var answer = NewAttributor(where: "creator = 'nobody'").Attribute(Query(4), 10);
        Assert.Empty(answer.Results);
        Assert.Equal((0, 0, 0), (answer.Searched, answer.Nonzero, answer.Remaining));
    }

    [Fact]
    public void A_filter_on_an_unknown_column_is_refused_before_any_query() =>
        Assert.Contains("painter", Assert.Throws<WhenceException>(() => NewAttributor(where: "painter = 'x'")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_mapper_changes_both_sides()
    {
        var scale = Enumerable.Range(0, _encoder.Spec.Dimension).Select(i => i < 16 ? 1f : 0).ToArray(); // the red plane only
        var path = _temp["mapper.safetensors"];
        new MapperPair(new ChannelMapper(scale), new ChannelMapper(scale), "red only").Save(path);
        var attributor = new Attributor(FeatureIndex.Open(_temp["index"]), _encoder, new() { Mapper = MapperPair.Load(path) });
        var answer = attributor.Attribute(Query(6), 3);
        Assert.Equal(6, answer.Results[0].Id);
        Assert.Equal("mapper.safetensors", answer.Mapper);
        Assert.NotEqual(NewAttributor().Attribute(Query(6), 3).Results[1].Similarity, answer.Results[1].Similarity);
    }

    [Fact]
    public void Another_encoder_is_refused()
    {
        TestIndexOf("other");
        Assert.Throws<WhenceException>(() => new Attributor(FeatureIndex.Open(_temp["other"]), _encoder));
    }

    [Fact]
    public void A_calibration_of_another_encoder_is_refused() => Assert.Throws<WhenceException>(() =>
        NewAttributor(new() { Tau = 1, Lambda = 0, Encoder = "clip" }));

    [Fact]
    public void A_query_that_is_no_image_is_named()
    {
        var error = Assert.Throws<WhenceException>(() => NewAttributor().Attribute(new Query("broken.png", new byte[] { 1, 2, 3 }), 1));
        Assert.StartsWith("broken.png: ", error.Message, StringComparison.Ordinal);
    }

    private Attributor NewAttributor(Calibrator? calibration = null, string? where = null) => new(FeatureIndex.Open(_temp["index"]), _encoder, new()
    {
        Calibration = calibration ?? Calibrator.Unfitted,
        Where = where is null ? null : MetadataPredicate.Parse(where),
        Threads = 2,
    });

    private static Query Query(int seed) => new($"{seed}", TestImages.Png(seed));

    private void TestIndexOf(string name) => Search.TestIndex.NewWriter(_temp[name], _encoder.Spec.Dimension, 10).Dispose();
}
