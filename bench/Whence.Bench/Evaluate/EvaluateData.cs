using Whence.Bench.Search;
using Whence.Datasets;
using Whence.Vectors;

namespace Whence.Bench.Evaluate;

/// <summary>
/// Distractors uniform on the sphere, and queries each of a model of its own with exemplars planted at known depths: half of them within the first
/// 100, log-uniform, the others log-uniform from there to the last one.
/// </summary>
internal static class EvaluateData
{
    public const int ExemplarsPerQuery = 12;
    private const int Block = 4096, Shallow = 100, Seed = 21;

    /// <summary>Writes <c>distractors.npy</c>, and <c>queries.npy</c> and <c>exemplars.npy</c>, float32 all.</summary>
    public static void Make(string folder, int rows, int dimension, int queries)
    {
        using (var stream = File.Create(Path.Combine(folder, "distractors.npy")))
        {
            NpyFile.WriteHeader(stream, ElementType.F32, rows, dimension);
            var blocks = Enumerable.Range(0, (rows + Block - 1) / Block).AsParallel().AsOrdered().WithDegreeOfParallelism(2)
                .WithMergeOptions(ParallelMergeOptions.NotBuffered)
                .Select(block => Unit(new Random((Seed << 24) + block), Math.Min(Block, rows - (block * Block)), dimension));
            foreach (var block in blocks)
            {
                stream.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(block.AsSpan()));
            }
        }

        var random = new Random(Seed);
        var similarities = Similarities(random, rows, dimension);
        var query = Unit(random, queries, dimension);
        var exemplars = Unit(random, queries * ExemplarsPerQuery, dimension);
        for (var e = 0; e < queries * ExemplarsPerQuery; e++)
        {
            var rank = e % 2 == 0
                ? Math.Pow(Shallow, random.NextDouble())
                : Shallow * Math.Pow((double)rows / Shallow, random.NextDouble());
            Lean(exemplars.AsSpan(e * dimension, dimension), query.AsSpan(e / ExemplarsPerQuery * dimension, dimension), similarities[(int)rank - 1]);
        }

        Write("queries.npy", query);
        Write("exemplars.npy", exemplars);

        void Write(string name, float[] values)
        {
            using var stream = File.Create(Path.Combine(folder, name));
            NpyFile.Write(stream, values, dimension);
        }
    }

    /// <summary>The test case of a folder.</summary>
    public static TestCaseFeatures TestCase(string folder)
    {
        var (queries, exemplars) = (Read("queries.npy"), Read("exemplars.npy"));
        return new TestCaseFeatures(
            "planted",
            exemplars,
            [.. Enumerable.Range(0, queries.Rows).Select(q => new ExemplarChunk(q * ExemplarsPerQuery, (q + 1) * ExemplarsPerQuery))],
            [new PromptFeatures("planted", queries, [.. Enumerable.Range(0, queries.Rows)], Paths: null)]);

        FeatureMatrix Read(string name)
        {
            using var file = FeatureFile.Open(Path.Combine(folder, name));
            var values = new float[file.Rows * file.Columns];
            file.ReadRows(0, values);
            return new FeatureMatrix((int)file.Rows, file.Columns, values);
        }
    }

    private static float[] Unit(Random random, int count, int dimension)
    {
        var rows = SearchData.Normal(random, count * dimension);
        Normalization.NormalizeRows(rows, dimension);
        return rows;
    }

    /// <summary>What distractors' similarities to a query look like, descending: a direction's share of a random unit vector is nearly normal.</summary>
    private static float[] Similarities(Random random, int rows, int dimension)
    {
        var sample = SearchData.Normal(random, rows);
        var scale = 1 / MathF.Sqrt(dimension);
        for (var i = 0; i < rows; i++)
        {
            sample[i] *= scale;
        }

        Array.Sort(sample);
        Array.Reverse(sample);
        return sample;
    }

    /// <summary>Turns a unit vector until it has a given similarity to another one.</summary>
    private static void Lean(Span<float> row, ReadOnlySpan<float> query, float similarity)
    {
        var along = (float)DotProduct.Of(row, query);
        for (var i = 0; i < row.Length; i++)
        {
            row[i] -= along * query[i];
        }

        Normalization.NormalizeRow(row);
        var across = MathF.Sqrt(1 - (similarity * similarity));
        for (var i = 0; i < row.Length; i++)
        {
            row[i] = (similarity * query[i]) + (across * row[i]);
        }
    }
}
