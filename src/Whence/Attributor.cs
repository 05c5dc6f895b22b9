using System.Security.Cryptography;
using Whence.Calibration;
using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Mapping;
using Whence.Search;
using Whence.Vectors;

namespace Whence;

/// <summary>Options of an <see cref="Attributor"/>.</summary>
public sealed record AttributorOptions
{
    /// <summary>The mappers h (training images) and h~ (queries); null compares raw features.</summary>
    public MapperPair? Mapper { get; init; }

    /// <summary>Parameters of Eq. 6. Default: the authors' published values, which mark results as uncalibrated.</summary>
    public Calibrator Calibration { get; init; } = Calibrator.Unfitted;

    /// <summary>
    /// Only training images for which this is true are searched: the others have no rank and no influence, and Eq. 6 shares the
    /// influence among those searched. Null, the default, searches all that were not removed.
    /// </summary>
    public MetadataPredicate? Where { get; init; }

    /// <summary>
    /// Search by the index's graphs, which <see cref="ApproximateIndex.Build"/> makes, instead of by all rows: for an index that is too
    /// large for that. Answers then say so (<see cref="Attribution.Approximate"/>). <see cref="Attributor.Explain"/> is exact in any
    /// case. Null, the default, searches exactly.
    /// </summary>
    public ApproximateOptions? Approximate { get; init; }

    /// <summary>Threads for the search, at least 1; results do not depend on it. Default: the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Told how far the making of the search layout is, which the first search of an index takes; null for nobody.</summary>
    public IProgress<LayoutProgress>? LayoutProgress { get; init; }

    /// <summary>Bounds against hostile query images.</summary>
    public DecodeLimits Limits { get; init; } = DecodeLimits.Default;
}

/// <summary>A generated image to ask about.</summary>
/// <param name="Source">Its name in the results, usually a path.</param>
/// <param name="File">The bytes of the image file.</param>
public sealed record Query(string Source, ReadOnlyMemory<byte> File)
{
    /// <summary>The prompt that it was made with, for encoders that look at captions; null, the default, where nobody knows: an empty one stands for it.</summary>
    public string? Caption { get; init; }

    /// <summary>Reads an image file as a query.</summary>
    /// <exception cref="WhenceException">The file is missing or cannot be read.</exception>
    public static Query FromFile(string path)
    {
        try
        {
            return new Query(path, System.IO.File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"{path}: cannot be read: {e.Message}", e);
        }
    }
}

/// <summary>
/// Answers "which training images made this picture, and how much did each contribute?": encode, map, normalise, search,
/// calibrate, rank.
/// </summary>
public sealed class Attributor : IDisposable
{
    // Queries that share a pass over the index; with groups, every influential image of each is held at once.
    private const int MostQueries = 256;
    private const long MostGroupedImages = 32_000_000;

    private readonly FeatureIndex _index;
    private readonly IImageEncoder _encoder;
    private readonly AttributorOptions _options;
    private readonly Preprocessor _preprocessor;
    private readonly ExactSearch _search;
    private readonly ApproximateSearch? _approximate;

    /// <summary>An attributor over an index.</summary>
    /// <param name="index">The training images.</param>
    /// <param name="encoder">The encoder that made the index.</param>
    /// <param name="options">Mapper, calibration, filter, kind of search, threads.</param>
    /// <param name="cancellation">Stops the evaluation of the filter, which reads the columns that it names once, here.</param>
    /// <exception cref="WhenceException">
    /// Encoder, mapper or calibration belong to another index, the filter names a column that the index does not have, or an approximate
    /// search is asked for and not possible.
    /// </exception>
    public Attributor(FeatureIndex index, IImageEncoder encoder, AttributorOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(index);
        ArgumentNullException.ThrowIfNull(encoder);
        options ??= new();
        if (index.Manifest.EncoderSpec?.IsSameEncoder(encoder.Spec) != true)
        {
            throw new WhenceException(
                $"{index.Folder}: its features were made by encoder '{index.Manifest.Encoder}'{(index.Manifest.Encoder == encoder.Spec.Name ? " with other weights or preprocessing" : "")}, queries encoded by '{encoder.Spec.Name}' cannot be compared with them.");
        }

        if (options.Calibration.Encoder is { } fitted && fitted != encoder.Spec.Name)
        {
            throw new WhenceException($"The calibration was fitted for encoder '{fitted}', the index holds features of '{encoder.Spec.Name}'.");
        }

        options.Calibration.CheckMapper(options.Mapper);
        options.Mapper?.CheckEncoder(encoder.Spec.Name, index.Folder);
        _index = index;
        _encoder = encoder;
        _options = options;
        _preprocessor = new Preprocessor(encoder.Spec.Preprocessing, options.Limits, index.Manifest.AutoOrient);
        options.Approximate?.Validate();
        var search = new SearchOptions
        {
            Mapper = options.Mapper?.Real,
            Rows = options.Where?.Evaluate(index, cancellation),
            Threads = options.Threads,
            Progress = options.LayoutProgress,
        };
        _approximate = options.Approximate is null ? null : ApproximateSearch.Open(index, search, cancellation);
        _search = _approximate?.Exact ?? ExactSearch.Open(index, search, cancellation);
    }

    /// <summary>Parameters of Eq. 6, and whether they were fitted for this encoder.</summary>
    public Calibrator Calibration => _options.Calibration;

    /// <summary>Number of images searched: those that were not removed and for which the filter, if there is one, is true.</summary>
    public long Searched => _search.Searched;

    /// <summary>
    /// Number of images that an approximate search has no graph of, because they came later or the filter leaves few, and which it
    /// therefore searches exactly; 0 where it is not approximate.
    /// </summary>
    public long WithoutGraph => _approximate?.SearchedExactly ?? 0;

    /// <summary>Attributes one generated image.</summary>
    /// <param name="query">The image.</param>
    /// <param name="k">Number of training images to list, at least 0.</param>
    /// <exception cref="WhenceException">The query is no readable image, or the index is damaged.</exception>
    public Attribution Attribute(Query query, int k) => Attribute([query], new AttributionRequest { Top = k }).Single();

    /// <summary>Attributes many generated images; they share each pass over the index.</summary>
    /// <param name="queries">The images, read as they are needed.</param>
    /// <param name="request">How many results, which grouping.</param>
    /// <param name="failed">Told of a query that is no readable image, which then has no answer; null to throw instead.</param>
    /// <param name="cancellation">Stops between images and blocks of rows.</param>
    /// <returns>One attribution per readable query, in order, computed as they are read.</returns>
    /// <exception cref="WhenceException">A query is no readable image and <paramref name="failed"/> is null, or the index is damaged.</exception>
    public IEnumerable<Attribution> Attribute(
        IEnumerable<Query> queries, AttributionRequest request, Action<Query, WhenceException>? failed = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(request);
        request.Validate();
        var turn = request.GroupBy is null ? MostQueries : (int)Math.Clamp(MostGroupedImages / Math.Max(_index.Count, 1), 1, MostQueries);
        return queries.Chunk(turn).SelectMany(chunk => AttributeTurn(chunk, request, failed, cancellation));
    }

    /// <summary>Answers one rights holder: how do these images stand to this query?</summary>
    /// <param name="query">The generated image.</param>
    /// <param name="ids">Ids of the images asked about.</param>
    /// <param name="cancellation">Stops between blocks of rows.</param>
    /// <returns>Per id its rank, similarity and influence, and the images before it.</returns>
    /// <exception cref="WhenceException">The query is no readable image, or the index is damaged.</exception>
    public IReadOnlyList<Explanation> Explain(Query query, IReadOnlyList<long> ids, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var (features, _) = Encode([query], failed: null, cancellation);
        var normalized = Normalize(Map(features));
        var influence = _search.Influences(normalized, Calibration, cancellation)[0];
        var similarities = _search.Similarities(normalized, [[.. ids]], cancellation)[0];
        var ranked = _search.Above(normalized, [similarities.DefaultIfEmpty(float.PositiveInfinity).Min()], cancellation)[0];
        return ids.Select((id, i) => Explanation.Of(id, similarities[i], ranked, influence, _index, Searched, _options.Where?.Text) with
        {
            None = Calibration.None is null ? null : influence.None,
        }).ToArray();
    }

    /// <summary>What stands for generated images in a search: their features, mapped and L2-normalised.</summary>
    /// <param name="queries">The images.</param>
    /// <param name="cancellation">Stops between images.</param>
    /// <returns>q x d, in order.</returns>
    /// <exception cref="WhenceException">A query is no readable image.</exception>
    public FeatureMatrix Features(IEnumerable<Query> queries, CancellationToken cancellation = default) =>
        Normalize(Map(Encode([.. queries], failed: null, cancellation).Features));

    /// <summary>Closes the index's files.</summary>
    public void Dispose()
    {
        _search.Dispose();
        _approximate?.Dispose();
    }

    // The method, a line a step: docs/method.md has each one's equation.
    private IEnumerable<Attribution> AttributeTurn(
        Query[] chunk, AttributionRequest request, Action<Query, WhenceException>? failed, CancellationToken cancellation)
    {
        var (features, queries) = Encode(chunk, failed, cancellation);
        if (queries.Length == 0)
        {
            return [];
        }

        var mapped = Map(features);
        var normalized = Normalize(mapped);
        var candidates = Math.Max(request.Top, _options.Approximate?.Candidates ?? 1);
        var approximate = _approximate?.IsExact(candidates) == false;
        var nearest = approximate ? _approximate!.Nearest(normalized, candidates, cancellation) : _search.Nearest(normalized, Math.Max(request.Top, 1), cancellation);
        var influences = approximate ? Array.ConvertAll(nearest, InfluenceAmong) : _search.Influences(normalized, Calibration, nearest, cancellation);
        var best = nearest.Select((n, q) => Listed(n, influences[q], request)).ToArray();
        var images = _index.FindImages(best.SelectMany(b => b).Select(b => b.Id));
        var sharing = request.GroupBy is null || approximate ? nearest : FindSharing(normalized, influences, cancellation);
        var groups = request.GroupBy is { } column ? InfluenceGroups.Sum(column, sharing, influences, _index) : null;
        return queries.Select((query, q) => Answer(query, best[q], images, influences[q], request) with
        {
            Approximate = approximate ? Candidates.Of(nearest[q], influences[q]) : null,
            Groups = groups?[q],
        });
    }

    // What was not found has no part in the maximum nor in the denominator.
    private Influence InfluenceAmong(Match[] candidates) => Calibration.Normalize(Array.ConvertAll(candidates, c => c.Similarity));

    private (FeatureMatrix Features, Query[] Queries) Encode(Query[] queries, Action<Query, WhenceException>? failed, CancellationToken cancellation)
    {
        var dimension = _encoder.Spec.Dimension;
        var features = new float[queries.Length][];
        var errors = new WhenceException?[queries.Length];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = _options.Threads, CancellationToken = cancellation };
        Unwrap.Aggregate(() => Parallel.For(0, queries.Length, parallel, () => new float[_preprocessor.Length], (q, _, pixels) =>
        {
            try
            {
                _preprocessor.Preprocess(queries[q].File.Span, pixels);
                _encoder.EncodeWith(pixels, [queries[q].Caption], features[q] = new float[dimension]);
            }
            catch (WhenceException e)
            {
                errors[q] = new WhenceException($"{queries[q].Source}: {e.Message}", e);
            }

            return pixels;
        }, _ => { }));
        foreach (var (q, error) in errors.Index().Where(e => e.Item is not null))
        {
            (failed ?? ((_, e) => throw e))(queries[q], error!);
        }

        var readable = Enumerable.Range(0, queries.Length).Where(q => errors[q] is null).ToArray();
        return (new FeatureMatrix(readable.Length, dimension, [.. readable.SelectMany(q => features[q])]), [.. readable.Select(q => queries[q])]);
    }

    private FeatureMatrix Map(FeatureMatrix features) => _options.Mapper?.Synth.Apply(features) ?? features;

    private static FeatureMatrix Normalize(FeatureMatrix features)
    {
        Normalization.NormalizeRows(features.Span, features.Columns);
        return features;
    }

    private static Match[] Listed(Match[] nearest, Influence influence, AttributionRequest request) =>
        [.. nearest.Take(request.Top).Where(b => influence.Of(b.Similarity) >= request.MinInfluence)];

    private Match[][] FindSharing(FeatureMatrix normalized, Influence[] influences, CancellationToken cancellation) =>
        _search.Above(normalized, Array.ConvertAll(influences, i => MathF.BitDecrement((float)i.SmallestSimilarity)), cancellation);

    private Attribution Answer(
        Query query, Match[] best, IReadOnlyDictionary<long, IndexedImage> images, Influence influence, AttributionRequest request)
    {
        IReadOnlyList<AttributedImage> results =
            [.. best.Select((b, i) => AttributedImage.Of(images[b.Id], i + 1, b.Similarity, influence))];
        return new Attribution
        {
            Query = new QueryImage(query.Source, Convert.ToHexStringLower(SHA256.HashData(query.File.Span))),
            Index = _index.Folder,
            Encoder = _encoder.Spec.Name,
            Mapper = _options.Mapper?.Name,
            Calibration = _options.Calibration,
            Where = _options.Where?.Text,
            Searched = Searched,
            Nonzero = influence.Nonzero,
            None = Calibration.None is null ? null : influence.None,
            Remaining = influence.Nonzero == 0 ? 0 : Math.Max(0, 1 - influence.None - results.Sum(r => r.Influence)),
            Results = request.GroupDuplicates is { } threshold ? Duplicates.Group(results, _index, threshold) : results,
        };
    }
}
