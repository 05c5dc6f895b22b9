using Whence.Files;

namespace Whence.Search;

/// <summary>
/// Takes images out of an index at once (opt-out). Their ids go into <c>removed.parquet</c>, written atomically: from the
/// next opening on they are never found, have no influence, and an indexing run does not bring them back.
/// </summary>
public static class IndexRemoval
{
    internal const string FileName = "removed.parquet";

    /// <summary>Removes images.</summary>
    /// <param name="folder">The index.</param>
    /// <param name="ids">Ids to take out.</param>
    /// <param name="names">Sources, keys, patterns, contents or ids, as <see cref="ImageNames.Find"/> takes them.</param>
    /// <returns>The number of images newly removed.</returns>
    /// <exception cref="WhenceException">An id or name is not in the index; nothing is removed then.</exception>
    public static long Remove(string folder, IReadOnlyCollection<long> ids, IReadOnlyCollection<string> names)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(names);
        var index = FeatureIndex.Open(folder);
        using var single = FolderLock.Acquire(folder, ".remove.lock");
        var removed = new SortedSet<long>(Read(folder));
        var before = removed.Count;
        var named = ImageNames.Find(index, names);
        var missing = ids.Where(id => id < 0 || id >= index.Count).Select(id => $"id {id}")
            .Concat(named.Where(n => n.Value.Count == 0).Select(n => $"source or key '{n.Key}'")).ToArray();
        if (missing.Length > 0)
        {
            throw new WhenceException(
                $"{folder}: no image has the {missing[0]}{(missing.Length > 1 ? $" (nor {missing.Length - 1} more of those given)" : "")}, ids run from 0 to {index.Count - 1}; nothing was removed.");
        }

        removed.UnionWith(ids);
        removed.UnionWith(named.Values.SelectMany(n => n));
        Write(folder, removed);
        return removed.Count - before;
    }

    /// <summary>Every index has the file from its first day, empty: where it is missing, somebody's opt-out was lost.</summary>
    internal static void Create(string folder) => Write(folder, []);

    internal static IReadOnlyList<long> Read(string folder) => MetadataFile.ReadRemovals(Path.Combine(folder, FileName));

    private static void Write(string folder, IEnumerable<long> ids) =>
        AtomicFile.Write(Path.Combine(folder, FileName), stream => stream.Write(MetadataFile.WriteRemovals([.. ids])));
}
