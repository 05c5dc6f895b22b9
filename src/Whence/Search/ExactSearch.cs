using System.Collections.Concurrent;
using Whence.Files;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// Similarities of queries to every image of an index (Eq. 2: sim(F(x), F~(x~))): raw feature, mapper h, L2 normalisation,
/// dot product. The dot product of the float32-normalised rows is accumulated in double in a fixed order and rounded to
/// float32, so equal rows get equal similarities, with any number of threads and, for the same mapped rows, on every machine.
/// </summary>
public sealed class ExactSearch
{
    private const int BlockRows = 1024;
    private readonly FeatureIndex _index;
    private readonly Mapper? _mapper;
    private readonly int _threads;

    /// <summary>A search over an index.</summary>
    /// <param name="index">The index.</param>
    /// <param name="mapper">The mapper h of training images; null compares the raw features.</param>
    /// <param name="threads">Threads to use, at least 1; the result does not depend on it.</param>
    /// <exception cref="WhenceException">The mapper does not fit the index.</exception>
    public ExactSearch(FeatureIndex index, Mapper? mapper, int threads)
    {
        ArgumentNullException.ThrowIfNull(index);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (mapper is not null && index.Manifest.Normalized)
        {
            throw new WhenceException(
                $"{index.Folder}: its features were normalised before they were imported, and a mapper works on raw features only; leave --mapper out, or index the images themselves.");
        }

        if (mapper is not null && mapper.InputDimension != index.Manifest.Dimension)
        {
            throw new WhenceException(
                $"{index.Folder}: its features have {index.Manifest.Dimension} values, the mapper takes {mapper.InputDimension}; it was made for another encoder.");
        }

        _index = index;
        _mapper = mapper;
        _threads = threads;
    }

    /// <summary>Length of the vectors that are compared.</summary>
    public int Dimension => _mapper?.OutputDimension ?? _index.Manifest.Dimension;

    /// <summary>Similarity of every query to every image.</summary>
    /// <param name="queries">q x <see cref="Dimension"/>, mapped and L2-normalised.</param>
    /// <param name="cancellation">Stops the scan between blocks.</param>
    /// <returns>Per query n similarities by id, in [-1, 1] but for the last bit's rounding; NaN where the image was removed.</returns>
    /// <exception cref="WhenceException">A part is missing or damaged.</exception>
    public float[][] Similarities(FeatureMatrix queries, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        if (queries.Columns != Dimension)
        {
            throw new ArgumentException($"Queries have {queries.Columns} values, expected {Dimension}.", nameof(queries));
        }

        _index.CheckSizes();
        var similarities = new float[queries.Rows][];
        for (var q = 0; q < similarities.Length; q++)
        {
            similarities[q] = new float[_index.Count];
        }

        var blocks = _index.Manifest.Parts.SelectMany(part =>
            Enumerable.Range(0, (part.Rows + BlockRows - 1) / BlockRows).Select(b => (Part: part, First: b * BlockRows)));
        Unwrap.Aggregate(() => Parallel.ForEach(
            Partitioner.Create(blocks, EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { MaxDegreeOfParallelism = _threads, CancellationToken = cancellation },
            () => new Scratch(this),
            (block, _, scratch) =>
            {
                ScanBlock(block.Part, block.First, queries, similarities, scratch);
                return scratch;
            },
            scratch => scratch.Dispose()));
        return similarities;
    }

    private void ScanBlock(IndexPart part, int first, FeatureMatrix queries, float[][] similarities, Scratch scratch)
    {
        var rows = scratch.Load(part, first, Math.Min(BlockRows, part.Rows - first));
        for (var r = 0; r < rows.Length / Dimension; r++)
        {
            var row = rows.Slice(r * Dimension, Dimension);
            Normalization.NormalizeRow(row);
            var id = part.FirstId + first + r;
            var removed = _index.Removed.Contains(id);
            for (var q = 0; q < similarities.Length; q++)
            {
                var similarity = (float)DotProduct.Of(row, queries.Row(q));
                if (float.IsNaN(similarity))
                {
                    throw new WhenceException(
                        $"{_index.Folder}: image {id} has a feature that is not finite; 'whence verify {_index.Folder}' tells what to rebuild.");
                }

                similarities[q][id] = removed ? float.NaN : similarity;
            }
        }
    }

    /// <summary>One thread's buffers and its open part.</summary>
    private sealed class Scratch(ExactSearch search) : IDisposable
    {
        private readonly float[] _raw = new float[BlockRows * search._index.Manifest.Dimension];
        private readonly float[] _mapped = search._mapper is null ? [] : new float[BlockRows * search.Dimension];
        private IndexPart? _part;
        private NpyFile? _file;

        public Span<float> Load(IndexPart part, int first, int count)
        {
            if (_part != part)
            {
                _file?.Dispose();
                _file = search._index.OpenFeatures(part);
                _part = part;
            }

            var raw = _raw.AsSpan(0, count * search._index.Manifest.Dimension);
            _file!.ReadRows(first, raw);
            if (search._mapper is null)
            {
                return raw;
            }

            var mapped = _mapped.AsSpan(0, count * search.Dimension);
            search._mapper.Apply(raw, mapped);
            return mapped;
        }

        public void Dispose() => _file?.Dispose();
    }
}
