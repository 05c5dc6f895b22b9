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
            using var rows = new CanonicalRows(index, mapper, layout);
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
        var shape = new LayoutPart.Shape(part.Rows, rows.Dimension);
        var chunkHashes = new ulong[shape.Chunks];
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
            layout.Add(part, LayoutPart.TableHash(shape, MemoryMarshal.AsBytes(chunkHashes.AsSpan())));
        }

        void Write(Stream? mapped) => AtomicFile.Write(layout.RowsPath(part), stream =>
        {
            var chunk = new ChunkBuffer(rows, shape);
            stream.Write(shape.Header());
            for (var c = 0; c < shape.Chunks; c++)
            {
                chunk.Fill(place, c * LayoutPart.ChunkRows, mapped is not null);
                stream.Write(MemoryMarshal.AsBytes(chunk.Levels));
                mapped?.Write(MemoryMarshal.AsBytes(chunk.Rows));
                chunkHashes[c] = chunk.Finish();
                advance(chunk.Count);
            }

            Pad(stream, (long)chunk.Scales.Count * shape.Pairs * 2);
            WriteSection(stream, chunk.Scales);
            WriteSection(stream, chunk.Errors);
            WriteSection(stream, chunk.RowHashes);
            stream.Write(MemoryMarshal.AsBytes(chunkHashes.AsSpan()));
        });
    }

    private static void WriteSection<T>(Stream stream, List<T> values) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(values));
        stream.Write(bytes);
        Pad(stream, bytes.Length);
    }

    private static void Pad(Stream stream, long length) => stream.Write(new byte[LayoutPart.Shape.Aligned(length) - length]);

    /// <summary>One chunk of a part in the making, and what stays of all of them: 16 bytes a row.</summary>
    private sealed class ChunkBuffer(CanonicalRows source, LayoutPart.Shape shape)
    {
        private readonly float[] _rows = new float[LayoutPart.ChunkRows * shape.Dimension];
        private readonly sbyte[] _levels = new sbyte[PairProduct.Length(LayoutPart.ChunkRows, shape.Pairs)];
        private readonly short[] _scratch = new short[2 * shape.Pairs];
        private readonly int[] _all = [.. Enumerable.Range(0, LayoutPart.ChunkRows)];

        public int Count { get; private set; }

        public List<float> Scales { get; } = [];

        public List<float> Errors { get; } = [];

        public List<ulong> RowHashes { get; } = [];

        public Span<float> Rows => _rows.AsSpan(0, Count * shape.Dimension);

        public Span<sbyte> Levels => _levels.AsSpan(0, PairProduct.Length(Count, shape.Pairs));

        private int Padded => PairProduct.Groups(Count) * PairProduct.GroupRows;

        public void Fill(int place, int first, bool mapped)
        {
            Count = Math.Min(LayoutPart.ChunkRows, shape.Rows - first);
            source.Read(place, first, _all.AsSpan(0, Count), Rows);
            Levels.Clear();
            for (var r = 0; r < Count; r++)
            {
                var row = Rows.Slice(r * shape.Dimension, shape.Dimension);
                var (scale, error) = Quantizer.ToBytes(row, Levels[PairProduct.Offset(r, 0, shape.Pairs)..], _scratch);
                Scales.Add(scale);
                Errors.Add(error);
                RowHashes.Add(XxHash3.HashToUInt64(mapped ? MemoryMarshal.AsBytes(row) : source.RawBytes(place, first + r)));
            }

            Scales.AddRange(new float[Padded - Count]);
            Errors.AddRange(new float[Padded - Count]);
        }

        public ulong Finish() => new LayoutPart.Chunk(
            Levels,
            CollectionsMarshal.AsSpan(Scales)[^Padded..],
            CollectionsMarshal.AsSpan(Errors)[^Padded..],
            CollectionsMarshal.AsSpan(RowHashes)[^Count..]).Hash();
    }
}

/// <summary>How far the making of a search layout is.</summary>
/// <param name="Done">Rows done.</param>
/// <param name="Total">Rows to do.</param>
public readonly record struct LayoutProgress(long Done, long Total);
