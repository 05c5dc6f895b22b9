using System.IO.Hashing;
using System.Runtime.InteropServices;
using Whence.Files;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// Makes what is missing of a <see cref="SearchLayout"/>: one pass over the features of a part, a chunk of 1024 rows at a time, one
/// part per thread. A part counts once <c>layout.json</c> names it, so an interruption costs the parts in flight.
/// </summary>
internal sealed class SearchLayoutBuilder(FeatureIndex index, Mapper? mapper, SearchLayout layout)
{
    private readonly Lock _lock = new();

    /// <summary>Builds all parts that are missing or stale.</summary>
    /// <param name="threads">Parts built at a time.</param>
    /// <param name="progress">Told the rows done so far, and of how many; null for nobody.</param>
    /// <param name="cancellation">Stops between chunks; finished parts stay.</param>
    /// <returns>False where the folder cannot be written or somebody else is writing it: then one searches without.</returns>
    public bool Build(int threads, IProgress<LayoutProgress>? progress, CancellationToken cancellation)
    {
        var missing = index.Manifest.Parts.Index().Where(p => layout.Find(p.Item) is null).ToArray();
        if (missing.Length == 0)
        {
            return true;
        }

        try
        {
            Directory.CreateDirectory(layout.Folder);
            using var held = FolderLock.Acquire(layout.Folder, ".lock");
            using var rows = new CanonicalRows(index, mapper, layout, map: null);
            var (done, total) = (0L, missing.Sum(p => (long)p.Item.Rows));
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
            Unwrap.Aggregate(() => Parallel.ForEach(missing, parallel, (part, _) => BuildPart(part.Item, part.Index, rows, count =>
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new LayoutProgress(Interlocked.Add(ref done, count), total));
            })));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException
            or WhenceException { InnerException: IOException or UnauthorizedAccessException })
        {
            return false;
        }
    }

    private void BuildPart(IndexPart part, int place, CanonicalRows rows, Action<int> advance)
    {
        var hashes = new ulong[LayoutPart.Chunks(part.Rows)];
        if (mapper is null)
        {
            Write(null);
        }
        else
        {
            AtomicFile.Write(layout.MappedPath(part), mapped =>
            {
                NpyFile.WriteHeader(mapped, ElementType.F32, part.Rows, rows.Dimension);
                Write(mapped);
            });
        }

        lock (_lock)
        {
            layout.Add(part, LayoutPart.TableHash(part.Rows, rows.Dimension, hashes));
        }

        void Write(Stream? mapped) => AtomicFile.Write(layout.RowsPath(part), stream =>
        {
            var chunk = new ChunkBuffer(rows);
            stream.Write(LayoutPart.Header(part.Rows, rows.Dimension));
            for (var c = 0; c < hashes.Length; c++)
            {
                var first = c * LayoutPart.ChunkRows;
                var count = Math.Min(LayoutPart.ChunkRows, part.Rows - first);
                var bytes = chunk.Fill(place, first, count, mapped is not null);
                hashes[c] = XxHash3.HashToUInt64(bytes);
                stream.Write(bytes);
                mapped?.Write(MemoryMarshal.AsBytes(chunk.Rows(count)));
                advance(count);
            }

            stream.Write(MemoryMarshal.AsBytes(hashes.AsSpan()));
        });
    }

    /// <summary>One chunk in the making.</summary>
    private sealed class ChunkBuffer(CanonicalRows source)
    {
        private readonly float[] _rows = new float[LayoutPart.ChunkRows * source.Dimension];
        private readonly byte[] _bytes = new byte[LayoutChunk.Length(LayoutPart.ChunkRows, source.Dimension)];
        private readonly short[] _levels = new short[2 * PairProduct.Pairs(source.Dimension)];
        private readonly int[] _all = [.. Enumerable.Range(0, LayoutPart.ChunkRows)];
        private readonly ulong[] _hashes = new ulong[LayoutPart.ChunkRows];

        public Span<float> Rows(int count) => _rows.AsSpan(0, count * source.Dimension);

        public ReadOnlySpan<byte> Fill(int place, int first, int count, bool mapped)
        {
            source.Read(place, first, _all.AsSpan(0, count), Rows(count), _hashes);
            var bytes = _bytes.AsSpan(0, LayoutChunk.Length(count, source.Dimension));
            bytes.Clear();
            for (var r = 0; r < count; r++)
            {
                var row = _rows.AsSpan(r * source.Dimension, source.Dimension);
                var hash = mapped ? XxHash3.HashToUInt64(MemoryMarshal.AsBytes(row)) : _hashes[r];
                LayoutChunk.Write(bytes, count, r, row, hash, _levels);
            }

            return bytes;
        }
    }
}

/// <summary>How far the making of a search layout is.</summary>
/// <param name="Done">Rows done.</param>
/// <param name="Total">Rows to do.</param>
public readonly record struct LayoutProgress(long Done, long Total);
