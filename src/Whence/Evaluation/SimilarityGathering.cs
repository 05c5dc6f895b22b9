using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Whence.Calibration;
using Whence.Files;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Evaluation;

/// <summary>
/// Gathers the similarities that a calibration is fitted to or measured on (appendix C.3 of the paper): of each query its own model's exemplars, then the most
/// similar distractors in falling order, R in all.
/// </summary>
internal sealed class SimilarityGathering
{
    // Queries that share a pass over the distractors; each holds R matches and some three times R bounds at once.
    private const int BatchQueries = 128;

    private readonly FeatureIndex _distractors;
    private readonly CalibrationQueries _pool;
    private readonly CalibrationOptions _options;

    /// <exception cref="WhenceException">Features of another encoder, more exemplars than candidates, or no distractors.</exception>
    public SimilarityGathering(FeatureIndex distractors, CalibrationQueries pool, CalibrationOptions options)
    {
        (_distractors, _pool, _options) = (distractors, pool, options);
        foreach (var testCase in pool.TestCases)
        {
            Evaluator.Check(testCase, distractors);
            if (testCase.Chunks.Max(c => c.Count) is var most && most >= options.Top)
            {
                throw new WhenceException($"test case '{testCase.Name}': a model has {most} exemplars, no fewer than the {options.Top} candidates of a query; raise the number of candidates.");
            }
        }

        if (distractors.Count == distractors.Removed.Count)
        {
            throw new WhenceException($"{distractors.Folder}: holds no images; a calibration needs distractors.");
        }
    }

    /// <summary>N, the number of distractors.</summary>
    public long Distractors => _distractors.Count - _distractors.Removed.Count;

    /// <summary>The similarities of the whole pool in a file, gathered unless it is there already; what was gathered before an interruption is kept.</summary>
    /// <param name="path">The file.</param>
    /// <param name="progress">Told after each batch; null for nobody.</param>
    /// <param name="cancellation">Stops between blocks of distractors.</param>
    public SimilarityFile ToFile(string path, IProgress<CalibrationProgress>? progress, CancellationToken cancellation)
    {
        var candidates = Math.Min(_options.Top, Distractors + _pool.Queries.Max(q => _pool.Exemplars(q).Count));
        var layout = new SimilarityLayout(Key(), _pool.Queries.Count, (int)candidates);
        if (SimilarityFile.Find(path, layout, _options.Threads) is { } found)
        {
            return found;
        }

        using (var writer = SimilarityWriter.Open(path, layout))
        {
            foreach (var batch in Batches(writer.Rows, progress, cancellation))
            {
                for (var q = 0; q < batch.Queries; q++)
                {
                    writer.Add(batch.Row(q), batch.Exemplars(q));
                }
            }

            writer.Finish();
        }

        return SimilarityFile.Find(path, layout, _options.Threads) ?? throw new WhenceException($"'{path}': was written and reads differently; check the disk.");
    }

    /// <summary>The similarities of the pool, a batch of queries at a time.</summary>
    /// <param name="first">The first query.</param>
    /// <param name="progress">Told after each batch; null for nobody.</param>
    /// <param name="cancellation">Stops between blocks of distractors.</param>
    public IEnumerable<SimilarityTable> Batches(int first, IProgress<CalibrationProgress>? progress, CancellationToken cancellation)
    {
        if (first >= _pool.Queries.Count)
        {
            yield break;
        }

        using var search = ExactSearch.Open(
            _distractors, new SearchOptions { Mapper = _options.Mapper?.Real, Threads = _options.Threads, Progress = _options.LayoutProgress }, cancellation);
        var exemplars = _pool.TestCases.Select(t => Evaluator.Prepare(_options.Mapper?.Real, t.Exemplars.Span, t.Dimension, t.Name)).ToArray();
        for (var from = first; from < _pool.Queries.Count; from += BatchQueries)
        {
            cancellation.ThrowIfCancellationRequested();
            var queries = _pool.Queries.Skip(from).Take(BatchQueries).ToArray();
            var batch = Gather(search, queries, exemplars, cancellation);
            progress?.Report(new CalibrationProgress("gathering similarities", from + queries.Length, _pool.Queries.Count));
            yield return batch;
        }
    }

    private SimilarityTable Gather(ExactSearch search, CalibrationQuery[] queries, FeatureMatrix[] exemplars, CancellationToken cancellation)
    {
        var dimension = _pool.TestCases[0].Dimension;
        var raw = new float[queries.Length * dimension];
        for (var q = 0; q < queries.Length; q++)
        {
            _pool.Feature(queries[q]).CopyTo(raw.AsSpan(q * dimension));
        }

        var features = Evaluator.Prepare(_options.Mapper?.Synth, raw, dimension, _pool.TestCases[queries[0].TestCase].Name);
        var nearest = search.Nearest(features, _options.Top - 1, cancellation);
        var rows = new float[queries.Length][];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = _options.Threads };
        Unwrap.Aggregate(() => Parallel.For(0, queries.Length, parallel, q =>
        {
            var chunk = _pool.Exemplars(queries[q]);
            var row = new float[Math.Min(_options.Top, chunk.Count + nearest[q].Length)];
            Evaluator.Compare(exemplars[queries[q].TestCase], chunk, features.Row(q), row);
            for (var i = chunk.Count; i < row.Length; i++)
            {
                row[i] = nearest[q][i - chunk.Count].Similarity;
            }

            rows[q] = row;
        }));
        return new SimilarityTable(rows, Array.ConvertAll(queries, q => _pool.Exemplars(q).Count));
    }

    /// <summary>SHA-256 of all that the similarities follow from, so that those of other inputs are never taken for these.</summary>
    private byte[] Key()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Text($"similarities 1, top {_options.Top}, dimension {_distractors.Manifest.Dimension}, mapper {Calibrator.ChecksumOf(_options.Mapper)}");
        Text($"distractors {string.Join(' ', _distractors.Manifest.Parts.Select(p => p.FeaturesSha256))} without {string.Join(' ', _distractors.Removed.Order())}");
        foreach (var testCase in _pool.TestCases)
        {
            hash.AppendData(MemoryMarshal.AsBytes(testCase.Exemplars.Span));
        }

        foreach (var query in _pool.Queries)
        {
            Text($"test case {query.TestCase}, {_pool.Exemplars(query)}");
            hash.AppendData(MemoryMarshal.AsBytes(_pool.Feature(query)));
        }

        return hash.GetHashAndReset();

        void Text(FormattableString text) => hash.AppendData(Encoding.UTF8.GetBytes(FormattableString.Invariant(text) + "\n"));
    }
}
