using System.Runtime.CompilerServices;
using Whence.Files;

namespace Whence.Images;

/// <summary>
/// Finds images wherever they are kept: folders, image files, lists, WebDataset tar files, Parquet files, and patterns of
/// these. Everything is streamed, in an order that depends on nothing but the names.
/// </summary>
public static class ImageSources
{
    private const string Kinds =
        "a folder, an image (.jpg .jpeg .png .webp .bmp .gif .jfif), a list of paths (.txt .lst), a .tar or .parquet file, or a pattern of these such as \"shards/*.tar\"";

    private const string Separator = "::";

    /// <summary>
    /// Enumerates the images of all sources, in the order given; folders depth-first in ordinal order, patterns likewise. A shard
    /// or folder that cannot be read is stood for by an item whose <see cref="ImageItem.ReadAsync"/> fails.
    /// </summary>
    /// <param name="sources">
    /// Each a folder (walked recursively; hidden names are passed over), an image file, a list file (<c>.txt</c>, <c>.lst</c>: one
    /// path a line, relative to the list's folder, <c>#</c> begins a comment line), a <c>.tar</c> file, a <c>.parquet</c> file, or
    /// a pattern with <c>*</c>, <c>?</c> and <c>**</c>. A pattern finds lists only where it ends in a list's extension, since
    /// captions beside images are called <c>.txt</c> as well.
    /// </param>
    /// <param name="maxFileBytes">Largest image in bytes that will be read.</param>
    /// <param name="cancellationToken">Stops the enumeration.</param>
    /// <exception cref="WhenceException">A source does not exist, is of no known kind, or holds no image.</exception>
    public static async IAsyncEnumerable<ImageItem> EnumerateAsync(
        IEnumerable<string> sources, long maxFileBytes, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxFileBytes);
        var search = new Search(maxFileBytes, new RowGroupCache());
        foreach (var source in sources)
        {
            var found = false;
            await foreach (var item in search.SourceAsync(source, cancellationToken).ConfigureAwait(false))
            {
                cancellationToken.ThrowIfCancellationRequested();
                found = true;
                yield return item;
            }

            if (!found)
            {
                throw new WhenceException($"{source}: holds no images{search.Hint(source)}; accepted are {Kinds}");
            }
        }
    }

    /// <summary>Checks that every source exists and is of a known kind, before any work is done; reads nothing.</summary>
    /// <exception cref="WhenceException">One does not, or is not.</exception>
    public static void Check(IEnumerable<string> sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        var search = new Search(maxFileBytes: 1, new RowGroupCache());
        foreach (var source in sources)
        {
            search.SourceAsync(source, CancellationToken.None); // lazy: this only decides what it is
        }
    }

    /// <summary>Reads the bytes of one image again by its <see cref="ImageItem.Source"/>.</summary>
    /// <param name="locator">
    /// A path, or a tar or Parquet file with <c>::</c> and the entry or row. A file of exactly that name comes first; otherwise the
    /// last <c>::</c> behind a tar or Parquet file that exists divides it. Of two entries with the same name the first is read.
    /// </param>
    /// <param name="maxFileBytes">Largest image in bytes that is read.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="WhenceException">It has gone, is larger, or cannot be read.</exception>
    public static async ValueTask<byte[]> ReadAsync(string locator, long maxFileBytes, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(locator);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxFileBytes);
        if (!File.Exists(locator))
        {
            for (var at = locator.Length; at > 0 && (at = locator.LastIndexOf(Separator, at - 1, StringComparison.Ordinal)) >= 0;)
            {
                var (shard, rest) = (locator[..at], locator[(at + Separator.Length)..]);
                if (KindOf(shard) is ".tar" or ".parquet" && File.Exists(shard))
                {
                    return KindOf(shard) == ".tar"
                        ? await TarSource.ReadEntryAsync(shard, rest, maxFileBytes, cancellationToken).ConfigureAwait(false)
                        : await ParquetSource.ReadRowAsync(shard, rest, maxFileBytes, cancellationToken).ConfigureAwait(false);
                }
            }
        }

        return await RegularFile.ReadAllAsync(locator, maxFileBytes, ImageFile.LimitOption, cancellationToken).ConfigureAwait(false);
    }

    private static string KindOf(string path) => Path.GetExtension(path).ToLowerInvariant();

    private sealed class Search(long maxFileBytes, RowGroupCache cache)
    {
        private string? _shardPassed;

        /// <summary>What a person may have meant by a folder of shards.</summary>
        public string Hint(string source) => _shardPassed is null ? ""
            : $", but files such as {_shardPassed} (did you mean \"{Path.Combine(source, "*" + KindOf(_shardPassed))}\"?)";

        public IAsyncEnumerable<ImageItem> SourceAsync(string source, CancellationToken cancellationToken)
        {
            _shardPassed = null;
            var full = string.IsNullOrWhiteSpace(source) || source.Contains('\0')
                ? throw new WhenceException($"An empty name is no image source; accepted are {Kinds}")
                : Path.GetFullPath(source);
            return Directory.Exists(full) ? Folder(full).ToAsyncEnumerable()
                : File.Exists(full) ? FileAsync(full, Path.GetFileName(full), cancellationToken)
                    ?? throw new WhenceException($"{source}: is of no known kind; accepted are {Kinds}")
                : Glob.Parse(source) is { } glob ? PatternAsync(glob, cancellationToken)
                : throw new WhenceException($"{source}: does not exist; accepted are {Kinds}");
        }

        private IEnumerable<ImageItem> Folder(string root)
        {
            foreach (var entry in FolderWalk.Walk(root, _ => true))
            {
                if (entry.Error is not null)
                {
                    yield return ImageItem.Failed(entry.Path, entry.Relative, entry.Error);
                }
                else if (!entry.IsFolder && ImageFile.HasImageName(entry.Path))
                {
                    yield return ImageFile.Item(entry.Path, entry.Relative, maxFileBytes);
                }
                else if (KindOf(entry.Path) is ".tar" or ".parquet")
                {
                    _shardPassed ??= Path.GetFileName(entry.Path);
                }
            }
        }

        private IAsyncEnumerable<ImageItem>? FileAsync(string path, string key, CancellationToken cancellationToken) =>
            ImageFile.HasImageName(path) ? One(ImageFile.Item(path, key, maxFileBytes))
            : ListSource.HasListName(path) ? ListSource.EnumerateAsync(path, maxFileBytes, cancellationToken)
            : KindOf(path) == ".tar" ? TarSource.Enumerate(path, maxFileBytes).ToAsyncEnumerable()
            : KindOf(path) == ".parquet" ? ParquetSource.EnumerateAsync(path, maxFileBytes, cache, cancellationToken)
            : null;

        private async IAsyncEnumerable<ImageItem> PatternAsync(Glob glob, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            if (!Directory.Exists(glob.Root))
            {
                throw new WhenceException($"{glob.Root}: no such folder");
            }

            foreach (var entry in FolderWalk.Walk(glob.Root, folder => glob.Match(folder.Relative) is not { Whole: false, Inside: false, Begun: false }))
            {
                var match = glob.Match(entry.Relative);
                var found = entry.Error is not null ? One(ImageItem.Failed(entry.Path, entry.Relative, entry.Error))
                    : entry.IsFolder ? null
                    : match.Whole && (!ListSource.HasListName(entry.Path) || ListSource.HasListName(glob.LastSegment))
                        ? FileAsync(entry.Path, entry.Relative, cancellationToken)
                    : match.Inside && ImageFile.HasImageName(entry.Path) ? One(ImageFile.Item(entry.Path, entry.Relative, maxFileBytes))
                    : null;
                if (found is not null)
                {
                    await foreach (var item in found.ConfigureAwait(false))
                    {
                        yield return item;
                    }
                }
            }
        }

        private static IAsyncEnumerable<ImageItem> One(ImageItem item) => new[] { item }.ToAsyncEnumerable();
    }
}
