using Whence.Calibration;
using Whence.Datasets;
using Whence.Files;
using Whence.Mapping;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Evaluation;

/// <summary>
/// Ranks the exemplars of test cases as section 4.1 of the paper asks: the candidates of a query are all distractors and only the exemplars of
/// the model that made it. Distractors and exemplars are mapped by h, queries by h~, then L2-normalised. Nothing is sorted: an exemplar's rank is
/// the number of distractors at least as similar (<see cref="ExactSearch.Ranks"/>), and of the model's own exemplars before it.
/// </summary>
public sealed class Evaluator : IDisposable
{
    // Queries that share a pass over the distractors.
    private const int MostQueries = 1024;

    // Below where influence begins, by more than the roundings of its logarithm and of float32.
    private const double RoundingMargin = 1e-6;

    private readonly FeatureIndex _distractors;
    private readonly EvaluationOptions _options;
    private readonly ExactSearch _search;

    /// <summary>An evaluator over distractors.</summary>
    /// <param name="distractors">The distractors; images that were removed from the index are none.</param>
    /// <param name="options">Mapper, threads; null for the defaults.</param>
    /// <param name="layoutProgress">Told how far the making of the search layout is, which the first evaluation takes; null for nobody.</param>
    /// <param name="cancellation">Stops the making of the layout.</param>
    /// <exception cref="WhenceException">The mapper does not fit the distractors, or the index is damaged.</exception>
    public Evaluator(
        FeatureIndex distractors, EvaluationOptions? options = null, IProgress<LayoutProgress>? layoutProgress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(distractors);
        _distractors = distractors;
        _options = options ?? new();
        _options.Validate();
        _options.Mapper?.CheckEncoder(EncoderOf(distractors), distractors.Folder);
        _search = ExactSearch.Open(
            distractors, new SearchOptions { Mapper = _options.Mapper?.Real, Threads = _options.Threads, Progress = layoutProgress }, cancellation);
    }

    /// <summary>N, the number of distractors.</summary>
    public long Distractors => _search.Searched;

    /// <summary>Refuses a test case whose features cannot be compared with the distractors'; <see cref="Rank(TestCaseFeatures, IProgress{EvaluationProgress}?, CancellationToken)"/> does so too.</summary>
    /// <exception cref="WhenceException">They are another encoder's.</exception>
    public void Check(TestCaseFeatures testCase)
    {
        ArgumentNullException.ThrowIfNull(testCase);
        _options.Mapper?.CheckEncoder(testCase.Encoder, $"test case '{testCase.Name}'");
        Check(testCase, _distractors);
    }

    /// <summary>Refuses a test case whose features cannot be compared with those of an index.</summary>
    internal static void Check(TestCaseFeatures testCase, FeatureIndex distractors)
    {
        var manifest = distractors.Manifest;
        if (testCase.Dimension != manifest.Dimension)
        {
            throw new WhenceException(
                $"test case '{testCase.Name}': its features have {testCase.Dimension} values, those of the distractors in {distractors.Folder} have {manifest.Dimension}; both must come from one encoder.");
        }

        if (testCase.Encoder is { } encoder && EncoderOf(distractors) is { } maker && maker != encoder)
        {
            throw new WhenceException(
                $"test case '{testCase.Name}': its features were made by encoder '{encoder}', those of the distractors in {distractors.Folder} by '{maker}'; both must come from one encoder.");
        }
    }

    /// <summary>Name of the encoder that made the features of an index; null where nobody says. A features file may know it without its spec.</summary>
    internal static string? EncoderOf(FeatureIndex distractors) => distractors.Manifest is { EncoderSpec: null, Encoder: DistractorIndex.UnknownEncoder or EmbeddingImport.ClipRetrieval }
        ? null
        : distractors.Manifest.EncoderSpec?.Name ?? distractors.Manifest.Encoder;

    /// <summary>Ranks every query's own exemplars.</summary>
    /// <param name="testCase">Raw features.</param>
    /// <param name="progress">Told after each batch of queries; null for nobody.</param>
    /// <param name="cancellation">Stops between blocks of distractors.</param>
    /// <exception cref="WhenceException">The features are another encoder's, or a distractor that matters is damaged or not finite.</exception>
    public TestCaseRanks Rank(TestCaseFeatures testCase, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellation = default)
    {
        Check(testCase);
        var exemplars = Prepare(_options.Mapper?.Real, testCase.Exemplars.Span, testCase.Dimension, testCase.Name);
        var total = testCase.Prompts.Sum(p => (long)p.Models.Count);
        var done = 0L;
        return new TestCaseRanks(testCase.Name, [.. testCase.Chunks.Select(c => c.Count)], [.. testCase.Prompts.Select(RankPrompt)]);

        PromptRanks RankPrompt(PromptFeatures prompt)
        {
            var ranks = new List<QueryRanks>(prompt.Models.Count);
            foreach (var batch in Enumerable.Range(0, prompt.Models.Count).Chunk(MostQueries))
            {
                var raw = prompt.Features.Span.Slice(batch[0] * testCase.Dimension, batch.Length * testCase.Dimension);
                var queries = Prepare(_options.Mapper?.Synth, raw, testCase.Dimension, testCase.Name);
                ranks.AddRange(RankBatch(queries, exemplars, batch.Select(q => prompt.Models[q]).ToArray(), testCase.Chunks, cancellation));
                progress?.Report(new EvaluationProgress(testCase.Name, done += batch.Length, total));
            }

            return new PromptRanks(prompt.Type, ranks, prompt.Paths);
        }
    }

    /// <summary>
    /// What stands first for some queries among the distractors and their own exemplars, with influence (Figures 4, 8 and 15). Places are those of
    /// <see cref="Rank(TestCaseFeatures, IProgress{EvaluationProgress}?, CancellationToken)"/>; influences are over all candidates (Eq. 6).
    /// </summary>
    /// <param name="testCase">Raw features.</param>
    /// <param name="prompts">Type of the prompts, one of the test case's.</param>
    /// <param name="queries">Numbers of queries of that type, as <see cref="QueryChoice"/> draws them; a few, since everything with an influence is looked at.</param>
    /// <param name="count">Images from the first rank on, at least 1; the best exemplar is added where it is not among them.</param>
    /// <param name="calibrator">tau and lambda.</param>
    /// <param name="cancellation">Stops between blocks of distractors.</param>
    /// <returns>Per query its images by rank.</returns>
    /// <exception cref="WhenceException">The features are another encoder's, or a distractor that matters is damaged or not finite.</exception>
    public IReadOnlyList<RankedQuery> Nearest(
        TestCaseFeatures testCase, string prompts, IReadOnlyList<int> queries, int count, Calibrator calibrator, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(calibrator);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Check(testCase);
        calibrator.Validate();
        var prompt = testCase.Prompts.FirstOrDefault(p => p.Type == prompts)
            ?? throw new ArgumentException($"Test case '{testCase.Name}' has no prompts '{prompts}'.", nameof(prompts));
        if (queries.Count == 0)
        {
            return [];
        }

        var exemplars = Prepare(_options.Mapper?.Real, testCase.Exemplars.Span, testCase.Dimension, testCase.Name);
        float[] raw = [.. queries.SelectMany(q => prompt.Features.Row(q).ToArray())];
        var prepared = Prepare(_options.Mapper?.Synth, raw, testCase.Dimension, testCase.Name);
        var own = Similarities(prepared, exemplars, [.. queries.Select(q => prompt.Models[q])], testCase.Chunks, cancellation);
        var before = _search.Ranks(prepared, own, cancellation);
        var nearest = _search.Nearest(prepared, count, cancellation);
        float[] influential = [.. own.Select((s, q) => (float)(calibrator.SmallestSimilarity(nearest[q].Select(m => m.Similarity).Take(1).Concat(s).Max()) - RoundingMargin))];
        var shared = _search.Above(prepared, influential, cancellation);
        var images = _distractors.FindImages(nearest.SelectMany(matches => matches.Select(m => m.Id)).Distinct());
        return [.. queries.Select((query, q) =>
        {
            var model = prompt.Models[query];
            var influence = calibrator.Normalize([.. shared[q].Select(m => m.Similarity), .. own[q]]);
            var ranks = Rank(model, own[q], before[q]).Ranks;
            List<RankedImage> found = [.. own[q].Select((s, i) => new RankedImage(ranks[i], NameOf(testCase, testCase.Chunks[model].Start + i), s, influence.Of(s), true))];
            var taken = ranks.ToHashSet();
            var rank = 0L;
            foreach (var match in nearest[q])
            {
                while (taken.Contains(++rank))
                {
                }

                found.Add(new RankedImage(rank, NameOf(images[match.Id]), match.Similarity, influence.Of(match.Similarity), false));
            }

            var sorted = found.OrderBy(i => i.Rank).ToArray();
            var first = Array.FindIndex(sorted, i => i.IsExemplar);
            return new RankedQuery(testCase.Name, prompts, query, model, prompt.Paths?[query], [.. sorted.Where((image, i) => image.Rank <= count || i == first)], influence.None);
        })];
    }

    /// <summary>Closes the distractors' files.</summary>
    public void Dispose() => _search.Dispose();

    private static string NameOf(TestCaseFeatures testCase, int exemplar) => testCase.ExemplarPaths?[exemplar] ?? $"exemplar {exemplar}";

    // Rows of a features file have no place to be found again, only a name.
    private string NameOf(IndexedImage image) => DistractorIndex.IsRow(_distractors, image) ? image.Key : image.Source;

    private IEnumerable<QueryRanks> RankBatch(
        FeatureMatrix queries, FeatureMatrix exemplars, int[] models, IReadOnlyList<ExemplarChunk> chunks, CancellationToken cancellation)
    {
        var own = Similarities(queries, exemplars, models, chunks, cancellation);
        var before = _search.Ranks(queries, own, cancellation);
        return models.Select((model, q) => Rank(model, own[q], before[q]));
    }

    // Per query its similarities to its own model's exemplars.
    private float[][] Similarities(
        FeatureMatrix queries, FeatureMatrix exemplars, int[] models, IReadOnlyList<ExemplarChunk> chunks, CancellationToken cancellation)
    {
        var own = new float[models.Length][];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = _options.Threads, CancellationToken = cancellation };
        Unwrap.Aggregate(() => Parallel.For(0, models.Length, parallel, q =>
        {
            own[q] = new float[chunks[models[q]].Count];
            Compare(exemplars, chunks[models[q]], queries.Row(q), own[q]);
        }));
        return own;
    }

    /// <summary>Similarities of a query to exemplars, as the search defines them, so that ties are ties.</summary>
    internal static void Compare(FeatureMatrix exemplars, ExemplarChunk chunk, ReadOnlySpan<float> query, Span<float> similarities)
    {
        for (var i = 0; i < chunk.Count; i++)
        {
            similarities[i] = (float)DotProduct.Of(exemplars.Row(chunk.Start + i), query);
        }
    }

    /// <summary>From similarities to ranks.</summary>
    /// <param name="model">The query's model.</param>
    /// <param name="similarities">Per exemplar.</param>
    /// <param name="before">Per exemplar the distractors at least as similar.</param>
    private static QueryRanks Rank(int model, float[] similarities, long[] before)
    {
        var order = Enumerable.Range(0, similarities.Length).OrderByDescending(i => similarities[i]).ToArray(); // stable
        var (ranks, sorted) = (new long[order.Length], new long[order.Length]);
        for (var place = 0; place < order.Length; place++)
        {
            ranks[order[place]] = sorted[place] = before[order[place]] + place + 1;
        }

        return new QueryRanks(model, ranks, sorted);
    }

    /// <summary>Features, mapped and L2-normalised.</summary>
    internal static FeatureMatrix Prepare(Mapper? mapper, ReadOnlySpan<float> raw, int dimension, string name)
    {
        var features = new FeatureMatrix(raw.Length / dimension, dimension, raw.ToArray());
        var mapped = mapper?.Apply(features) ?? features;
        foreach (var value in mapped.Span)
        {
            if (!float.IsFinite(value))
            {
                throw new WhenceException($"test case '{name}': the mapper turns a feature into {value}; it is damaged or made for another encoder.");
            }
        }

        Normalization.NormalizeRows(mapped.Span, mapped.Columns);
        return mapped;
    }
}
