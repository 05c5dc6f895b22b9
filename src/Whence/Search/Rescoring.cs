using Whence.Files;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>Canonical similarities of chosen rows: in the order of the rows, so that each is read once for all queries.</summary>
internal static class Rescoring
{
    // Few enough to lie in the second-level cache while queries pass by.
    private const int BlockRows = 128;

    /// <param name="queries">q x d, normalised.</param>
    /// <param name="ids">Per query ids in ascending order.</param>
    /// <param name="index">The index.</param>
    /// <param name="rows">Where rows are read from.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="cancellation">Stops between chunks of rows.</param>
    /// <returns>Per query a similarity for each id.</returns>
    public static float[][] Run(
        FeatureMatrix queries, uint[][] ids, FeatureIndex index, CanonicalRows rows, int threads, CancellationToken cancellation)
    {
        var similarities = Array.ConvertAll(ids, own => new float[own.Length]);
        var chunks = index.Manifest.Parts.Index().SelectMany(part =>
            Enumerable.Range(0, ((part.Item.Rows - 1) / BlockRows) + 1).Select(c => (Part: part.Index, First: c * BlockRows)));
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        Unwrap.Aggregate(() => Parallel.ForEach(
            chunks,
            parallel,
            () => new Worker(queries, ids, similarities, index, rows),
            (chunk, _, worker) =>
            {
                worker.Rescore(chunk.Part, chunk.First);
                return worker;
            },
            _ => { }));
        return similarities;
    }

    private sealed class Worker(FeatureMatrix queries, uint[][] ids, float[][] similarities, FeatureIndex index, CanonicalRows rows)
    {
        private readonly ScanBlock _block = new(rows, queries, BlockRows, index.Folder);
        private readonly (int Begin, int End)[] _ranges = new (int, int)[ids.Length];
        private readonly int[] _places = new int[BlockRows];
        private readonly int[] _offsets = new int[BlockRows];

        public void Rescore(int place, int first)
        {
            var part = index.Manifest.Parts[place];
            var firstId = part.FirstId + first;
            var count = FindRows(firstId, Math.Min(BlockRows, part.Rows - first));
            if (count == 0)
            {
                return;
            }

            _block.Set(place, part.FirstId, first, _offsets.AsSpan(0, count));
            _block.Load(count);
            for (var q = 0; q < ids.Length; q++)
            {
                var (begin, end) = _ranges[q];
                var rows = _block.Found.AsSpan(0, end - begin);
                for (var i = 0; i < rows.Length; i++)
                {
                    rows[i] = _places[(int)(ids[q][begin + i] - firstId)];
                }

                _block.Compare(q, rows, similarities[q].AsSpan(begin, rows.Length));
            }
        }

        /// <summary>Which rows of a chunk any query asks for, and where each of them stands among these.</summary>
        private int FindRows(long firstId, int rowCount)
        {
            _places.AsSpan().Clear();
            for (var q = 0; q < ids.Length; q++)
            {
                _ranges[q] = (LowerBound(ids[q], firstId), LowerBound(ids[q], firstId + rowCount));
                foreach (var id in ids[q].AsSpan(_ranges[q].Begin.._ranges[q].End))
                {
                    _places[(int)(id - firstId)] = 1;
                }
            }

            var count = 0;
            for (var offset = 0; offset < rowCount; offset++)
            {
                if (_places[offset] != 0)
                {
                    _places[offset] = count;
                    _offsets[count++] = offset;
                }
            }

            return count;
        }

        private static int LowerBound(uint[] ids, long id)
        {
            var at = id > uint.MaxValue ? ids.Length : Array.BinarySearch(ids, (uint)id);
            return at < 0 ? ~at : at;
        }
    }
}
