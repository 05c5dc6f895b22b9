using System.Security.Cryptography;
using System.Threading.Channels;
using Whence.Encoders;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>Options of <see cref="IndexBuilder"/>.</summary>
public sealed record IndexBuildOptions
{
    /// <summary>Images decoded, preprocessed and encoded at the same time, at least 1. Default: the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Images per call of the encoder, at least 1; models with a fixed batch use theirs. Default 16.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>Rows of a part: what a crash can lose at most. Default 4096.</summary>
    public int PartSize { get; init; } = 4096;

    /// <summary>How features are stored: <see cref="ElementType.F16"/> (default) or <see cref="ElementType.F32"/>.</summary>
    public ElementType Type { get; init; } = ElementType.F16;

    /// <summary>Stop at the first image that cannot be read. Default false: record it and go on.</summary>
    public bool FailFast { get; init; }

    /// <summary>Try again the images that earlier runs could not read. Default false.</summary>
    public bool RetryFailures { get; init; }

    /// <summary>Extra metadata columns joined by key; null for none.</summary>
    public MetadataTable? Metadata { get; init; }

    /// <summary>Bounds against hostile files.</summary>
    public DecodeLimits Limits { get; init; } = DecodeLimits.Default;

    /// <summary>Apply the EXIF orientation. Default false, as in the authors' code.</summary>
    public bool AutoOrient { get; init; }
}

/// <summary>How far a build has come.</summary>
/// <param name="Indexed">Images encoded in this run.</param>
/// <param name="Failed">Images that could not be read in this run.</param>
/// <param name="Skipped">Images the index had already.</param>
public readonly record struct IndexProgress(long Indexed, long Failed, long Skipped);

/// <summary>
/// Builds an index from images: sources are enumerated, workers read, decode, preprocess and encode (one image or batch per
/// thread from file to feature), and rows are written in source order. The number of images in flight is bounded, so memory
/// does not grow with the source. Running it again goes on where it stopped and adds what is new.
/// </summary>
public sealed class IndexBuilder
{
    // Each thread holds a batch: at most 512 MB of pixels.
    private const long MaxBatchValues = 1 << 27;

    private readonly string _folder;
    private readonly IImageEncoder _encoder;
    private readonly IndexBuildOptions _options;
    private readonly int _batch;

    /// <summary>A builder that writes into a folder.</summary>
    public IndexBuilder(string folder, IImageEncoder encoder, IndexBuildOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentNullException.ThrowIfNull(encoder);
        options ??= new();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Batch, 1);
        _folder = folder;
        _encoder = encoder;
        _options = options;
        _batch = Math.Min(options.Batch, encoder.MaxBatch);
        var pixels = 3L * encoder.Spec.Preprocessing.Crop * encoder.Spec.Preprocessing.Crop;
        if (_batch * pixels > MaxBatchValues)
        {
            throw new WhenceException($"--batch {_batch} takes {_batch * pixels} values a call, the limit is {MaxBatchValues}; choose at most {MaxBatchValues / pixels}.");
        }
    }

    /// <summary>Indexes every image of the sources that the index does not have yet.</summary>
    /// <param name="sources">Folders, list files, tar shards, Parquet files, or globs of these.</param>
    /// <param name="progress">Told after every batch; may be null.</param>
    /// <param name="cancellation">Stops cleanly: images already encoded are written.</param>
    /// <returns>What this run did.</returns>
    /// <exception cref="WhenceException">Nothing to index, another encoder's index, or a bad image with <see cref="IndexBuildOptions.FailFast"/>.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled; what was encoded is in the index.</exception>
    public async Task<IndexProgress> BuildAsync(
        IReadOnlyList<string> sources, IProgress<IndexProgress>? progress = null, CancellationToken cancellation = default)
    {
        ImageSources.Check(sources);
        using var writer = new IndexWriter(_folder, BlankManifest(), _options.PartSize, _options.RetryFailures);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var slots = new SemaphoreSlim(4 * _options.Threads);
        var work = Channel.CreateUnbounded<WorkItem>();
        var done = Channel.CreateUnbounded<EncodedBatch>();
        var skipped = 0L;

        var producer = Guard(() => ProduceAsync(sources, writer, work.Writer, slots, () => skipped++, stop.Token), work.Writer);
        var workers = Guard(() => Task.WhenAll(Enumerable.Range(0, _options.Threads).Select(_ => Task.Run(WorkAsync, CancellationToken.None))), done.Writer);
        try
        {
            var result = await WriteAsync(done.Reader, writer, slots, () => skipped, progress);
            await Task.WhenAll(producer, workers);
            return result;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(producer, workers).ContinueWith(_ => { }, TaskScheduler.Default);
        }

        // The batch of a worker that fails is never written, so nothing behind it would be either: everybody stops.
        async Task WorkAsync()
        {
            try
            {
                await EncodeAsync(work.Reader, done.Writer, writer.Problem, stop.Token);
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }
    }

    /// <summary>Counts the images of the sources.</summary>
    public static async Task<long> CountAsync(IReadOnlyList<string> sources, DecodeLimits limits, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(limits);
        var count = 0L;
        await foreach (var _ in ImageSources.EnumerateAsync(sources, limits.MaxFileBytes, cancellation))
        {
            count++;
        }

        return count;
    }

    internal IndexManifest BlankManifest() => new()
    {
        Encoder = _encoder.Spec.Name,
        EncoderSpec = _encoder.Spec,
        Dimension = _encoder.Spec.Dimension,
        Type = _options.Type,
        AutoOrient = _options.AutoOrient,
        Parts = [],
    };

    private async Task ProduceAsync(
        IReadOnlyList<string> sources, IndexWriter writer, ChannelWriter<WorkItem> work, SemaphoreSlim slots, Action skip, CancellationToken stop)
    {
        var batch = new List<ImageItem>(_batch);
        var sequence = 0L;
        await foreach (var item in ImageSources.EnumerateAsync(sources, _options.Limits.MaxFileBytes, stop))
        {
            if (!writer.IsNew(item.Source))
            {
                skip();
                continue;
            }

            batch.Add(item);
            if (batch.Count == _batch)
            {
                await SendAsync();
            }
        }

        if (batch.Count > 0)
        {
            await SendAsync();
        }

        async Task SendAsync()
        {
            await slots.WaitAsync(stop);
            await work.WriteAsync(new WorkItem(sequence++, [.. batch]), stop);
            batch.Clear();
        }
    }

    private async Task EncodeAsync(
        ChannelReader<WorkItem> work, ChannelWriter<EncodedBatch> done, FeatureProblem problemOf, CancellationToken stop)
    {
        var preprocessor = new Preprocessor(_encoder.Spec.Preprocessing, _options.Limits, _options.AutoOrient);
        var pixels = new float[_batch * preprocessor.Length];

        // Batches are taken in order and each one taken is finished, so that what is written after a stop has no gaps.
        await foreach (var item in work.ReadAllAsync(stop))
        {
            var rows = new List<IndexedImage>(item.Images.Length);
            var failures = new List<FailedImage>();
            foreach (var image in item.Images)
            {
                try
                {
                    rows.Add(await PrepareAsync(image, preprocessor, pixels.AsMemory(rows.Count * preprocessor.Length, preprocessor.Length)));
                }
                catch (Exception e) when (e is WhenceException or IOException or UnauthorizedAccessException)
                {
                    failures.Add(Failure(image.Source, image.Key, e.Message));
                }
            }

            var features = new float[rows.Count * _encoder.Spec.Dimension];
            _encoder.Encode(pixels.AsSpan(0, rows.Count * preprocessor.Length), features);
            var encoded = new List<(IndexedImage, ReadOnlyMemory<float>)>(rows.Count);
            foreach (var (i, row) in rows.Index())
            {
                var feature = features.AsMemory(i * _encoder.Spec.Dimension, _encoder.Spec.Dimension);
                if (problemOf(feature.Span) is { } problem)
                {
                    failures.Add(Failure(row.Source, row.Key, problem));
                }
                else
                {
                    encoded.Add((row, feature));
                }
            }

            await done.WriteAsync(new EncodedBatch(item.Sequence, encoded, failures), CancellationToken.None);
        }
    }

    private FailedImage Failure(string source, string key, string error) => _options.FailFast
        ? throw new WhenceException($"{source}: {error} (--fail-fast stops here)")
        : new FailedImage(source, key, error.ReplaceLineEndings(" "));

    private async Task<IndexedImage> PrepareAsync(ImageItem item, Preprocessor preprocessor, Memory<float> pixels)
    {
        var content = await item.ReadAsync(CancellationToken.None);
        var (width, height) = preprocessor.Preprocess(content.Bytes.Span, pixels.Span);
        var extra = _options.Metadata?.Find(item) is { Count: > 0 } joined
            ? content.Metadata.Concat(joined).GroupBy(p => p.Key).ToDictionary(g => g.Key, g => g.Last().Value)
            : content.Metadata;
        return new IndexedImage
        {
            Id = -1, // the writer gives it, in source order
            Source = item.Source,
            Key = item.Key,
            Width = width,
            Height = height,
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(content.Bytes.Span)),
            Caption = content.Caption ?? _options.Metadata?.FindCaption(item),
            Extra = extra,
        };
    }

    private static async Task<IndexProgress> WriteAsync(
        ChannelReader<EncodedBatch> done, IndexWriter writer, SemaphoreSlim slots, Func<long> skipped, IProgress<IndexProgress>? progress)
    {
        var waiting = new Dictionary<long, EncodedBatch>();
        var (next, indexed, failed) = (0L, 0L, 0L);
        try
        {
            await foreach (var batch in done.ReadAllAsync())
            {
                waiting.Add(batch.Sequence, batch);
                while (waiting.Remove(next, out var ready))
                {
                    next++;
                    slots.Release();
                    failed += ready.Failures.Count;
                    ready.Failures.ForEach(writer.AddFailure);
                    ready.Rows.ForEach(row => writer.Add(row.Image, row.Feature.Span));
                    indexed += ready.Rows.Count;

                    progress?.Report(new IndexProgress(indexed, failed, skipped()));
                }
            }
        }
        finally
        {
            writer.Commit();
        }

        var result = new IndexProgress(indexed, failed, skipped());
        progress?.Report(result);
        return result;
    }

    // A stage's end or error closes its channel, so the next stage ends or fails in turn.
    private static async Task Guard<T>(Func<Task> stage, ChannelWriter<T> output)
    {
        Exception? error = null;
        try
        {
            await stage();
        }
        catch (Exception e)
        {
            error = e;
            throw;
        }
        finally
        {
            output.TryComplete(error);
        }
    }

    private sealed record WorkItem(long Sequence, ImageItem[] Images);

    private sealed record EncodedBatch(
        long Sequence, List<(IndexedImage Image, ReadOnlyMemory<float> Feature)> Rows, List<FailedImage> Failures);

    private delegate string? FeatureProblem(ReadOnlySpan<float> feature);
}
