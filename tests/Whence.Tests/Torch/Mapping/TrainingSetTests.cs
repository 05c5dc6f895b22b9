using FsCheck.Xunit;
using Whence.Datasets;
using Whence.Torch.Mapping;
using Whence.Vectors;

namespace Whence.Tests.Torch.Mapping;

public class TrainingSetTests
{
    [Fact]
    public void Every_model_gives_one_pair_an_epoch_and_a_prompt_type_is_drawn_before_an_image()
    {
        // Model 0 has two exemplars, one "gpt" image and three "object" images; model 1 one of each; model 2 none.
        var testCase = Case([new(0, 2), new(2, 3), new(3, 4)], ("gpt", [0, 1]), ("object", [0, 0, 1, 0]));
        var set = new TrainingSet([testCase], [new bool[3]], maskBy: null);
        Assert.Equal((2, 1), (set.Count, set.LeftOut));

        const int Epochs = 4000;
        var pairs = Enumerable.Range(1, Epochs).SelectMany(epoch => set.Draw(3, epoch)).ToArray();
        Assert.Equal(2 * Epochs, pairs.Length);
        var first = pairs.Where(p => p.RealRow < 2).ToArray();
        Assert.Equal(Epochs, first.Length);
        Near(0.5, first.Count(p => p.RealRow == 0));
        Near(0.5, first.Count(p => p.Synth == testCase.Prompts[0].Features));
        Assert.All(first.Where(p => p.Synth == testCase.Prompts[0].Features), p => Assert.Equal(0, p.SynthRow));
        foreach (var row in new[] { 0, 1, 3 })
        {
            Near(1.0 / 6, first.Count(p => p.Synth == testCase.Prompts[1].Features && p.SynthRow == row));
        }

        Near(0.5, pairs.Where((p, i) => i % 2 == 0).Count(p => p.RealRow < 2)); // either model comes first as often
        Assert.Equal(set.Draw(3, 1), set.Draw(3, 1));
        Assert.NotEqual(pairs[..40], Enumerable.Range(1, 20).SelectMany(epoch => set.Draw(4, epoch)));

        static void Near(double expected, int count) => Assert.InRange((double)count / Epochs, expected - 0.04, expected + 0.04);
    }

    [Fact]
    public void A_view_is_drawn_where_there_are_views()
    {
        var plain = Case([new(0, 1), new(1, 2)], ("gpt", [0, 1]));
        var views = new TestCaseFeatures(
            "views", plain.Exemplars, plain.Chunks, [plain.Prompts[0] with { Views = Rows(6, 200) }], exemplarViews: Rows(6, 100));
        var set = new TrainingSet([views], [new bool[2]], maskBy: null);
        var (real, synth, seen) = (new float[2 * 2], new float[2 * 2], new HashSet<(float, float)>());
        for (var epoch = 1; epoch < 300; epoch++)
        {
            var pairs = set.Draw(0, epoch);
            set.Gather(pairs, real, synth);
            seen.Add((real[0], synth[0]));
            seen.Add((real[2], synth[2]));
        }

        // Three views of each of two images, independently: rows 100 to 102 go with 200 to 202, 103 to 105 with 203 to 205.
        Assert.Equal(18, seen.Count);
        Assert.All(seen, s => Assert.Equal((int)(s.Item1 - 100) / 3, (int)(s.Item2 - 200) / 3));
    }

    [Property]
    public bool Batches_hold_every_pair_once_and_none_is_alone(ushort pairs, byte size)
    {
        var (count, most) = (2 + (pairs % 3000), 2 + (size % 200));
        var batches = TrainingSet.Batches(count, most).Select(b => (First: b.Start.Value, End: b.End.Value)).ToArray();
        return batches[0].First == 0 && batches[^1].End == count
            && batches.Zip(batches.Skip(1)).All(b => b.First.End == b.Second.First && b.First.End - b.First.First == most)
            && batches.All(b => b.End - b.First >= 2 && b.End - b.First <= most + 1);
    }

    [Fact]
    public void Models_with_one_value_of_a_column_are_one_group_across_files()
    {
        var columns = new Dictionary<string, IReadOnlyList<string?>> { ["category"] = ["dog", null, "cat", "dog"] };
        ExemplarChunk[] chunks = [new(0, 1), new(1, 2), new(2, 3), new(3, 4)];
        var a = Case(chunks, columns, ("gpt", [0, 1, 2, 3]));
        var b = Case(chunks, new Dictionary<string, IReadOnlyList<string?>> { ["category"] = ["cat", "cow", null, "cat"] }, ("gpt", [0, 1, 2, 3]));
        var pairs = new TrainingSet([a, b], [new bool[4], new bool[4]], "category").Draw(0, 1).ToDictionary(p => (p.Real == a.Exemplars, p.RealRow), p => p.Group);
        Assert.Equal(pairs[(true, 0)], pairs[(true, 3)]);
        Assert.Equal(pairs[(true, 2)], pairs[(false, 0)]);
        Assert.Equal(-1, pairs[(true, 1)]);
        Assert.Equal(-1, pairs[(false, 2)]);
        Assert.Equal(3, pairs.Values.Where(g => g >= 0).Distinct().Count());
        Assert.All(new TrainingSet([a], [new bool[4]], null).Draw(0, 1), p => Assert.Equal(-1, p.Group));
        var message = Assert.Throws<WhenceException>(() => new TrainingSet([a], [new bool[4]], "source")).Message;
        Assert.Contains("no column 'source'", message, StringComparison.Ordinal);
        Assert.Contains("category", message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_trained_with_is_refused()
    {
        var two = Case([new(0, 1), new(1, 2)], ("gpt", [0, 1]));
        var one = Case([new(0, 1), new(1, 2)], ("gpt", [0, 0]));
        Assert.Contains("at least 2", Assert.Throws<WhenceException>(() => new TrainingSet([one], [new bool[2]], null)).Message, StringComparison.Ordinal);
        Assert.Contains("at least 2", Assert.Throws<WhenceException>(() => new TrainingSet([two], [[true, false]], null)).Message, StringComparison.Ordinal);
        var other = new TestCaseFeatures("other", new FeatureMatrix(1, 1, [1]), [new(0, 1)], [new("gpt", new FeatureMatrix(1, 1, [1]), [0], null)]);
        Assert.Contains(
            "'other': its features have 1 values, those before 2",
            Assert.Throws<WhenceException>(() => new TrainingSet([two, other], [new bool[2], new bool[1]], null)).Message,
            StringComparison.Ordinal);
    }

    private static TestCaseFeatures Case(ExemplarChunk[] chunks, params (string Type, int[] Models)[] prompts) => Case(chunks, null, prompts);

    private static TestCaseFeatures Case(
        ExemplarChunk[] chunks, IReadOnlyDictionary<string, IReadOnlyList<string?>>? columns, params (string Type, int[] Models)[] prompts) => new(
        "t", Rows(chunks[^1].End, 0), chunks, [.. prompts.Select(p => new PromptFeatures(p.Type, Rows(p.Models.Length, 50), p.Models, null))], columns: columns);

    private static FeatureMatrix Rows(int count, int first) => new(count, 2, [.. Enumerable.Range(0, count).SelectMany(i => new float[] { first + i, 1 })]);
}
