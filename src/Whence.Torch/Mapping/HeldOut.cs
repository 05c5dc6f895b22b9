using Whence.Datasets;
using Whence.Vectors;

namespace Whence.Torch.Mapping;

/// <summary>Models that are not trained with, so that what is learned can be measured on them.</summary>
internal static class HeldOut
{
    private const long Stream = -2;

    /// <summary>Chooses models at random.</summary>
    /// <param name="testCase">At least two models.</param>
    /// <param name="share">Of the models, in (0, 1); at least one and not all are chosen.</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <returns>Whether each model is held out.</returns>
    /// <exception cref="WhenceException">There is but one model.</exception>
    public static bool[] Choose(TestCaseFeatures testCase, double share, long seed)
    {
        var models = testCase.Chunks.Count;
        if (models < 2)
        {
            throw new WhenceException($"test case '{testCase.Name}': of its one model none can be held out for validation; give features to validate with.");
        }

        var order = Enumerable.Range(0, models).ToArray();
        new SplitMix64(seed, Stream).Shuffle(order);
        var held = new bool[models];
        foreach (var model in order.Take(Math.Clamp((int)Math.Round(models * share), 1, models - 1)))
        {
            held[model] = true;
        }

        return held;
    }

    /// <summary>The models chosen, as a test case of their own, without augmented views.</summary>
    /// <returns>Null where none of them has a query.</returns>
    public static TestCaseFeatures? Part(TestCaseFeatures testCase, bool[] chosen)
    {
        var d = testCase.Dimension;
        var (number, chunks, exemplars) = (new int[chosen.Length], new List<ExemplarChunk>(), new List<int>());
        for (var model = 0; model < chosen.Length; model++)
        {
            if (chosen[model])
            {
                number[model] = chunks.Count;
                var chunk = testCase.Chunks[model];
                chunks.Add(new ExemplarChunk(exemplars.Count, exemplars.Count + chunk.Count));
                exemplars.AddRange(Enumerable.Range(chunk.Start, chunk.Count));
            }
        }

        PromptFeatures[] prompts = [.. testCase.Prompts
            .Select(p => (Prompt: p, Rows: Enumerable.Range(0, p.Models.Count).Where(q => chosen[p.Models[q]]).ToArray()))
            .Where(p => p.Rows.Length > 0)
            .Select(p => new PromptFeatures(p.Prompt.Type, Rows(p.Prompt.Features, p.Rows), [.. p.Rows.Select(q => number[p.Prompt.Models[q]])], Paths: null))];
        return prompts.Length == 0 ? null : new TestCaseFeatures(testCase.Name, Rows(testCase.Exemplars, exemplars), chunks, prompts, encoder: testCase.Encoder);

        FeatureMatrix Rows(FeatureMatrix features, IReadOnlyList<int> rows)
        {
            var values = new float[rows.Count * d];
            for (var i = 0; i < rows.Count; i++)
            {
                features.Row(rows[i]).CopyTo(values.AsSpan(i * d));
            }

            return new FeatureMatrix(rows.Count, d, values);
        }
    }
}
