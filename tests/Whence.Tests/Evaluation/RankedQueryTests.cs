using FsCheck.Xunit;
using Whence.Calibration;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Evaluation;

public class RankedQueryTests
{
    private static readonly Calibrator Calibrator = new() { Tau = 0.3, Lambda = 0.1 };

    // Few different whole numbers: many ties. Places are those of the evaluation, shares those of all candidates together.
    [Property(MaxTest = 30)]
    public void The_first_images_and_the_best_exemplar_stand_at_their_ranks(int seed, ushort distractors, byte count)
    {
        var random = new Random(seed);
        float[] Row() => [1 + random.Next(3), random.Next(3), random.Next(3)];
        float[][] rows = [.. Enumerable.Range(0, distractors % 300).Select(_ => Row())];
        var testCase = new TestCaseFeatures(
            "t",
            new FeatureMatrix(7, 3, [.. Enumerable.Range(0, 7).SelectMany(_ => Row())]),
            [new(0, 3), new(3, 4), new(4, 7)],
            [new("gpt", new FeatureMatrix(5, 3, [.. Enumerable.Range(0, 5).SelectMany(_ => Row())]), [0, 1, 2, 2, 0], null)]);
        using var temp = new TempFolder();
        using var evaluator = new Evaluator(SlowEvaluation.Index(temp["index"], rows, 3), new EvaluationOptions { Threads = 2 });
        var wanted = 1 + (count % 12);

        var found = evaluator.Nearest(testCase, "gpt", [4, 0, 2], wanted, Calibrator);

        var ranks = evaluator.Rank(testCase).Prompts[0].Queries;
        var everything = evaluator.Nearest(testCase, "gpt", [4, 0, 2], rows.Length + 7, Calibrator);
        foreach (var (query, all) in found.Zip(everything))
        {
            Assert.Equal(testCase.Prompts[0].Models[query.Query], query.Model);
            Assert.Equal(ranks[query.Query].Sorted, all.Images.Where(i => i.IsExemplar).Select(i => i.Rank));
            Assert.Equal(Enumerable.Range(1, rows.Length + testCase.Chunks[query.Model].Count).Select(r => (long)r), all.Images.Select(i => i.Rank));
            Assert.Equal(all.Images.Select(i => i.Similarity).OrderDescending(), all.Images.Select(i => i.Similarity));
            var best = ranks[query.Query].Sorted[0];
            Assert.Equal(all.Images.Where(i => i.Rank <= wanted || i.Rank == best), query.Images);
            var expected = Calibrator.Normalize([.. all.Images.Select(i => i.Similarity)]);
            Assert.All(all.Images, i => Assert.Equal(expected.Of(i.Similarity), i.Influence, 1e-12));
            Assert.Equal(1, all.Images.Sum(i => i.Influence), 1e-9);
        }
    }

    [Fact]
    public void Images_are_called_by_their_paths_where_the_features_say()
    {
        using var temp = new TempFolder();
        using var evaluator = new Evaluator(SlowEvaluation.Index(temp["index"], [[1, 0], [0, 1]], 2));
        TestCaseFeatures With(params string[]? paths) => new(
            "t", new FeatureMatrix(1, 2, [1, 0]), [new(0, 1)], [new("gpt", new FeatureMatrix(1, 2, [1, 0]), [0], paths is null ? null : ["q.png"])], paths);

        var named = evaluator.Nearest(With("e.png"), "gpt", [0], 1, Calibrator)[0];
        Assert.Equal(("q.png", "e.png", 2L), (named.Path, named.Images[^1].Name, named.Images[^1].Rank));
        Assert.False(named.Images[0].IsExemplar);
        Assert.Equal(0, named.None);
        var uncertain = evaluator.Nearest(With("e.png"), "gpt", [0], 3, Calibrator with { None = new(0, 0) })[0];
        Assert.Equal(0.5, uncertain.None);
        Assert.Equal(0.5, uncertain.Images.Sum(i => i.Influence), 1e-9);
        var nameless = evaluator.Nearest(With(null), "gpt", [0], 1, Calibrator)[0];
        Assert.Equal((null, "exemplar 0"), (nameless.Path, nameless.Images[^1].Name));
        Assert.Empty(evaluator.Nearest(With(null), "gpt", [], 1, Calibrator));
        Assert.Throws<ArgumentException>(() => evaluator.Nearest(With(null), "media", [0], 1, Calibrator));
        Assert.Throws<ArgumentOutOfRangeException>(() => evaluator.Nearest(With(null), "gpt", [0], 0, Calibrator));
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(false, "dino")]
    [InlineData(true, "dino")]
    public void Distractors_of_a_features_file_are_called_by_the_names_that_it_gives(bool keep, string? encoder)
    {
        using var temp = new TempFolder();
        FeatureFile.Write(temp["d.safetensors"], 1, 2, (_, feature) => feature.Fill(1), ["photos/d.png"], encoder);
        using var opened = DistractorIndex.Open(temp["d.safetensors"], keep ? temp["kept"] : null, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal("photos/d.png", NameIn(opened.Index));
        Assert.Equal("photos/d.png", NameIn(FeatureIndex.Open(opened.Index.Folder + Path.DirectorySeparatorChar)));

        // An index is made of such a file, too: there the name is where the image lies.
        EmbeddingImport.FromFeatures(temp["d.safetensors"], temp["index"], new EmbeddingImport.Options(), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal("photos/d.png", NameIn(FeatureIndex.Open(temp["index"])));

        static string NameIn(FeatureIndex index)
        {
            using var evaluator = new Evaluator(index);
            var testCase = new TestCaseFeatures("t", new FeatureMatrix(1, 2, [1, -1]), [new(0, 1)], [new("gpt", new FeatureMatrix(1, 2, [1, 1]), [0], null)]);
            return evaluator.Nearest(testCase, "gpt", [0], 1, Calibrator)[0].Images[0].Name;
        }
    }

    [Property]
    public bool Queries_are_drawn_one_of_each_model_first(int seed, byte queries, byte models, byte count)
    {
        var random = new Random(seed);
        int[] of = [.. Enumerable.Range(0, queries).Select(_ => random.Next(1 + (models % 9)))];
        var drawn = QueryChoice.Draw(of, count, seed);
        var different = of.Distinct().Count();
        return drawn.Count == Math.Min(count, of.Length) && drawn.Distinct().Count() == drawn.Count
            && drawn.Take(different).Select(q => of[q]).Distinct().Count() == Math.Min(different, drawn.Count)
            && drawn.SequenceEqual(QueryChoice.Draw(of, count, seed));
    }
}
