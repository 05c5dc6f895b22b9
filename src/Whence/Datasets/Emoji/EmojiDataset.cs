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

    private const string NoticeName = "NOTICE.md", SheetName = "styles.png", LockName = ".lock", UnfinishedName = "unfinished" + AtomicFile.TemporarySuffix;
    private const int Block = 256, MaxReport = 1 << 26;

    private static readonly JsonSerializerOptions Indented = new(RecipeJson.Options) { WriteIndented = true, NewLine = "\n" };

    /// <summary>What is put in place together; the report comes last.</summary>
    private static readonly string[] Parts = [NoticeName, SheetName, .. EmojiSplit.All.Select(FileOf)];

    /// <summary>Renders, treats and writes.</summary>
    /// <param name="artwork">The drawings.</param>
    /// <param name="packages">Where they come from.</param>
    /// <param name="recipe">What to make of them.</param>
    /// <param name="folder">Where to; it is made if need be and may hold an earlier data set, which is replaced when all of the new one is written: there must be room for both.</param>
    /// <param name="threads">Drawings that are worked on at a time, at least 1.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="sheet">A PNG of the styles, which goes along as <c>styles.png</c>; empty for none.</param>
    /// <param name="cancellation">Stops; an earlier data set then stands as it was.</param>
    /// <returns>What was made, as <c>dataset.json</c> has it. A folder without that file holds nothing that is finished.</returns>
    /// <exception cref="WhenceException">The recipe does not fit the packages, the folder holds other things, or it cannot be written.</exception>
    public static EmojiReport Build(
        EmojiArtwork artwork, PackageLock packages, EmojiRecipe recipe, string folder, int threads = 1, IProgress<EmojiProgress>? progress = null, ReadOnlyMemory<byte> sheet = default,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(artwork);
        ArgumentNullException.ThrowIfNull(packages);
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        recipe.Validate(packages);
        recipe.Validate(artwork);
        RequireOwn(folder);
        var unfinished = Path.Combine(folder, UnfinishedName);
        Guard(folder, () => Directory.CreateDirectory(folder));
        using var ownership = FolderLock.Acquire(folder, LockName, "data set");
        try
        {
            Guard(folder, () =>
            {
                Clear(unfinished); // of a run that was killed
                Directory.CreateDirectory(unfinished);
            });
            var report = Write(unfinished, new Run(artwork, recipe, threads, progress, cancellation), artwork, packages, recipe, sheet);
            Replace(folder, unfinished);
            return report;
        }
        finally
        {
            try
            {
                Clear(unfinished);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // What led here is to be reported; the next run clears it.
            }
        }
    }

    /// <summary>Refuses a folder in which a data set would replace or lie among what is not one's own: other things, or files of these names without a <c>dataset.json</c> or a lock of ours.</summary>
    /// <param name="folder">The folder; there need be none.</param>
    /// <exception cref="WhenceException">The message names what is there.</exception>
    public static void RequireOwn(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string[] names = [];
        Guard(folder, () => names = Directory.Exists(folder)
            ? [.. Directory.EnumerateFileSystemEntries(folder).Select(e => Path.GetFileName(e)!).Where(name => !name.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)]
            : []);
        if (names.FirstOrDefault(name => !Parts.Contains(name) && name is not (ReportName or LockName)) is { } foreign)
        {
            throw new WhenceException($"{folder}: holds other things, such as {foreign}; give a new folder.");
        }

        if (names.Length > 0 && (names.Contains(ReportName) ? !IsReport(Path.Combine(folder, ReportName)) : !names.Contains(LockName)))
        {
            throw new WhenceException($"{folder}: holds {(names.Contains(ReportName) ? ReportName : names[0])}, which no data set made here goes with, and would replace it; give a new folder, or move it away.");
        }
    }

    /// <summary>Whether a data set is there; it is put in place whole.</summary>
    public static bool IsThere(string folder) => File.Exists(Path.Combine(folder, ReportName));

    internal static string FileOf(string split) => split + ".tar";

    private static bool IsReport(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(RegularFile.ReadAll(path, MaxReport));
            return document.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("format", out var format)
                && format.ValueKind == JsonValueKind.String && format.ValueEquals(EmojiReport.FormatName);
        }
        catch (Exception e) when (e is JsonException or WhenceException)
        {
            return false;
        }
    }

    private static EmojiReport Write(string folder, Run run, EmojiArtwork artwork, PackageLock packages, EmojiRecipe recipe, ReadOnlyMemory<byte> sheet)
    {
        var checksums = new Dictionary<string, string>(StringComparer.Ordinal);
        WriteTars(new Queue<string>(EmojiSplit.All), []);
        var report = EmojiReport.Of(artwork, packages, recipe, run.Samples, run.Written, run.Dropped, checksums);
        AtomicFile.Write(Path.Combine(folder, NoticeName), stream => stream.Write(Encoding.UTF8.GetBytes(EmojiNotice.Of(packages, recipe, hasSheet: !sheet.IsEmpty))));
        if (!sheet.IsEmpty)
        {
            AtomicFile.Write(Path.Combine(folder, SheetName), stream => stream.Write(sheet.Span));
        }

        AtomicFile.Write(Path.Combine(folder, ReportName), stream => JsonSerializer.Serialize(stream, report, Indented));
        return report;

        // All files are open while the drawings go by.
        void WriteTars(Queue<string> left, Dictionary<string, SampleTar> open)
        {
            if (!left.TryDequeue(out var split))
            {
                run.Go(open);
                foreach (var tar in open.Values)
                {
                    tar.Dispose();
                }

                return;
            }

            checksums[split] = AtomicFile.Write(Path.Combine(folder, FileOf(split)), stream =>
            {
                open[split] = new SampleTar(stream);
                WriteTars(left, open);
            });
        }
    }

    /// <summary>Renames what is written, which takes no room. While files are replaced the folder has no report, so that what is of two data sets is not taken for one.</summary>
    private static void Replace(string folder, string unfinished)
    {
        try
        {
            File.Delete(Path.Combine(folder, ReportName));
            foreach (var part in Parts)
            {
                if (File.Exists(Path.Combine(unfinished, part)))
                {
                    File.Move(Path.Combine(unfinished, part), Path.Combine(folder, part), overwrite: true);
                }
                else
                {
                    File.Delete(Path.Combine(folder, part));
                }
            }

            File.Move(Path.Combine(unfinished, ReportName), Path.Combine(folder, ReportName));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException(
                $"'{folder}': the data set cannot be put in place: {e.Message} What is there has no {ReportName} and is unfinished; allow writing, and run the same command again.", e);
        }
    }

    private static void Clear(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Guard(string folder, Action action)
    {
        try
        {
            action();
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
