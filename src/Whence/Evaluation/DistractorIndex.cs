using System.Collections.Concurrent;
using System.Numerics.Tensors;
using System.Security.Cryptography;
using System.Text;
using Whence.Files;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Evaluation;

/// <summary>
/// Distractors ready to be searched: an index as it is, or a features file of which an index is made, one row a feature, of float16 where the file
/// is, else float32. It is kept in a folder named after the features' checksum, so that another run finds it and an interrupted one goes on; or it is
/// temporary, and deleted at the end. What a killed process leaves, the next one deletes.
/// </summary>
public sealed class DistractorIndex : IDisposable
{
    /// <summary>The encoder that a manifest names where nobody said which one made the features.</summary>
    internal const string UnknownEncoder = "features";

    private const string TemporaryPrefix = "whence-distractors-";
    private const string TemporaryKey = "row";
    private const string LockFile = ".lock";
    private const int MostTemporary = 16;
    private const int MostPartRows = 16_384;
    private const long MostPartValues = 1 << 24;
    private const int BlockRows = 256;

    // One is read while another is written; each is in memory.
    private const int PartsAtOnce = 2;
    private const int KeyLength = 16;
    private readonly IDisposable? _held;
    private readonly string? _temporary;

    private DistractorIndex(FeatureIndex index, string? temporary = null, IDisposable? held = null) => (Index, _temporary, _held) = (index, temporary, held);

    /// <summary>The distractors.</summary>
    public FeatureIndex Index { get; }

    /// <summary>Opens distractors.</summary>
    /// <param name="source">Folder of an index, or a features file (<see cref="FeatureFile"/>).</param>
    /// <param name="keep">Folder for indexes of features files, made where it is missing; null for a temporary one.</param>
    /// <param name="progress">Told how far the making of the index is; null for nobody.</param>
    /// <param name="cancellation">Stops between blocks of rows; what was written is kept where <paramref name="keep"/> says where.</param>
    /// <exception cref="WhenceException">Missing, damaged, or a feature is not finite.</exception>
    public static DistractorIndex Open(
        string source, string? keep = null, IProgress<LayoutProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        if (Directory.Exists(source))
        {
            return new DistractorIndex(FeatureIndex.Open(source));
        }

        using var file = FeatureFile.Open(source);
        if (keep is not null)
        {
            var key = Key(source, file.Path);
            return new DistractorIndex(Make(file, Path.Combine(keep, key), key, keep: true, progress, cancellation));
        }

        DeleteAbandoned();
        var (folder, held) = MakeTemporary();
        try
        {
            return new DistractorIndex(Make(file, Path.Combine(folder, "index"), TemporaryKey, keep: false, progress, cancellation), folder, held);
        }
        catch
        {
            Delete(folder, held);
            throw;
        }
    }

    /// <summary>Deletes the index where it is temporary. Close what reads it before.</summary>
    public void Dispose()
    {
        if (_temporary is not null && Directory.Exists(_temporary))
        {
            Delete(_temporary, _held);
        }
    }

    private static FeatureIndex Make(
        FeatureFile file, string folder, string key, bool keep, IProgress<LayoutProgress>? progress, CancellationToken cancellation)
    {
        if (File.Exists(Path.Combine(folder, IndexManifest.FileName)) && FeatureIndex.Open(folder) is var made && made.Count == file.Rows)
        {
            return made;
        }

        var type = file.Type == ElementType.F16 ? ElementType.F16 : ElementType.F32;
        var blank = new IndexManifest { Encoder = file.Encoder ?? UnknownEncoder, Dimension = file.Columns, Type = type, Parts = [] };
        var partRows = (int)Math.Clamp(MostPartValues / file.Columns, 1, MostPartRows);
        using (var writer = new IndexWriter(folder, blank, partRows, flush: keep))
        {
            var (spare, running) = (new ConcurrentBag<float[]>(), new Queue<Task<IndexPart>>());
            var (next, number) = (writer.Manifest.Count, writer.NextNumber);
            try
            {
                // In order, so that an interruption loses what is in flight and no more.
                while (writer.Manifest.Count < file.Rows)
                {
                    for (; running.Count < PartsAtOnce && next < file.Rows; next += partRows)
                    {
                        running.Enqueue(Start(number++, next));
                    }

                    writer.Append(running.Dequeue().GetAwaiter().GetResult());
                    progress?.Report(new LayoutProgress(writer.Manifest.Count, file.Rows));
                    cancellation.ThrowIfCancellationRequested();
                }
            }
            finally
            {
                Task.WhenAll(running).ContinueWith(_ => { }, TaskScheduler.Default).Wait(CancellationToken.None); // they use the files that are closed next
            }

            Task<IndexPart> Start(int part, long first) => Task.Run(() =>
            {
                var buffer = spare.TryTake(out var used) ? used : new float[partRows * file.Columns];
                var written = WritePart(writer, part, file, key, first, buffer, cancellation);
                spare.Add(buffer);
                return written;
            });
        }

        return FeatureIndex.Open(folder);
    }

    private static IndexPart WritePart(
        IndexWriter writer, int number, FeatureFile file, string key, long first, float[] buffer, CancellationToken cancellation)
    {
        var images = new IndexedImage[Math.Min(buffer.Length / file.Columns, file.Rows - first)];
        var features = buffer.AsSpan(0, images.Length * file.Columns);
        for (var i = 0; i < images.Length; i += BlockRows)
        {
            cancellation.ThrowIfCancellationRequested();
            var block = features.Slice(i * file.Columns, Math.Min(BlockRows, images.Length - i) * file.Columns);
            file.ReadRows(first + i, block);
            CheckFinite(block, file, first + i);
        }

        for (var i = 0; i < images.Length; i++)
        {
            // Not the name: two rows of one name are two distractors.
            images[i] = new IndexedImage { Id = first + i, Source = SourceOf(key, first + i), Key = file.Names?[(int)(first + i)] ?? $"{first + i}" };
        }

        return writer.WritePart(number, images, features);
    }

    private static void CheckFinite(ReadOnlySpan<float> block, FeatureFile file, long first)
    {
        if (TensorPrimitives.IsFiniteAll(block))
        {
            return;
        }

        var place = 0;
        while (float.IsFinite(block[place]))
        {
            place++;
        }

        throw new WhenceException(
            $"'{file.Path}': row {first + (place / file.Columns)} holds {block[place]}, expected finite numbers; extract the features again.");
    }

    /// <summary>Whether an image of an index is a row of a features file that the index was made of here: its key is then its name.</summary>
    internal static bool IsRow(FeatureIndex index, IndexedImage image) =>
        image.Source == SourceOf(TemporaryKey, image.Id) || image.Source == SourceOf(Path.GetFileName(Path.TrimEndingDirectorySeparator(index.Folder)), image.Id);

    private static string SourceOf(string key, long row) => FormattableString.Invariant($"{key}::{row}");

    // Two arrays of one file are two sets of distractors.
    private static string Key(string source, string path)
    {
        var name = FeatureFile.Split(source).Name;
        var checksum = RegularFile.Guard(path, () => Checksum.Of(path));
        return (name is null ? checksum : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{checksum}::{name}"))))[..KeyLength];
    }

    /// <summary>A folder of this process's own, and its lock.</summary>
    private static (string Folder, IDisposable Held) MakeTemporary()
    {
        for (var i = 1; ; i++)
        {
            var folder = RegularFile.Guard(Path.GetTempPath(), () => Directory.CreateTempSubdirectory(TemporaryPrefix).FullName);
            try
            {
                // Where a file is made and locked in two steps, another process may find it in between, take it for abandoned, and delete it
                // while it holds the lock: the folder is then taken, or locked and gone.
                var held = FolderLock.Acquire(folder, LockFile);
                if (File.Exists(Path.Combine(folder, LockFile)))
                {
                    return (folder, held);
                }

                held.Dispose();
            }
            catch (WhenceException) when (i < MostTemporary)
            {
            }
        }
    }

    // Whoever still uses a folder holds its lock; one that has none yet is just being made.
    private static void DeleteAbandoned()
    {
        try
        {
            foreach (var folder in Directory.GetDirectories(Path.GetTempPath(), TemporaryPrefix + "*").Where(f => File.Exists(Path.Combine(f, LockFile))))
            {
                DeleteUnused(folder);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that cannot be listed hides nothing that this run needs.
        }
    }

    private static void DeleteUnused(string folder)
    {
        try
        {
            // Its owner may be deleting it: no file is made there.
            Delete(folder, FolderLock.Acquire(folder, LockFile, existing: true));
        }
        catch (Exception e) when (e is WhenceException or IOException or UnauthorizedAccessException)
        {
            // In use, or somebody else's.
        }
    }

    private static void Delete(string folder, IDisposable? held)
    {
        // Held until nothing is left, so that nobody finds a lock that is free; Windows deletes no open file, but makes and locks one in one step.
        if (OperatingSystem.IsWindows())
        {
            held?.Dispose();
        }

        try
        {
            Directory.Delete(folder, recursive: true);
        }
        finally
        {
            held?.Dispose();
        }
    }
}
