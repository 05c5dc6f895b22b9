namespace Whence.Search;

/// <summary>A file of an index that is not as it was written.</summary>
/// <param name="File">Its path.</param>
/// <param name="Part">The part it belongs to; null for a file of the whole index.</param>
/// <param name="IsFeatures">True for a features file, which <see cref="IndexRepair"/> can make again.</param>
/// <param name="Problem">What is wrong with it.</param>
public sealed record DamagedFile(string File, IndexPart? Part, bool IsFeatures, string Problem)
{
    /// <summary>True for a file of a search layout, which may be deleted: the next search makes it again.</summary>
    public bool IsLayout { get; init; }

    /// <summary>One line: the problem, which names the file, and the ids it concerns.</summary>
    public override string ToString() =>
        $"{Problem}{(Part is null ? "" : $" (ids {Part.FirstId} to {Part.FirstId + Part.Rows - 1})")}";
}

/// <summary>
/// Checks every file of an index against the manifest's checksums, and the search layouts against their own. A layout that is missing
/// or stale is no damage (<see cref="FeatureIndex.FindLayouts"/>).
/// </summary>
public static class IndexVerification
{
    /// <summary>Reads the whole index and lists what is wrong; empty when all is well.</summary>
    /// <exception cref="WhenceException">The folder is no index, or its manifest or list of removals is damaged.</exception>
    public static IReadOnlyList<DamagedFile> Verify(string folder, CancellationToken cancellation = default)
    {
        var index = FeatureIndex.Open(folder);
        var damaged = new List<DamagedFile>();
        foreach (var part in index.Manifest.Parts)
        {
            cancellation.ThrowIfCancellationRequested();
            Check(part.FeaturesFile, part, () => index.OpenFeatures(part).Dispose());
            Check(part.MetadataFile, part, () => index.ReadMetadata(part));
        }

        // Failures have no checksum: they are written before the manifest, and a crash in between must not look like damage.
        Check(FeatureIndex.FailuresFile, null, () => index.ReadFailures());
        damaged.AddRange(LayoutVerification.Verify(index, cancellation));
        return damaged;

        void Check(string file, IndexPart? part, Action open)
        {
            try
            {
                open();
            }
            catch (WhenceException e)
            {
                damaged.Add(new(Path.Combine(folder, file), part, file == part?.FeaturesFile, e.Message));
            }
        }
    }
}
