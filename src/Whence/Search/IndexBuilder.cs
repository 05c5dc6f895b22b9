using System.Runtime.CompilerServices;
using System.Security.Cryptography;
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
public readonly record struct IndexProgress(long Indexed, long Failed, long Skipped)
{
    /// <summary>Images encoded in this run whose caption was missing, by an encoder that looks at captions: an empty one stood for it.</summary>
    public long Uncaptioned { get; init; }
}

/// <summary>
/// Builds an index from images: sources are enumerated, encoded (<see cref="EncodingPipeline{TItem, TRow}"/>), and rows are written in source
/// order. Running it again goes on where it stopped and adds what is new.
/// </summary>
public sealed class IndexBuilder
{
    private readonly string _folder;
    private readonly IImageEncoder _encoder;
    private readonly IndexBuildOptions _options;
    private readonly Preprocessor _preprocessor;
    private readonly EncodingPipeline<ImageItem, IndexedImage> _pipeline;

    /// <summary>A builder that writes into a folder.</summary>
    public IndexBuilder(string folder, IImageEncoder encoder, IndexBuildOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentNullException.ThrowIfNull(encoder);
        options ??= new();
        _folder = folder;
        _encoder = encoder;
        _options = options;
        _preprocessor = new Preprocessor(encoder.Spec.Preprocessing, options.Limits, options.AutoOrient);
        _pipeline = new EncodingPipeline<ImageItem, IndexedImage>(encoder, options.Threads, options.Batch)
        {
            Prepare = PrepareAsync,
            CaptionOf = image => image.Caption,
            FailFast = options.FailFast ? item => item.Source : null,
        };
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
        var (indexed, failed, skipped) = (0L, 0L, 0L);
        try
        {
            await _pipeline.RunAsync(NewAsync(cancellation), writer.Problem, Write, cancellation);
        }
        finally
        {
            writer.Commit();
        }

        var result = new IndexProgress(indexed, failed, Interlocked.Read(ref skipped)) { Uncaptioned = _pipeline.Uncaptioned };
        progress?.Report(result);
        return result;

        async IAsyncEnumerable<ImageItem> NewAsync([EnumeratorCancellation] CancellationToken stop)
        {
            await foreach (var item in ImageSources.EnumerateAsync(sources, _options.Limits.MaxFileBytes, stop))
            {
                if (writer.IsNew(item.Source))
                {
                    yield return item;
                }
                else
                {
                    Interlocked.Increment(ref skipped);
                }
            }
        }

        void Write(IReadOnlyList<EncodedImage<ImageItem, IndexedImage>> images)
        {
            foreach (var image in images.Where(i => i.Error is not null))
            {
                writer.AddFailure(new FailedImage(image.Item.Source, image.Item.Key, image.Error!));
                failed++;
            }

            foreach (var image in images.Where(i => i.Error is null))
            {
                writer.Add(image.Row!, image.Features.Span);
                indexed++;
            }

            progress?.Report(new IndexProgress(indexed, failed, Interlocked.Read(ref skipped)));
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

    private async ValueTask<IndexedImage> PrepareAsync(ImageItem item, Memory<float> pixels)
    {
        var content = await item.ReadAsync(CancellationToken.None);
        var (width, height) = _preprocessor.Preprocess(content.Bytes.Span, pixels.Span);
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
}
