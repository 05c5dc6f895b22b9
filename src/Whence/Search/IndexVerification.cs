using System.Security.Cryptography;

namespace Whence.Search;

/// <summary>Checks every file of an index against the manifest's checksums.</summary>
public static class IndexVerification
{
    /// <summary>Reads the whole index and lists what is wrong.</summary>
    /// <returns>One line per damaged or missing file: the file, what is wrong, which ids it concerns; empty when all is well.</returns>
    /// <exception cref="WhenceException">The folder is no index or its manifest is damaged.</exception>
    public static IReadOnlyList<string> Verify(string folder, IProgress<int>? partsDone = null, CancellationToken cancellation = default)
    {
        var index = FeatureIndex.Open(folder);
        var problems = new List<string>();
        foreach (var (number, part) in index.Manifest.Parts.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            var ids = $"ids {part.FirstId} to {part.FirstId + part.Rows - 1}";
            Check(part.FeaturesFile, part.FeaturesSha256, ids, () => index.OpenFeatures(part).Dispose());
            Check(part.MetadataFile, part.MetadataSha256, ids, () => index.ReadMetadata(part));
            partsDone?.Report(number + 1);
        }

        try
        {
            index.ReadFailures();
        }
        catch (WhenceException e)
        {
            problems.Add(e.Message);
        }

        return problems;

        void Check(string file, string sha256, string ids, Action open)
        {
            var path = Path.Combine(folder, file);
            try
            {
                using (var stream = File.OpenRead(path))
                {
                    var actual = Convert.ToHexStringLower(SHA256.HashData(stream));
                    if (actual != sha256)
                    {
                        problems.Add($"{path}: SHA-256 is {actual}, the manifest says {sha256} ({ids})");
                        return;
                    }
                }

                open();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or WhenceException)
            {
                problems.Add($"{path}: {e.Message.ReplaceLineEndings(" ")} ({ids})");
            }
        }
    }
}
