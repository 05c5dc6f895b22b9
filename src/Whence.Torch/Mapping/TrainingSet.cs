using Whence.Datasets;
using Whence.Vectors;

namespace Whence.Torch.Mapping;

/// <summary>An exemplar and an image that was synthesized after it.</summary>
/// <param name="Real">Where the exemplar's feature lies.</param>
/// <param name="RealRow">Its row.</param>
/// <param name="Synth">Where the synthesized image's feature lies.</param>
/// <param name="SynthRow">Its row.</param>
/// <param name="Group">Pairs of one group are no negatives of each other; negative for none.</param>
internal readonly record struct Pair(FeatureMatrix Real, int RealRow, FeatureMatrix Synth, int SynthRow, int Group);

/// <summary>What training draws pairs from: the models of all test cases that are joined.</summary>
internal sealed class TrainingSet
{
    private readonly List<Model> _models = [];

    /// <summary>Joins test cases.</summary>
    /// <param name="features">At least one.</param>
    /// <param name="heldOut">Per test case whether each model is kept for validation.</param>
    /// <param name="maskBy">Column whose equal values make a group; null for none.</param>
    /// <exception cref="WhenceException">They do not fit together, have no such column, or fewer than two models to train with.</exception>
    public TrainingSet(IReadOnlyList<TestCaseFeatures> features, IReadOnlyList<bool[]> heldOut, string? maskBy)
    {
        Dimension = features[0].Dimension;
        var groups = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (testCase, held) in features.Zip(heldOut))
        {
            Join(testCase, held, maskBy, groups);
        }

        if (_models.Count < 2)
        {
            throw new WhenceException(
                $"There are {_models.Count} models with synthesized images to train with, at least 2 are needed: a pair's negatives are the exemplars of other models.");
        }
    }

    /// <summary>d.</summary>
    public int Dimension { get; }

    /// <summary>Models, each of which gives one pair an epoch.</summary>
    public int Count => _models.Count;

    /// <summary>Models without any synthesized image, which give none.</summary>
    public int LeftOut { get; private set; }

    /// <summary>Draws an epoch's pairs: the models in random order, of each an exemplar, a type of prompts, and an image of that type.</summary>
    /// <param name="seed">Seed of the training.</param>
    /// <param name="epoch">From 1.</param>
    public Pair[] Draw(long seed, int epoch)
    {
        var random = new SplitMix64(seed, epoch);
        var order = Enumerable.Range(0, Count).ToArray();
        random.Shuffle(order);
        var pairs = new Pair[Count];
        for (var i = 0; i < order.Length; i++)
        {
            pairs[i] = _models[order[i]].Draw(ref random);
        }

        return pairs;
    }

    /// <summary>Cuts pairs into batches. The last may be smaller; one of a single pair, which would have no negative, goes with the one before.</summary>
    public static IEnumerable<Range> Batches(int pairs, int size)
    {
        for (var first = 0; first < pairs;)
        {
            var end = pairs - first - size is <= 1 ? pairs : first + size;
            yield return first..end;
            first = end;
        }
    }

    /// <summary>Copies features of pairs.</summary>
    /// <param name="pairs">n pairs.</param>
    /// <param name="real">n x d.</param>
    /// <param name="synth">n x d.</param>
    public void Gather(ReadOnlySpan<Pair> pairs, Span<float> real, Span<float> synth)
    {
        for (var i = 0; i < pairs.Length; i++)
        {
            pairs[i].Real.Row(pairs[i].RealRow).CopyTo(real[(i * Dimension)..]);
            pairs[i].Synth.Row(pairs[i].SynthRow).CopyTo(synth[(i * Dimension)..]);
        }
    }

    private void Join(TestCaseFeatures testCase, bool[] held, string? maskBy, Dictionary<string, int> groups)
    {
        if (testCase.Dimension != Dimension)
        {
            throw new WhenceException(
                $"test case '{testCase.Name}': its features have {testCase.Dimension} values, those before {Dimension}; all must come from one encoder.");
        }

        var queries = testCase.Prompts.Select(prompt => prompt.Models.Index().ToLookup(q => q.Item, q => q.Index)).ToArray();
        for (var model = 0; model < testCase.Chunks.Count; model++)
        {
            var prompts = testCase.Prompts.Zip(queries)
                .Where(p => p.Second.Contains(model)).Select(p => (p.First, (int[])[.. p.Second[model]])).ToArray();
            if (held[model])
            {
                continue;
            }

            if (prompts.Length == 0)
            {
                LeftOut++;
                continue;
            }

            _models.Add(new Model(testCase, testCase.Chunks[model], prompts, Group(testCase, model, maskBy, groups)));
        }
    }

    private static int Group(TestCaseFeatures testCase, int model, string? maskBy, Dictionary<string, int> groups)
    {
        if (maskBy is null)
        {
            return -1;
        }

        if (!testCase.Columns.TryGetValue(maskBy, out var column))
        {
            throw new WhenceException(
                $"test case '{testCase.Name}': has no column '{maskBy}' to mask by, only {(testCase.Columns.Count == 0 ? "none" : Listing.Of([.. testCase.Columns.Keys]))}.");
        }

        if (column[model] is not { } value)
        {
            return -1;
        }

        return groups.TryGetValue(value, out var group) ? group : groups[value] = groups.Count;
    }

    private sealed record Model(TestCaseFeatures TestCase, ExemplarChunk Exemplars, (PromptFeatures Features, int[] Queries)[] Prompts, int Group)
    {
        public Pair Draw(ref SplitMix64 random)
        {
            var exemplar = Exemplars.Start + random.Next(Exemplars.Count);
            var (features, queries) = Prompts[random.Next(Prompts.Length)];
            var query = queries[random.Next(queries.Length)];
            var (real, realRow) = View(TestCase.Exemplars, TestCase.ExemplarViews, exemplar, ref random);
            var (synth, synthRow) = View(features.Features, features.Views, query, ref random);
            return new Pair(real, realRow, synth, synthRow, Group);
        }

        // One of the image's views, where it has some: the augmentation.
        private (FeatureMatrix Features, int Row) View(FeatureMatrix plain, FeatureMatrix? views, int row, ref SplitMix64 random) =>
            views is null || TestCase.ViewsPerImage == 0 ? (plain, row) : (views, (row * TestCase.ViewsPerImage) + random.Next(TestCase.ViewsPerImage));
    }
}
