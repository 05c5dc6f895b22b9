using System.IO.Enumeration;
using Whence.Files;

namespace Whence.Images;

/// <summary>A file or folder met on a walk.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Relative">Path below the walk's root, with <c>/</c> between folders.</param>
/// <param name="IsFolder">A folder, or a link to one.</param>
/// <param name="Error">Why the folder could not be listed; null otherwise.</param>
internal readonly record struct FolderEntry(string Path, string Relative, bool IsFolder, WhenceException? Error);

/// <summary>
/// Walks a folder depth-first, each folder in ordinal order of its names: the same order on every machine. Names that begin
/// with a dot are passed over. A folder that links lead to more than once is walked the first time only, so no cycle can hold
/// the walk. Only the names of the folders on the way down are in memory.
/// </summary>
internal static class FolderWalk
{
    /// <summary>Walks; <paramref name="enter"/> chooses the folders to go into.</summary>
    /// <exception cref="WhenceException">The root itself cannot be listed.</exception>
    public static IEnumerable<FolderEntry> Walk(string root, Func<FolderEntry, bool> enter)
    {
        var visited = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<(string Real, string Relative, IEnumerator<Name> Names)>();
        var realRoot = RegularFile.Guard(root, () => RealPath(root));
        visited.Add(realRoot);
        open.Push((realRoot, "", List(root).GetEnumerator()));
        while (open.TryPeek(out var folder))
        {
            if (!folder.Names.MoveNext())
            {
                open.Pop();
                continue;
            }

            var name = folder.Names.Current;
            var relative = folder.Relative + name.Text;
            var entry = new FolderEntry(Path.Combine(root, relative), relative, name.IsFolder, null);
            if (!name.IsFolder)
            {
                yield return entry;
                continue;
            }

            IEnumerator<Name>? below = null;
            var real = "";
            try
            {
                if (enter(entry))
                {
                    real = RegularFile.Guard(entry.Path, () => name.IsLink ? RealPath(entry.Path) : Path.Combine(folder.Real, name.Text));
                    below = visited.Add(real) ? List(entry.Path).GetEnumerator() : null;
                }
            }
            catch (WhenceException error)
            {
                entry = entry with { Error = error };
            }

            yield return entry;
            if (below is not null)
            {
                open.Push((real, relative + "/", below));
            }
        }
    }

    // Sorted together: files and folders take turns as their names do.
    private static List<Name> List(string folder) => RegularFile.Guard(folder, () =>
    {
        var everything = new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false };
        var names = new FileSystemEnumerable<Name>(folder, (ref entry) => new Name(
            entry.FileName.ToString(), entry.IsDirectory, entry.IsDirectory && entry.Attributes.HasFlag(FileAttributes.ReparsePoint)), everything)
        {
            ShouldIncludePredicate = (ref entry) => entry.FileName[0] != '.',
        };
        var list = names.ToList();
        list.Sort((a, b) => string.CompareOrdinal(a.Text, b.Text));
        return list;
    });

    // The one path of a folder, with the links of all its parts followed: two ways to the same folder must compare equal.
    private static string RealPath(string path)
    {
        var left = 40; // as many links as Linux follows
        return Resolve(Path.GetFullPath(path));

        string Resolve(string full)
        {
            var parent = Path.GetDirectoryName(full);
            if (parent is null)
            {
                return full;
            }

            var here = Path.Combine(Resolve(parent), Path.GetFileName(full));
            if (new DirectoryInfo(here).LinkTarget is not { } target)
            {
                return here;
            }

            return left-- > 0
                ? Resolve(Path.GetFullPath(target, Path.GetDirectoryName(here)!))
                : throw new IOException("too many links one after another");
        }
    }

    private readonly record struct Name(string Text, bool IsFolder, bool IsLink);
}
