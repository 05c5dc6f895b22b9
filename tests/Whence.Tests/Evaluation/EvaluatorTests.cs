using FsCheck.Xunit;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Mapping;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Evaluation;

public class EvaluatorTests
{
    // Few different whole numbers in few dimensions: many ties, also between exemplars and distractors, and zero features.
    [Property(MaxTest = 40)]
    public bool Ranks_equal_a_full_sort(int seed, ushort count, byte shape)
    {
        var random = new Random(seed);
        var dimension = 1 + (shape % 6);
        var distractors = Rows(random, count % 1500, dimension);
        var testCase = TestCase(random, dimension, distractors);
        var mapper = (shape % 3) switch
        {
            0 => null,
            1 => new MapperPair(Channel(random, dimension), Channel(random, dimension), "channel"),
            _ => new MapperPair(Linear(random, dimension), Linear(random, dimension), "linear"),
        };
        using var temp = new TempFolder();
        using var evaluator = new Evaluator(
            SlowEvaluation.Index(temp["index"], distractors, dimension), new EvaluationOptions { Mapper = mapper, Threads = 1 + (shape % 4) });

        var ranks = evaluator.Rank(testCase);

        var expected = SlowEvaluation.Ranks(distractors, testCase, mapper);
        return evaluator.Distractors == distractors.Count
            && ranks.Prompts.Zip(expected).All(p => p.First.Queries.Zip(p.Second).All(q =>
                q.First.Ranks.SequenceEqual(q.Second) && q.First.Sorted.SequenceEqual(q.Second.Order())));
    }

    [Fact]
    public void An_exemplar_stands_behind_all_distractors_and_earlier_exemplars_that_it_ties_with()
    {
        using var temp = new TempFolder();
        using var evaluator = new Evaluator(SlowEvaluation.Index(temp["index"], [[1, 0], [2, 0], [0, 1], [3, 0]], 2));
        var testCase = new TestCaseFeatures(
            "t",
            new FeatureMatrix(5, 2, [1, 0, 5, 0, 0, 1, /* another model's */ 1, 0, 1, 0]),
            [new(0, 3), new(3, 5)],
            [new("gpt", new FeatureMatrix(2, 2, [7, 0, 0, 7]), [0, 0], null)]);

        var queries = evaluator.Rank(testCase).Prompts[0].Queries;

        Assert.Equal([4, 5, 7], queries[0].Ranks); // behind three equal distractors; the third one, of similarity 0, behind the fourth too
        Assert.Equal([6, 7, 2], queries[1].Ranks); // behind one equal distractor, then three at similarity 0 before the other two
        Assert.Equal([2, 6, 7], queries[1].Sorted);
    }

    [Fact]
    public void Removed_images_are_no_distractors()
    {
        using var temp = new TempFolder();
        SlowEvaluation.Index(temp["index"], [[1, 0], [1, 0], [1, 1]], 2);
        IndexRemoval.Remove(temp["index"], [0], []);
        using var evaluator = new Evaluator(FeatureIndex.Open(temp["index"]));
        Assert.Equal(2, evaluator.Distractors);
        Assert.Equal([2], evaluator.Rank(One([1, 0], [1, 0])).Prompts[0].Queries[0].Ranks);
    }

    [Fact]
    public void Queries_beyond_one_pass_are_ranked_as_the_first_ones()
    {
        var random = new Random(5);
        var distractors = Rows(random, 300, 4);
        using var temp = new TempFolder();
        using var evaluator = new Evaluator(SlowEvaluation.Index(temp["index"], distractors, 4));
        var testCase = TestCase(random, 4, distractors, queries: 2100);
        var told = new List<EvaluationProgress>();

        var ranks = evaluator.Rank(testCase, new Listener<EvaluationProgress>(told.Add), TestContext.Current.CancellationToken);

        Assert.Equal(SlowEvaluation.Ranks(distractors, testCase)[0], ranks.Prompts[0].Queries.Select(q => q.Ranks));
        Assert.Equal(told.Order(Comparer<EvaluationProgress>.Create((a, b) => a.Done.CompareTo(b.Done))), told);
        Assert.Equal((testCase.Prompts.Sum(p => p.Models.Count), testCase.Name), (told[^1].Done, told[^1].TestCase));
        Assert.All(told, t => Assert.Equal(told[^1].Done, t.Total));
    }

    [Fact]
    public void Without_distractors_only_the_model_s_own_exemplars_compete()
    {
        using var temp = new TempFolder();
        using var evaluator = new Evaluator(SlowEvaluation.Index(temp["index"], [], 2));
        Assert.Equal([1], evaluator.Rank(One([0, 1], [1, 0])).Prompts[0].Queries[0].Ranks);
    }

    [Fact]
    public void Features_of_another_encoder_are_refused()
    {
        using var temp = new TempFolder();
        using var evaluator = new Evaluator(SlowEvaluation.Index(temp["index"], [[1, 0]], 2));
        Refused(() => evaluator.Rank(One([1, 0, 0], [1, 0, 0])), "3 values", "have 2");
    }

    [Fact]
    public void A_mapper_for_another_encoder_is_refused()
    {
        using var temp = new TempFolder();
        var index = SlowEvaluation.Index(temp["index"], [[1, 0]], 2);
        var mapper = new MapperPair(new ChannelMapper([1, 1, 1]), new ChannelMapper([1, 1, 1]), "m");
        Refused(() => new Evaluator(index, new EvaluationOptions { Mapper = mapper }), "takes 3", "another encoder");
        var normalized = SlowEvaluation.Index(temp["normalized"], [[1, 0]], 2, normalized: true);
        var fitting = new MapperPair(new ChannelMapper([1, 1]), new ChannelMapper([1, 1]), "m");
        Refused(() => new Evaluator(normalized, new EvaluationOptions { Mapper = fitting }), "normalised");

        // A features file names its encoder without a spec.
        var trained = new MapperPair(fitting.Real, fitting.Synth, "m", new MapperProvenance { Encoder = "clip", Features = [], Options = new Dictionary<string, string>(), Epoch = 1 });
        Refused(() => new Evaluator(SlowEvaluation.Index(temp["dino"], [[1, 0]], 2, encoder: "dino"), new EvaluationOptions { Mapper = trained }), "encoder 'dino'", "trained for 'clip'");
    }

    [Fact]
    public void A_mapper_that_makes_infinite_features_is_refused()
    {
        using var temp = new TempFolder();
        var mapper = new MapperPair(new ChannelMapper([1, 1]), new ChannelMapper([float.MaxValue, 1]), "m");
        using var evaluator = new Evaluator(SlowEvaluation.Index(temp["index"], [[1, 0]], 2), new EvaluationOptions { Mapper = mapper });
        Refused(() => evaluator.Rank(One([1, 0], [9, 0])), "'t'", "mapper turns a feature into");
    }

    [Fact]
    public void A_cancelled_evaluation_stops()
    {
        using var temp = new TempFolder();
        using var evaluator = new Evaluator(SlowEvaluation.Index(temp["index"], [[1, 0]], 2));
        Assert.ThrowsAny<OperationCanceledException>(() => evaluator.Rank(One([1, 0], [1, 0]), null, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Options_are_checked()
    {
        using var temp = new TempFolder();
        var index = SlowEvaluation.Index(temp["index"], [[1, 0]], 2);
        foreach (var options in new[]
        {
            new EvaluationOptions { RecallAt = [0, 1] },
            new EvaluationOptions { RecallAt = [5, 1] },
            new EvaluationOptions { RecallAt = [5, 5] },
            new EvaluationOptions { Threads = 0 },
            new EvaluationOptions { Resamples = 0 },
            new EvaluationOptions { Resamples = EvaluationOptions.MostResamples + 1 },
        })
        {
            Assert.ThrowsAny<ArgumentException>(() => new Evaluator(index, options));
        }
    }

    private static void Refused(Func<object> action, params string[] expected)
    {
        var message = Assert.Throws<WhenceException>(action).Message;
        Assert.All(expected, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    private static TestCaseFeatures One(float[] exemplar, float[] query) =>
        new("t", new FeatureMatrix(1, exemplar.Length, exemplar), [new(0, 1)], [new("gpt", new FeatureMatrix(1, query.Length, query), [0], null)]);

    private static TestCaseFeatures TestCase(Random random, int dimension, List<float[]> distractors, int? queries = null)
    {
        var ends = new List<int> { 0 };
        for (var models = 1 + random.Next(5); models > 0; models--)
        {
            ends.Add(ends[^1] + 1 + random.Next(8));
        }

        var chunks = ends.Zip(ends.Skip(1), (start, end) => new ExemplarChunk(start, end)).ToArray();

        // Some of them are distractors too, as a training image may be.
        var own = Rows(random, ends[^1], dimension).Select(row => distractors.Count > 0 && random.Next(3) == 0 ? distractors[random.Next(distractors.Count)] : row);
        return new TestCaseFeatures("t", Matrix([.. own], dimension), chunks, [.. new[] { "gpt", "object" }.Select(type =>
        {
            var count = queries ?? 1 + random.Next(25);
            return new PromptFeatures(type, Matrix(Rows(random, count, dimension), dimension), [.. Enumerable.Range(0, count).Select(_ => random.Next(chunks.Length))], null);
        })]);
    }

    private static List<float[]> Rows(Random random, int count, int dimension) =>
        [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, dimension).Select(_ => (float)random.Next(-1, 3)).ToArray())];

    private static FeatureMatrix Matrix(List<float[]> rows, int dimension) => new(rows.Count, dimension, [.. rows.SelectMany(r => r)]);

    private static ChannelMapper Channel(Random random, int dimension) => new([.. Rows(random, 1, dimension)[0]]);

    private static LinearMapper Linear(Random random, int dimension) =>
        new(dimension, dimension, [.. Rows(random, dimension, dimension).SelectMany(r => r)], Rows(random, 1, dimension)[0]);
}

/// <summary>Hears progress at once; <see cref="Progress{T}"/> does so later, on another thread.</summary>
internal sealed class Listener<T>(Action<T> heard) : IProgress<T>
{
    public void Report(T value) => heard(value);
}
