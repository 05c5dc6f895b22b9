using System.Security.Cryptography;
using Whence.Calibration;
using Whence.Encoders;
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

    /// <summary>Threads for the search, at least 1; results do not depend on it. Default: the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Bounds against hostile query images.</summary>
    public DecodeLimits Limits { get; init; } = DecodeLimits.Default;
}

/// <summary>A generated image to ask about.</summary>
/// <param name="Source">Its name in the results, usually a path.</param>
/// <param name="File">The bytes of the image file.</param>
public sealed record Query(string Source, ReadOnlyMemory<byte> File)
{
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
public sealed class Attributor
{
    // Similarities of so many images are held at once; more queries than fit are searched in turns.
    private const long SimilarityBudget = 64_000_000;

    private readonly FeatureIndex _index;
    private readonly IImageEncoder _encoder;
    private readonly AttributorOptions _options;
    private readonly Preprocessor _preprocessor;
    private readonly ExactSearch _search;

    /// <summary>An attributor over an index.</summary>
    /// <param name="index">The training images.</param>
    /// <param name="encoder">The encoder that made the index.</param>
    /// <param name="options">Mapper, calibration, threads.</param>
    /// <exception cref="WhenceException">Encoder, mapper or calibration belong to another index.</exception>
    public Attributor(FeatureIndex index, IImageEncoder encoder, AttributorOptions? options = null)
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

        _index = index;
        _encoder = encoder;
        _options = options;
        _preprocessor = new Preprocessor(encoder.Spec.Preprocessing, options.Limits, index.Manifest.AutoOrient);
        _search = new ExactSearch(index, options.Mapper?.Real, options.Threads);
    }

    /// <summary>Attributes one generated image.</summary>
    /// <param name="query">The image.</param>
    /// <param name="k">Number of training images to list, at least 0.</param>
    public Attribution Attribute(Query query, int k) => Attribute([query], new AttributionRequest { Top = k }).Single();

    /// <summary>Attributes many generated images; they share each pass over the index.</summary>
    /// <param name="queries">The images.</param>
    /// <param name="request">How many results, which grouping.</param>
    /// <returns>One attribution per query, in order, computed as they are read.</returns>
    /// <exception cref="WhenceException">A query is no readable image, or the index is damaged.</exception>
    public IEnumerable<Attribution> Attribute(IReadOnlyList<Query> queries, AttributionRequest request)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(request);
        request.Validate();
        var turn = (int)Math.Clamp(SimilarityBudget / Math.Max(_index.Count, 1), 1, 1024);
        return queries.Chunk(turn).SelectMany(some =>
        {
            var features = Encode(some);
            var similarities = _search.Similarities(features);
            var rankings = similarities.Select(s => Ranking.Of(s, _options.Calibration, request)).ToArray();
            var images = _index.FindImages(rankings.SelectMany(r => r.Best).Select(b => b.Id));
            return some.Select((query, q) => Answer(query, similarities[q], rankings[q], images, request));
        });
    }

    /// <summary>Answers one rights holder: how do these images stand to this query?</summary>
    /// <param name="query">The generated image.</param>
    /// <param name="ids">Ids of the images asked about.</param>
    /// <returns>Per id its rank, similarity and influence, and the images before it.</returns>
    public IReadOnlyList<Explanation> Explain(Query query, IReadOnlyList<long> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var similarities = _search.Similarities(Encode([query]))[0];
        var influence = _options.Calibration.Normalize(similarities);
        return ids.Select(id => Explanation.Of(id, similarities, influence, _index)).ToArray();
    }

    private FeatureMatrix Encode(Query[] queries)
    {
        var length = _preprocessor.Length;
        var dimension = _encoder.Spec.Dimension;
        var batch = Math.Min(queries.Length, Math.Min(_encoder.MaxBatch, 16));
        var pixels = new float[batch * length];
        var features = new float[queries.Length * dimension];
        for (var first = 0; first < queries.Length; first += batch)
        {
            var n = Math.Min(batch, queries.Length - first);
            for (var i = 0; i < n; i++)
            {
                Preprocess(queries[first + i], pixels.AsSpan(i * length, length));
            }

            _encoder.Encode(pixels.AsSpan(0, n * length), features.AsSpan(first * dimension, n * dimension));
        }

        return MapAndNormalize(features, queries.Length);
    }

    private void Preprocess(Query query, Span<float> pixels)
    {
        try
        {
            _preprocessor.Preprocess(query.File.Span, pixels);
        }
        catch (WhenceException e)
        {
            throw new WhenceException($"{query.Source}: {e.Message}", e);
        }
    }

    private FeatureMatrix MapAndNormalize(float[] features, int rows)
    {
        var mapped = features;
        if (_options.Mapper is { Synth: var mapper })
        {
            mapped = new float[rows * mapper.OutputDimension];
            mapper.Apply(features, mapped);
        }

        for (var i = 0; i < rows; i++)
        {
            Normalization.NormalizeRow(mapped.AsSpan(i * _search.Dimension, _search.Dimension));
        }

        return new FeatureMatrix(rows, _search.Dimension, mapped);
    }

    private Attribution Answer(
        Query query, float[] similarities, Ranking ranking, IReadOnlyDictionary<long, IndexedImage> images, AttributionRequest request)
    {
        var influence = ranking.Influence;
        IReadOnlyList<AttributedImage> results =
            [.. ranking.Best.Select((b, i) => AttributedImage.Of(images[b.Id], i + 1, b.Similarity, influence))];
        return new Attribution
        {
            Query = new QueryImage(query.Source, Convert.ToHexStringLower(SHA256.HashData(query.File.Span))),
            Index = _index.Folder,
            Encoder = _encoder.Spec.Name,
            Mapper = _options.Mapper?.Name,
            Calibration = _options.Calibration,
            Searched = _index.Count - _index.Removed.Count,
            Nonzero = influence.Nonzero,
            Remaining = influence.Nonzero == 0 ? 0 : Math.Max(0, 1 - results.Sum(r => r.Influence)),
            Results = request.GroupDuplicates is { } threshold ? Duplicates.Group(results, _index, threshold) : results,
            Groups = request.GroupBy is { } column ? InfluenceGroups.Sum(column, similarities, influence, _index) : null,
        };
    }

    /// <summary>The images that a query's answer lists, and Eq. 6 for the rest.</summary>
    private sealed record Ranking((long Id, float Similarity)[] Best, Influence Influence)
    {
        public static Ranking Of(float[] similarities, Calibrator calibrator, AttributionRequest request)
        {
            var influence = calibrator.Normalize(similarities);
            var best = TopK.Select(similarities, request.Top);
            return new Ranking([.. best.Where(b => influence.Of(b.Similarity) >= request.MinInfluence)], influence);
        }
    }
}
