using System.IO.Enumeration;
using Whence.Files;

namespace Whence.Search;

/// <summary>
/// Takes images out of an index at once (opt-out). Their ids go into <c>removed.parquet</c>, written atomically: from the
/// next opening on they are never found, have no influence, and an indexing run does not bring them back.
/// </summary>
public static class IndexRemoval
{
    internal const string FileName = "removed.parquet";

    /// <summary>Removes images by id or by source.</summary>
    /// <param name="folder">The index.</param>
    /// <param name="ids">Ids to take out.</param>
    /// <param name="sources">Locators (or keys) as the index stores them, or patterns over sources in which <c>*</c> stands for anything (<c>*/smith/*</c>).</param>
    /// <returns>The number of images newly removed.</returns>
    /// <exception cref="WhenceException">An id or source is not in the index; nothing is removed then.</exception>
    public static long Remove(string folder, IReadOnlyCollection<long> ids, IReadOnlyCollection<string> sources)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(sources);
        var index = FeatureIndex.Open(folder);
        using var single = FolderLock.Acquire(folder, ".remove.lock");
        var removed = new SortedSet<long>(Read(folder));
        var before = removed.Count;
        foreach (var id in ids)
        {
            if (id < 0 || id >= index.Count)
            {
                throw new WhenceException($"{folder}: no image has id {id}, ids run from 0 to {index.Count - 1}; nothing was removed.");
            }

            removed.Add(id);
        }

        removed.UnionWith(FindSources(index, sources));
        AtomicFile.WriteBytes(Path.Combine(folder, FileName), MetadataFile.WriteRemovals([.. removed]));
        return removed.Count - before;
    }

    internal static IReadOnlyList<long> Read(string folder) =>
        Path.Combine(folder, FileName) is var path && File.Exists(path) ? MetadataFile.ReadRemovals(path) : [];

    private static List<long> FindSources(FeatureIndex index, IReadOnlyCollection<string> sources)
    {
        if (sources.Count == 0)
        {
            return [];
        }

        var missing = sources.ToHashSet();
        var patterns = sources.Where(s => s.Contains('*', StringComparison.Ordinal)).ToArray();
        var found = new List<long>();
        foreach (var image in index.ReadMetadata())
        {
            var matches = new[] { image.Source, image.Key }.Where(sources.Contains)
                .Concat(patterns.Where(p => FileSystemName.MatchesSimpleExpression(p, image.Source, ignoreCase: false)))
                .ToArray();
            if (matches.Length > 0)
            {
                found.Add(image.Id);
                missing.ExceptWith(matches);
            }
        }

        return missing.Count == 0
            ? found
            : throw new WhenceException(
                $"{index.Folder}: no image has the source or key '{missing.First()}'{(missing.Count > 1 ? $" (nor {missing.Count - 1} more of those given)" : "")}; nothing was removed.");
    }
}
