using System.Collections.Concurrent;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Whence.Files;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// One pass of some queries over all rows. A coarse pass reads the int8 rows of the search layout, where there is one: half the
/// bytes or less, which are what few queries cost. A fine pass reads the canonical rows and turns a block of them into int16 in
/// the cache for all queries: the multiply-adds, which are what many queries cost, are as fast, and far fewer rows
/// are left to be looked at closely. Either way a visitor is told bounds of every similarity (<see cref="Quantizer"/>) and asks for the canonical
/// ones that it needs, so what it finds does not depend on the way, nor on the threads.
/// </summary>
internal sealed class RowScan(FeatureIndex index, CanonicalRows rows, RowSet members, int threads, bool coarse)
{
    private const int TileQueries = 4;

    // int16 and float32 rows of a block lie in the second-level cache together with the queries.
    private const int BlockBytes = 600_000;

    /// <summary>Shows every member row to a visitor.</summary>
    /// <param name="queries">q x d, normalised.</param>
    /// <param name="visitor">Told the rows.</param>
    /// <param name="cancellation">Stops between blocks.</param>
    /// <returns>Number of canonical similarities that were computed.</returns>
    public long Run(FeatureMatrix queries, IScanVisitor visitor, CancellationToken cancellation)
    {
        var plan = new Plan(queries, rows.Dimension);
        var rescored = 0L;
        var chunks = index.Manifest.Parts.Index().SelectMany(part =>
            Enumerable.Range(0, LayoutPart.Chunks(part.Item.Rows)).Select(chunk => (Part: part.Index, Chunk: chunk)));
        Unwrap.Aggregate(() => Parallel.ForEach(
            Partitioner.Create(chunks, EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation },
            () => new Worker(this, plan, visitor),
            (chunk, _, worker) =>
            {
                worker.Scan(chunk.Part, chunk.Chunk);
                return worker;
            },
            worker => Interlocked.Add(ref rescored, worker.Rescored)));
        return rescored;
    }

    /// <summary>The queries in the form that each way needs.</summary>
    private sealed class Plan(FeatureMatrix queries, int dimension)
    {
        private readonly Lazy<QuantizedQueries> _bytes = new(() => new QuantizedQueries(queries, Quantizer.LargestByteNorm(dimension)));
        private readonly Lazy<QuantizedQueries> _shorts = new(() => new QuantizedQueries(queries, Quantizer.LargestShortNorm(dimension)));

        public FeatureMatrix Queries => queries;

        public int BlockRows { get; } =
            Math.Clamp(BlockBytes / (dimension * (sizeof(float) + sizeof(short))) / PairProduct.GroupRows * PairProduct.GroupRows, PairProduct.GroupRows, 256);

        public QuantizedQueries ForBytes => _bytes.Value;

        public QuantizedQueries ForShorts => _shorts.Value;
    }

    /// <summary>One thread's buffers.</summary>
    private sealed class Worker
    {
        private readonly RowScan _scan;
        private readonly Plan _plan;
        private readonly IScanVisitor _visitor;
        private readonly ScanBlock _block;
        private readonly int _dimension;
        private readonly int[] _offsets = new int[LayoutPart.ChunkRows];
        private readonly float[] _scales = new float[LayoutPart.ChunkRows];
        private readonly float[] _errors = new float[LayoutPart.ChunkRows];
        private readonly int[] _products = new int[TileQueries * LayoutPart.ChunkRows];
        private readonly float[] _upper = new float[LayoutPart.ChunkRows];
        private readonly int[] _levels;
        private int[] _shorts = [];
        private byte[] _buffer = [];

        public Worker(RowScan scan, Plan plan, IScanVisitor visitor)
        {
            (_scan, _plan, _visitor) = (scan, plan, visitor);
            _dimension = plan.Queries.Columns;
            _levels = new int[PairProduct.GroupRows * PairProduct.Pairs(_dimension)];
            _block = new ScanBlock(scan.Rows, plan.Queries, LayoutPart.ChunkRows, scan.Folder);
        }

        public long Rescored => _block.Rescored;

        public void Scan(int place, int chunk)
        {
            var part = _scan.Parts[place];
            var first = chunk * LayoutPart.ChunkRows;
            var count = Math.Min(LayoutPart.ChunkRows, part.Rows - first);
            var found = _scan.Members.CopyMembers(part.FirstId + first, count, _offsets);
            if (found == 0)
            {
                return;
            }

            var wanted = _offsets.AsSpan(0, found);
            if (_scan.Coarse && _scan.Rows.Quantized(place) is { } layout)
            {
                ScanLayout(layout.Read(chunk, ref _buffer), place, part, first, count, wanted);
                return;
            }

            for (; wanted.Length > 0; wanted = wanted[Math.Min(_plan.BlockRows, wanted.Length)..])
            {
                ScanRows(place, part, first, wanted[..Math.Min(_plan.BlockRows, wanted.Length)]);
            }
        }

        /// <summary>int8 rows as they lie in the file; those that are not wanted get a bound that nothing passes.</summary>
        private void ScanLayout(LayoutChunk chunk, int place, IndexPart part, int first, int count, ReadOnlySpan<int> wanted)
        {
            var errors = _errors.AsSpan(0, chunk.Errors.Length);
            errors.Fill(float.NegativeInfinity);
            foreach (var i in wanted)
            {
                errors[i] = chunk.Errors[i];
            }

            _block.Set(place, part.FirstId, first, AllOffsets.AsSpan(0, count));
            Visit(chunk.Levels, chunk.Scales, errors, _plan.ForBytes);
        }

        /// <summary>Canonical rows, quantised here; only those that are wanted are read.</summary>
        private void ScanRows(int place, IndexPart part, int first, ReadOnlySpan<int> wanted)
        {
            _block.Set(place, part.FirstId, first, wanted);
            var rows = _block.Load(wanted.Length);
            var pairs = PairProduct.Pairs(_dimension);
            var length = PairProduct.Length(wanted.Length, pairs) / 2;
            if (_shorts.Length < length)
            {
                _shorts = new int[length];
            }

            var padded = PairProduct.Groups(wanted.Length) * PairProduct.GroupRows;
            var errors = _errors.AsSpan(0, padded);
            errors[wanted.Length..].Fill(float.NegativeInfinity);
            _scales.AsSpan(0, padded).Fill(Quantizer.ShortScale);
            for (var group = 0; group < padded; group += PairProduct.GroupRows)
            {
                for (var r = group; r < Math.Min(group + PairProduct.GroupRows, wanted.Length); r++)
                {
                    var levels = MemoryMarshal.Cast<int, short>(_levels.AsSpan((r - group) * pairs, pairs));
                    errors[r] = Quantizer.ToShorts(rows.Slice(r * _dimension, _dimension), levels);
                    if (float.IsNaN(errors[r]))
                    {
                        throw _block.NotFinite(r);
                    }
                }

                PairProduct.Interleave(_levels, pairs, _shorts.AsSpan(group * pairs, _levels.Length));
            }

            Visit<short>(MemoryMarshal.Cast<int, short>(_shorts.AsSpan(0, length)), _scales.AsSpan(0, padded), errors, _plan.ForShorts);
        }

        private void Visit<TElement>(ReadOnlySpan<TElement> levels, ReadOnlySpan<float> scales, ReadOnlySpan<float> errors, QuantizedQueries queries)
            where TElement : unmanaged
        {
            var largest = TensorPrimitives.Max(errors);
            for (var q = 0; q < queries.Count; q += TileQueries)
            {
                var tile = Math.Min(TileQueries, queries.Count - q);
                var products = _products.AsSpan(0, tile * errors.Length);
                PairProduct.Multiply(levels, queries.Pairs(q, tile), queries.PairsOfQuery, products);
                for (var t = 0; t < tile; t++)
                {
                    var upper = _upper.AsSpan(0, errors.Length);
                    var slack = queries.Bound(q + t, products.Slice(t * errors.Length, errors.Length), scales, errors, largest, upper);
                    _visitor.Visit(q + t, _block, upper, slack);
                }
            }
        }
    }

    private static readonly int[] AllOffsets = [.. Enumerable.Range(0, LayoutPart.ChunkRows)];

    private IReadOnlyList<IndexPart> Parts => index.Manifest.Parts;

    private CanonicalRows Rows => rows;

    private RowSet Members => members;

    private string Folder => index.Folder;

    private bool Coarse => coarse;
}
