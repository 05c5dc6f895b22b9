using System.Text;
using System.Text.Json;
using Whence.Files;

namespace Whence.Datasets.Emoji;

/// <summary>How far the making of a data set is.</summary>
/// <param name="Done">Drawings that are done.</param>
/// <param name="Total">All drawings.</param>
/// <param name="Pictures">Pictures that were written.</param>
/// <param name="Dropped">Pictures that were dropped.</param>
public readonly record struct EmojiProgress(int Done, int Total, int Pictures, int Dropped);

/// <summary>
/// Makes a data set of drawings with captions, in four tar files (WebDataset): what a model is trained on, and what it must not have seen, because the
/// object, the style or both are held out. The same packages and recipe give the same bytes, whatever the number of threads.
/// </summary>
public static class EmojiDataset
{
    /// <summary>Name of the report in the data set's folder.</summary>
    public const string ReportName = "dataset.json";

    private const string NoticeName = "NOTICE.md", LockName = ".lock";
    private const int Block = 256;

    private static readonly JsonSerializerOptions Indented = new(RecipeJson.Options) { WriteIndented = true, NewLine = "\n" };

    /// <summary>Files of a data set; whatever else is in its folder belongs to somebody else.</summary>
    private static readonly string[] Own = [ReportName, NoticeName, LockName, "styles.png", .. EmojiSplit.All.Select(FileOf)];

    /// <summary>Renders, treats and writes.</summary>
    /// <param name="artwork">The drawings.</param>
    /// <param name="packages">Where they come from.</param>
    /// <param name="recipe">What to make of them.</param>
    /// <param name="folder">Where to; it is made if need be and may hold an earlier data set, which is replaced.</param>
    /// <param name="threads">Drawings that are worked on at a time, at least 1.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Stops; files of an earlier data set then stand as they were.</param>
    /// <returns>What was made, as <c>dataset.json</c> has it.</returns>
    /// <exception cref="WhenceException">The recipe does not fit the packages, the folder holds other things, or it cannot be written.</exception>
    public static EmojiReport Build(
        EmojiArtwork artwork, PackageLock packages, EmojiRecipe recipe, string folder, int threads = 1, IProgress<EmojiProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(artwork);
        ArgumentNullException.ThrowIfNull(packages);
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        recipe.Validate(packages);
        Prepare(folder);
        using var ownership = FolderLock.Acquire(folder, LockName, "data set");
        var run = new Run(artwork, recipe, threads, progress, cancellation);
        var checksums = new Dictionary<string, string>(StringComparer.Ordinal);
        Write(new Queue<string>(EmojiSplit.All), []);
        var report = EmojiReport.Of(artwork, packages, recipe, run.Samples, run.Written, run.Dropped, checksums);
        AtomicFile.Write(Path.Combine(folder, NoticeName), stream => stream.Write(Encoding.UTF8.GetBytes(EmojiReport.Notice(packages, recipe))));
        AtomicFile.Write(Path.Combine(folder, ReportName), stream => JsonSerializer.Serialize(stream, report, Indented));
        return report;

        // All files are open while the drawings go by; each is renamed when everything is written.
        void Write(Queue<string> left, Dictionary<string, SampleTar> open)
        {
            if (!left.TryDequeue(out var split))
            {
                run.Go(open);
                File.Delete(Path.Combine(folder, ReportName)); // while files are replaced the folder holds no data set
                foreach (var tar in open.Values)
                {
                    tar.Dispose();
                }

                return;
            }

            checksums[split] = AtomicFile.Write(Path.Combine(folder, FileOf(split)), stream =>
            {
                open[split] = new SampleTar(stream);
                Write(left, open);
            });
        }
    }

    internal static string FileOf(string split) => split + ".tar";

    private static void Prepare(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            if (Directory.EnumerateFileSystemEntries(folder).Select(e => Path.GetFileName(e)!)
                .FirstOrDefault(name => !Own.Contains(name) && !name.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal)) is { } foreign)
            {
                throw new WhenceException($"{folder}: holds other things, such as {foreign}; give a new folder.");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"'{folder}' cannot be written: {e.Message} Allow writing, or give another folder.", e);
        }
    }

    private sealed class Run(EmojiArtwork artwork, EmojiRecipe recipe, int threads, IProgress<EmojiProgress>? progress, CancellationToken cancellation)
    {
        private readonly Dictionary<UInt128, string> _seen = []; // keys by pixels

        public EmojiSamples Samples { get; } = new(recipe);

        /// <summary>Pictures by split and style.</summary>
        public Dictionary<(string Split, string Style), int> Written { get; } = [];

        public List<EmojiSample> Dropped { get; } = [];

        public void Go(IReadOnlyDictionary<string, SampleTar> tars)
        {
            var made = new IReadOnlyList<EmojiSample>[Block];
            for (var from = 0; from < artwork.Drawings.Count; from += Block)
            {
                var first = from;
                var count = Math.Min(Block, artwork.Drawings.Count - first);
                Unwrap.Aggregate(() => Parallel.For(
                    0, count, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation }, i => made[i] = Samples.Make(artwork.Drawings[first + i])));
                foreach (var samples in made.AsSpan(0, count))
                {
                    Take(samples, tars);
                }

                progress?.Report(new EmojiProgress(first + count, artwork.Drawings.Count, Written.Values.Sum(), Dropped.Count));
            }
        }

        // In the order of the drawings, so that of duplicates the first one stays. What is made of a drawing that is dropped is not counted.
        private void Take(IReadOnlyList<EmojiSample> samples, IReadOnlyDictionary<string, SampleTar> tars)
        {
            foreach (var sample in samples)
            {
                var pixels = sample.Drop == EmojiDrop.None ? System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(sample.Pixels) : default;
                if (sample.Drop != EmojiDrop.None || !_seen.TryAdd(pixels, sample.Key))
                {
                    Dropped.Add(sample.Drop != EmojiDrop.None ? sample : EmojiSample.Dropped(sample.Key, EmojiDrop.Duplicate, _seen[pixels], sample.IsTreated));
                    if (!sample.IsTreated)
                    {
                        return;
                    }
                }
                else
                {
                    tars[sample.Split].Add(sample);
                    Written[(sample.Split, sample.Style)] = Written.GetValueOrDefault((sample.Split, sample.Style)) + 1;
                }
            }
        }
    }
}
