using FsCheck.Xunit;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Mapping;
using Whence.Search;
using Whence.Tests.Evaluation;
using Whence.Torch.Mapping;
using Whence.Vectors;

namespace Whence.Tests.Torch.Mapping;

public class RecallMeterTests
{
    // Few different whole numbers: many ties, which products in float32 do not decide.
    [Property(MaxTest = 40)]
    public bool The_recall_is_the_evaluator_s(int seed, ushort count, byte shape)
    {
        var random = new Random(seed);
        var (d, k) = (1 + (shape % 6), 1 + (shape % 12));
        using var temp = new TempFolder();
        var index = SlowEvaluation.Index(temp["index"], Rows(random, count % 900, d), d);
        TestCaseFeatures[] cases = [TestCase(random, "a", d), TestCase(random, "b", d)];
        var mapper = (shape % 3) switch
        {
            0 => null,
            1 => new MapperPair(new ChannelMapper(Rows(random, 1, d)[0]), new ChannelMapper(Rows(random, 1, d)[0]), "channel"),
            _ => new MapperPair(Linear(random, d), Linear(random, d), "linear"),
        };

        var recall = new RecallMeter(cases, new TrainingValidation { Distractors = index, RecallAt = k, MostDistractors = 0, MostQueries = 0 }, 2).Recall(mapper, default);

        using var evaluator = new Evaluator(index, new EvaluationOptions { Mapper = mapper, RecallAt = [k] });
        var expected = cases.SelectMany(c => evaluator.Rank(c).Prompts).Average(p => p.Queries.Average(q => RetrievalMetrics.Recall(q.Ranks, k)));
        return Math.Abs(recall - expected) < 1e-12;
    }

    [Fact]
    public void Distractors_and_queries_are_taken_evenly_and_removed_ones_are_none()
    {
        using var temp = new TempFolder();

        // Every second distractor is nearer to the query than the exemplar.
        List<float[]> rows = [.. Enumerable.Range(0, 2000).Select(i => new float[] { 1, i % 2 == 0 ? 0 : 5 })];
        SlowEvaluation.Index(temp["index"], rows, 2);
        IndexRemoval.Remove(temp["index"], [.. Enumerable.Range(0, 1000).Where(i => i % 2 == 0).Select(i => (long)i)], []);
        var index = FeatureIndex.Open(temp["index"]);
        var features = new TestCaseFeatures(
            "t", new FeatureMatrix(1, 2, [1, 1]), [new(0, 1)],
            [new("gpt", new FeatureMatrix(4, 2, [1, 0, 0, 1, 1, 0, 0, 1]), [0, 0, 0, 0], null)]);

        // Of 1500 distractors 500 are before it for a query of the first kind, 1000 for one of the second.
        Assert.Equal(0.5, Recall(k: 501, distractors: 0, queries: 0));
        Assert.Equal(0.0, Recall(k: 500, distractors: 0, queries: 0));
        Assert.Equal(1.0, Recall(k: 1001, distractors: 0, queries: 0));
        Assert.Equal(1.0, Recall(k: 68, distractors: 100, queries: 0));

        double Recall(int k, int distractors, int queries) => new RecallMeter(
            [features], new TrainingValidation { Distractors = index, RecallAt = k, MostDistractors = distractors, MostQueries = queries }, 1).Recall(null, default);
    }

    [Fact]
    public void More_distractors_than_memory_holds_are_refused()
    {
        Assert.Equal([0, 1, 2], RecallMeter.Chosen(kept: 3, most: 0, dimension: 768));
        Assert.Equal(20_000, RecallMeter.Chosen(kept: 5_000_000_000, most: 20_000, dimension: 768).Length);
        foreach (var kept in (long[])[3_000_000, 5_000_000_000])
        {
            Assert.Contains("--validation-distractors", Assert.Throws<WhenceException>(() => RecallMeter.Chosen(kept, most: 0, dimension: 768)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Features_of_another_dimension_are_refused()
    {
        using var temp = new TempFolder();
        var index = SlowEvaluation.Index(temp["index"], [[1, 0, 0]], 3);
        var message = Assert.Throws<WhenceException>(
            () => new RecallMeter([TestCase(new Random(1), "t", 2)], new TrainingValidation { Distractors = index }, 1)).Message;
        Assert.Contains("'t': its features have 2 values", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Distractors_of_another_encoder_and_such_as_no_mapper_can_map_are_refused()
    {
        using var temp = new TempFolder();
        var features = new Turned(2, seed: 1).Models("t", 3, encoder: "dino");
        Refused(SlowEvaluation.Index(temp["clip"], [[1, 0]], 2, encoder: "clip"), "encoder 'dino', those of the distractors");
        Refused(SlowEvaluation.Index(temp["normalized"], [[1, 0]], 2, encoder: "dino", normalized: true), "mappers learn on raw ones");

        void Refused(FeatureIndex index, string why) => Assert.Contains(
            why, Assert.Throws<WhenceException>(() => new RecallMeter([features], new TrainingValidation { Distractors = index }, 1)).Message, StringComparison.Ordinal);
    }

    private static TestCaseFeatures TestCase(Random random, string name, int d)
    {
        var ends = new List<int> { 0 };
        for (var models = 1 + random.Next(5); models > 0; models--)
        {
            ends.Add(ends[^1] + 1 + random.Next(8));
        }

        return new TestCaseFeatures(
            name, Matrix(Rows(random, ends[^1], d), d), [.. ends.Zip(ends.Skip(1), (start, end) => new ExemplarChunk(start, end))],
            [.. new[] { "gpt", "object" }.Select(type =>
            {
                var count = 1 + random.Next(25);
                return new PromptFeatures(type, Matrix(Rows(random, count, d), d), [.. Enumerable.Range(0, count).Select(_ => random.Next(ends.Count - 1))], null);
            })]);
    }

    private static List<float[]> Rows(Random random, int count, int d) =>
        [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, d).Select(_ => (float)random.Next(-1, 3)).ToArray())];

    private static FeatureMatrix Matrix(List<float[]> rows, int d) => new(rows.Count, d, [.. rows.SelectMany(r => r)]);

    private static LinearMapper Linear(Random random, int d) => new(d, d, [.. Rows(random, d, d).SelectMany(r => r)], Rows(random, 1, d)[0]);
}
