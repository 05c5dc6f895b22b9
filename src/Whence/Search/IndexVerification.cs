using System.Security.Cryptography;

namespace Whence.Search;

/// <summary>A file of an index that is not as it was written.</summary>
/// <param name="File">Its path.</param>
/// <param name="Part">The part it belongs to; null for a file of the whole index.</param>
/// <param name="IsFeatures">True for a features file, which <see cref="IndexRepair"/> can make again.</param>
/// <param name="Problem">What is wrong with it.</param>
public sealed record DamagedFile(string File, IndexPart? Part, bool IsFeatures, string Problem)
{
    /// <summary>One line: the file, the problem, the ids it concerns.</summary>
    public override string ToString() =>
        $"{File}: {Problem}{(Part is null ? "" : $" (ids {Part.FirstId} to {Part.FirstId + Part.Rows - 1})")}";
}

/// <summary>Checks every file of an index against the manifest's checksums.</summary>
public static class IndexVerification
{
    /// <summary>Reads the whole index and lists what is wrong; empty when all is well.</summary>
    /// <exception cref="WhenceException">The folder is no index, or its manifest or list of removals is damaged.</exception>
    public static IReadOnlyList<DamagedFile> Verify(string folder, IProgress<int>? partsDone = null, CancellationToken cancellation = default)
    {
        var index = FeatureIndex.Open(folder);
        var damaged = new List<DamagedFile>();
        foreach (var (number, part) in index.Manifest.Parts.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            Check(part.FeaturesFile, part, part.FeaturesSha256, () => index.OpenFeatures(part).Dispose());
            Check(part.MetadataFile, part, part.MetadataSha256, () => index.ReadMetadata(part));
            partsDone?.Report(number + 1);
        }

        Check(FeatureIndex.FailuresFile, null, null, () => index.ReadFailures());
        return damaged;

        // Failures have no checksum: they are written before the manifest, and a crash in between must not look like damage.
        void Check(string file, IndexPart? part, string? sha256, Action open)
        {
            var path = Path.Combine(folder, file);
            try
            {
                if (sha256 is not null && Hash(path) is var actual && actual != sha256)
                {
                    throw new WhenceException($"SHA-256 is {actual}, the manifest says {sha256}");
                }

                open();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or WhenceException)
            {
                damaged.Add(new(path, part, file == part?.FeaturesFile, e.Message.ReplaceLineEndings(" ")));
            }
        }
    }

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
