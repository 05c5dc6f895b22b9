using Whence.Images;
using Whence.Search;

namespace Whence.Datasets;

/// <summary>Options of <see cref="FeatureExtractor"/>.</summary>
public sealed record FeatureExtractionOptions
{
    /// <summary>The most views of an image.</summary>
    public const int MostViews = 1000;

    /// <summary>Images decoded, prepared and encoded at the same time, at least 1; results do not depend on it. Default: the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Pictures per call of the encoder, at least 1; models with a fixed batch use theirs. Default 16.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>N, augmented views of each image beside the image itself, 0 (default) to <see cref="MostViews"/>. Of test cases only.</summary>
    public int Views { get; init; }

    /// <summary>How views are made. Default <see cref="Images.Augmentation.Mild"/>, the paper's choice.</summary>
    public Augmentation Augmentation { get; init; } = Augmentation.Mild;

    /// <summary>Seed of the views. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>Stop at the first image that cannot be read. Default false: leave it out and report it.</summary>
    public bool FailFast { get; init; }

    /// <summary>Bounds against hostile files.</summary>
    public DecodeLimits Limits { get; init; } = DecodeLimits.Default;

    /// <summary>Apply the EXIF orientation. Default false, as in the authors' code.</summary>
    public bool AutoOrient { get; init; }

    /// <summary>Captions for encoders that look at them, in the table's column <c>caption</c>; one that lies beside an image comes first. Default none.</summary>
    public MetadataTable? Captions { get; init; }

    /// <summary>Which images of sources, as a filter over their metadata; those that cannot be read are not left out by it. Of a test case all count. Null, the default, for all.</summary>
    public MetadataPredicate? Where { get; init; }

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Batch, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Views);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Views, MostViews);
        ArgumentNullException.ThrowIfNull(Limits);
    }
}

/// <summary>How far an extraction is.</summary>
/// <param name="Encoded">Images encoded in this run.</param>
/// <param name="Failed">Images that could not be read in this run.</param>
/// <param name="Known">Images that an interrupted run had encoded.</param>
/// <param name="Total">Images to encode in all, each counted once.</param>
public readonly record struct ExtractionProgress(long Encoded, long Failed, long Known, long Total);

/// <summary>An image that could not be read.</summary>
/// <param name="Path">As the test case or the source names it.</param>
/// <param name="Error">Why, in one line.</param>
public readonly record struct UnreadImage(string Path, string Error);

/// <summary>What an extraction did.</summary>
/// <param name="Encoded">Images encoded in this run.</param>
/// <param name="Known">Images that an interrupted run had encoded.</param>
/// <param name="Repeated">Times that an image was named again; it was encoded once.</param>
/// <param name="Unread">Images that were left out, since they could not be read.</param>
public sealed record ExtractionResult(long Encoded, long Known, long Repeated, IReadOnlyList<UnreadImage> Unread)
{
    /// <summary>Images encoded in this run whose caption was missing, by an encoder that looks at captions: an empty one stood for it.</summary>
    public long Uncaptioned { get; init; }
}
