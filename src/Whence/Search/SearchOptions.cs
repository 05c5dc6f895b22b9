using Whence.Mapping;

namespace Whence.Search;

/// <summary>Options of an <see cref="ExactSearch"/>.</summary>
public sealed record SearchOptions
{
    /// <summary>The mapper h of training images (section 4.2 of the paper); null, the default, compares raw features.</summary>
    public Mapper? Mapper { get; init; }

    /// <summary>The rows to search (<see cref="MetadataPredicate"/>); null, the default, for all. Removed images are left out in any case.</summary>
    public RowSet? Rows { get; init; }

    /// <summary>Threads, at least 1; results do not depend on it. Default: the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>
    /// Whether the search layout is made where it is missing or stale. Default true; false searches without one, which is slower
    /// and finds the same. So is a folder that cannot be written to.
    /// </summary>
    public bool BuildLayout { get; init; } = true;

    /// <summary>Told how far the making of the layout is; null, the default, for nobody.</summary>
    public IProgress<LayoutProgress>? Progress { get; init; }

    /// <summary>Whether files are mapped into memory; null, the default, where they fit.</summary>
    internal bool? Map { get; init; }
}
