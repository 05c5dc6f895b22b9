using Whence.Images;

namespace Whence.Datasets.Captions;

/// <summary>How far captions are.</summary>
/// <param name="Written">Images that got one in this run.</param>
/// <param name="Failed">Images that got none.</param>
/// <param name="Known">Images whose caption stood in the table already.</param>
/// <param name="Own">Images that have a caption of their own beside them.</param>
/// <param name="Total">All images.</param>
public readonly record struct CaptionProgress(int Written, int Failed, int Known, int Own, int Total);

/// <summary>What came of captioning.</summary>
/// <param name="Progress">The counts at the end.</param>
/// <param name="Unread">Images that got none, and why.</param>
public sealed record CaptionResult(CaptionProgress Progress, IReadOnlyList<UnreadImage> Unread);

/// <summary>
/// Gives images a caption that have none: a table of them, which <see cref="CaptionedImages"/>, <c>index</c> and <c>features</c> take as metadata. Who writes the captions is a function, such
/// as <see cref="ChatCaptions.OfAsync"/>.
/// </summary>
public static class ImageCaptions
{
    // What an unexpected end of the process costs at most.
    private const int SaveEvery = 20;

    // So many errors without a caption between are nobody's bad image: the trouble is with who writes the captions.
    private const int MostInARow = 5;

    /// <summary>Captions all images that have no caption yet, in the table or beside them, and writes the table now and then and at the end, however it ends.</summary>
    /// <param name="sources">Folders, lists, tar files, ... (<see cref="ImageSources"/>).</param>
    /// <param name="table">The CSV file: <c>key,caption</c>. The key is the image's own, or where several images have the same, its source.</param>
    /// <param name="caption">Writes the caption of a picture, upright as its EXIF orientation asks; null where there is none to be had. May be called several times at once.</param>
    /// <param name="parallel">How many are written at once, at least 1. The table is the same for any number, but for what fails.</param>
    /// <param name="limits">What an image may cost; <see cref="DecodeLimits.Default"/> if null.</param>
    /// <param name="progress">Is told after each image; one call at a time.</param>
    /// <param name="cancellation">Stops; captions that were written are kept.</param>
    /// <exception cref="WhenceException">A source or the table cannot be read, the table not be written, or five captions in a row could not be asked for.</exception>
    public static async Task<CaptionResult> WriteAsync(
        IReadOnlyList<string> sources, string table, Func<RgbImage, CancellationToken, Task<string?>> caption, int parallel = 1,
        DecodeLimits? limits = null, IProgress<CaptionProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentException.ThrowIfNullOrEmpty(table);
        ArgumentNullException.ThrowIfNull(caption);
        ArgumentOutOfRangeException.ThrowIfLessThan(parallel, 1);
        limits ??= DecodeLimits.Default;
        var captions = CaptionTable.Open(table);
        var images = new List<ImageItem>();
        await foreach (var item in ImageSources.EnumerateAsync(sources, limits.MaxFileBytes, cancellation).ConfigureAwait(false))
        {
            images.Add(item);
        }

        var several = images.GroupBy(i => i.Key).Where(g => g.Count() > 1).Select(g => g.Key).ToHashSet(StringComparer.Ordinal);
        var run = new Run(captions, caption, limits, images.Count, progress);

        // One after another by parts, so that rows stand in the order of the images.
        foreach (var part in images.Chunk(Math.Max(SaveEvery, parallel)))
        {
            var written = new string?[part.Length];
            try
            {
                await Parallel.ForEachAsync(
                    Enumerable.Range(0, part.Length),
                    new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellation },
                    async (i, stop) => written[i] = await run.OneAsync(part[i], NameOf(part[i]), stop).ConfigureAwait(false)).ConfigureAwait(false);
            }
            finally
            {
                run.Keep(part.Zip(written, (item, text) => (NameOf(item), text)));
            }
        }

        return run.Result;

        string NameOf(ImageItem item) => several.Contains(item.Key) ? item.Source : item.Key;
    }

    /// <summary>What is counted, by one thread at a time.</summary>
    private sealed class Run(
        CaptionTable table, Func<RgbImage, CancellationToken, Task<string?>> caption, DecodeLimits limits, int total, IProgress<CaptionProgress>? progress)
    {
        private readonly Lock _gate = new();
        private readonly List<UnreadImage> _unread = [];
        private CaptionProgress _progress = new(0, 0, 0, 0, total);
        private int _inARow;

        public CaptionResult Result => new(_progress, [.. _unread.OrderBy(u => u.Path, StringComparer.Ordinal)]);

        /// <summary>A new caption of an image; null where it has one or gets none.</summary>
        public async ValueTask<string?> OneAsync(ImageItem item, string name, CancellationToken cancellation)
        {
            if (table[name] is not null) // nobody writes into it meanwhile
            {
                Count(p => p with { Known = p.Known + 1 });
                return null;
            }

            RgbImage image;
            try
            {
                var content = await item.ReadAsync(cancellation).ConfigureAwait(false);
                if (!string.IsNullOrWhiteSpace(content.Caption))
                {
                    Count(p => p with { Own = p.Own + 1 });
                    return null;
                }

                image = ImageDecoder.Decode(content.Bytes.Span, limits, autoOrient: true);
            }
            catch (WhenceException e)
            {
                Fail(item, e.Message);
                return null;
            }

            try
            {
                var text = await caption(image, cancellation).ConfigureAwait(false);
                Interlocked.Exchange(ref _inARow, 0);
                if (text is null)
                {
                    Fail(item, "no caption could be had: what was answered is none");
                    return null;
                }

                Count(p => p with { Written = p.Written + 1 });
                return text;
            }
            catch (WhenceException e) when (Interlocked.Increment(ref _inARow) < MostInARow)
            {
                Fail(item, e.Message);
                return null;
            }
        }

        public void Keep(IEnumerable<(string Name, string? Caption)> written)
        {
            var any = false;
            foreach (var (name, text) in written.Where(w => w.Caption is not null))
            {
                table[name] = text;
                any = true;
            }

            if (any)
            {
                table.Save();
            }
        }

        private void Fail(ImageItem item, string error)
        {
            lock (_gate)
            {
                _unread.Add(new UnreadImage(item.Source, error));
            }

            Count(p => p with { Failed = p.Failed + 1 });
        }

        private void Count(Func<CaptionProgress, CaptionProgress> more)
        {
            lock (_gate)
            {
                _progress = more(_progress);
                progress?.Report(_progress);
            }
        }
    }
}
