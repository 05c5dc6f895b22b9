using Whence.Datasets;
using Whence.Evaluation;
using Whence.Mapping;
using Whence.Search;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Mapping;

/// <summary>
/// Recall@K of mappers that are still changing, equal to what <see cref="Evaluator"/> would find over the same distractors and queries, without
/// making it an index for every pair of mappers. Products in float32 decide where they can: of vectors of length 1 they are off by at most
/// d 2^-24. Where an exemplar is within that of the K-th place, the similarities are computed as the search defines them.
/// </summary>
internal sealed class RecallMeter
{
    private const int QueryBlock = 256, DistractorBlock = 8192, MapBlock = 256;

    private readonly TestCaseFeatures[] _testCases;
    private readonly FeatureMatrix _distractors;
    private readonly TrainingValidation _options;
    private readonly int _threads;

    /// <summary>Reads the distractors into memory.</summary>
    /// <param name="testCases">At least one.</param>
    /// <param name="options">Distractors, K, and how many are looked at.</param>
    /// <param name="threads">For mapping; the recall does not depend on it.</param>
    /// <exception cref="WhenceException">The distractors are damaged, of another encoder, or no raw features.</exception>
    public RecallMeter(IReadOnlyList<TestCaseFeatures> testCases, TrainingValidation options, int threads)
    {
        (_testCases, _options, _threads) = ([.. testCases], options, threads);
        foreach (var testCase in testCases)
        {
            Evaluator.Check(testCase, options.Distractors);
        }

        if (options.Distractors.Manifest.Normalized)
        {
            throw new WhenceException(
                $"{options.Distractors.Folder}: its features were normalised before they were imported, and mappers learn on raw ones; make the index from raw features, or of the images themselves.");
        }

        _distractors = Read(options.Distractors, options.MostDistractors);
    }

    /// <summary>Mean over test cases and types of prompts of the mean over queries.</summary>
    /// <param name="mappers">The mappers; null compares raw features.</param>
    /// <param name="cancellation">Stops between blocks.</param>
    public double Recall(MapperPair? mappers, CancellationToken cancellation)
    {
        var distractors = Prepare(mappers?.Real, _distractors);
        return _testCases.SelectMany(testCase =>
        {
            var exemplars = Prepare(mappers?.Real, testCase.Exemplars);
            return testCase.Prompts.Select(prompt => Recall(testCase, prompt, exemplars, distractors, mappers?.Synth, cancellation));
        }).Average();
    }

    /// <summary>Which distractors are looked at.</summary>
    /// <param name="kept">How many there are.</param>
    /// <param name="most">As <see cref="TrainingValidation.MostDistractors"/>.</param>
    /// <param name="dimension">d.</param>
    /// <exception cref="WhenceException">They do not fit into one array.</exception>
    internal static int[] Chosen(long kept, int most, int dimension) =>
        (most == 0 ? kept : Math.Min(kept, most)) is var rows && rows * dimension <= Array.MaxLength
            ? Spread(kept, most)
            : throw new WhenceException(
                $"A validation looks at {rows} distractors of {dimension} values, more than the {Array.MaxLength} values that are kept in memory; look at {Array.MaxLength / dimension} of them at most (--validation-distractors).");

    /// <summary>Row numbers spread evenly.</summary>
    private static int[] Spread(long count, int most)
    {
        var taken = most == 0 ? count : Math.Min(count, most);
        return [.. Enumerable.Range(0, checked((int)taken)).Select(i => (int)((2 * i + 1) * count / (2 * taken)))];
    }

    private static FeatureMatrix Read(FeatureIndex index, int most)
    {
        var d = index.Manifest.Dimension;
        var kept = index.Count - index.Removed.Count;
        var wanted = Chosen(kept, most, d);
        var values = new float[wanted.Length * d];
        var (place, next, id) = (0L, 0, 0L);
        foreach (var part in index.Manifest.Parts)
        {
            using var file = index.OpenFeatures(part);
            for (var row = 0; row < part.Rows && next < wanted.Length; row++, id++)
            {
                if (index.Removed.Contains(id) || place++ != wanted[next])
                {
                    continue;
                }

                file.ReadRows(row, values.AsSpan(next++ * d, d));
            }
        }

        return new FeatureMatrix(wanted.Length, d, values);
    }

    private double Recall(
        TestCaseFeatures testCase, PromptFeatures prompt, FeatureMatrix exemplars, FeatureMatrix distractors, Mapper? synth, CancellationToken cancellation)
    {
        var chosen = Spread(prompt.Models.Count, _options.MostQueries);
        var total = 0.0;
        foreach (var block in chosen.Chunk(QueryBlock))
        {
            cancellation.ThrowIfCancellationRequested();
            var raw = new float[block.Length * testCase.Dimension];
            for (var i = 0; i < block.Length; i++)
            {
                prompt.Features.Row(block[i]).CopyTo(raw.AsSpan(i * testCase.Dimension));
            }

            var queries = Prepare(synth, new FeatureMatrix(block.Length, testCase.Dimension, raw));
            Question[] questions = [.. block.Select((q, i) => new Question(queries, i, exemplars, testCase.Chunks[prompt.Models[q]]))];
            Count(queries, distractors, questions, _options.RecallAt);
            total += questions.Sum(q => q.Recall(distractors, _options.RecallAt));
        }

        return total / chosen.Length;
    }

    private static void Count(FeatureMatrix queries, FeatureMatrix distractors, Question[] questions, int k)
    {
        using var none = no_grad();
        using var asked = TensorValues.ToTensor(queries.Span, queries.Rows, queries.Columns);
        for (var first = 0; first < distractors.Rows; first += DistractorBlock)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(DistractorBlock, distractors.Rows - first);
            var block = TensorValues.ToTensor(distractors.Span.Slice(first * distractors.Columns, rows * distractors.Columns), rows, distractors.Columns);
            var similarities = TensorValues.Of(RowProducts.WithRows(asked, block).contiguous());
            for (var i = 0; i < questions.Length; i++)
            {
                questions[i].Count(similarities.Slice(i * rows, rows), first, k);
            }
        }
    }

    private FeatureMatrix Prepare(Mapper? mapper, FeatureMatrix raw)
    {
        var mapped = new FeatureMatrix(raw.Rows, mapper?.OutputDimension ?? raw.Columns, new float[checked(raw.Rows * (mapper?.OutputDimension ?? raw.Columns))]);
        Parallel.For(0, (raw.Rows + MapBlock - 1) / MapBlock, new ParallelOptions { MaxDegreeOfParallelism = _threads }, block =>
        {
            var (first, rows) = (block * MapBlock, Math.Min(MapBlock, raw.Rows - (block * MapBlock)));
            var from = raw.Span.Slice(first * raw.Columns, rows * raw.Columns);
            var to = mapped.Span.Slice(first * mapped.Columns, rows * mapped.Columns);
            if (mapper is null)
            {
                from.CopyTo(to);
            }
            else
            {
                mapper.Apply(from, to);
            }

            Normalization.NormalizeRows(to, mapped.Columns);
        });
        return mapped;
    }

    /// <summary>Where one query's exemplars stand.</summary>
    private sealed class Question
    {
        private readonly FeatureMatrix _queries;
        private readonly int _row;
        private readonly float[] _own;
        private readonly int[] _surely;
        private readonly List<int>[] _perhaps;
        private readonly float _error;
        private int _open;

        public Question(FeatureMatrix queries, int row, FeatureMatrix exemplars, ExemplarChunk chunk)
        {
            (_queries, _row) = (queries, row);
            _own = [.. Enumerable.Range(chunk.Start, chunk.Count).Select(e => (float)DotProduct.Of(exemplars.Row(e), queries.Row(row)))];
            Array.Sort(_own, (a, b) => b.CompareTo(a)); // which of them it is does not matter for the recall
            (_surely, _perhaps) = (new int[_own.Length], [.. _own.Select(_ => new List<int>())]);

            // Of the product in float32 at most d 2^-24 whatever its order, and the rounding of the length and of the defined similarity.
            _error = (queries.Columns + 8) * MathF.ScaleB(1, -24) * 1.001f;
            _open = _own.Length;
        }

        /// <summary>Counts distractors before each exemplar that may still be among the first K; the others are after it.</summary>
        public void Count(ReadOnlySpan<float> similarities, int first, int k)
        {
            for (var i = 0; i < similarities.Length && _open > 0; i++)
            {
                for (var e = _open - 1; e >= 0 && similarities[i] >= _own[e] - _error; e--)
                {
                    if (similarities[i] > _own[e] + _error)
                    {
                        _surely[e]++;
                    }
                    else
                    {
                        _perhaps[e].Add(first + i);
                    }
                }

                while (_open > 0 && _surely[_open - 1] + _open > k)
                {
                    _open--;
                }
            }
        }

        public double Recall(FeatureMatrix distractors, int k)
        {
            var hits = 0;
            for (var e = 0; e < _own.Length; e++)
            {
                var best = _surely[e] + e + 1;
                var rank = best > k || best + _perhaps[e].Count <= k
                    ? best
                    : best + _perhaps[e].Count(d => (float)DotProduct.Of(distractors.Row(d), _queries.Row(_row)) >= _own[e]);
                hits += rank <= k ? 1 : 0;
            }

            return (double)hits / _own.Length;
        }
    }
}
