using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Bench.Search;

/// <summary>
/// Seeded vectors, the same ones in every run. <c>random</c>: uniform on the sphere. <c>clustered</c>: as encoders give them, all on
/// one side of the sphere, around centres whose numbers of rows differ by four orders of magnitude; 3 % of the rows are an earlier
/// row once more, a fifth of these exactly and the others with a noise of 0.1 to 3 % of their length.
/// </summary>
internal sealed class SearchData
{
    private const int PartSize = 65_536, Block = 4096, MaxCentres = 10_000, RowSeed = 1, QuerySeed = 16;
    private const double Copies = 0.03, ExactCopies = 0.2;

    private readonly int _dimension;
    private readonly int _centreCount;
    private readonly float[] _centres;

    private SearchData(long rows, int dimension, bool clustered)
    {
        _dimension = dimension;
        _centreCount = clustered ? (int)Math.Clamp(rows / 100, 1, MaxCentres) : 0;
        _centres = clustered ? Centres() : [];
    }

    /// <summary>Writes an index of rows x dimension float16 into <c>folder/index</c> and queries into <c>folder/queries.npy</c>.</summary>
    public static void Make(string folder, long rows, int dimension, bool clustered, int queries)
    {
        var data = new SearchData(rows, dimension, clustered);
        var blank = new IndexManifest { Encoder = clustered ? "clustered" : "random", Dimension = dimension, Type = ElementType.F16, Parts = [] };
        using (var writer = new IndexWriter(Path.Combine(folder, "index"), blank, PartSize))
        {
            // A block knows its seed, so two of them are made while one is written.
            var blocks = Enumerable.Range(0, (int)((rows + Block - 1) / Block)).AsParallel().AsOrdered().WithDegreeOfParallelism(2)
                .WithMergeOptions(ParallelMergeOptions.NotBuffered)
                .Select(block => data.Rows((RowSeed << 24) + block, (int)Math.Min(Block, rows - ((long)block * Block)), Copies));
            var id = 0L;
            foreach (var block in blocks)
            {
                for (var at = 0; at < block.Length; at += dimension, id++)
                {
                    var name = id.ToString(CultureInfo.InvariantCulture);
                    writer.Add(new IndexedImage { Id = -1, Source = name, Key = name }, block.AsSpan(at, dimension));
                }
            }

            writer.Commit();
        }

        using var stream = File.Create(Path.Combine(folder, "queries.npy"));
        NpyFile.Write(stream, data.Queries(Path.Combine(folder, "index"), queries), dimension);
    }

    /// <summary>Queries, normalised. Of clustered data every second one is a row of the index with noise of 5 %.</summary>
    private float[] Queries(string index, int count)
    {
        var queries = Rows(QuerySeed << 24, count, 0);
        if (_centreCount > 0)
        {
            var opened = FeatureIndex.Open(index);
            var random = new Random(QuerySeed);
            var places = Enumerable.Range(0, count).Where(q => q % 2 == 1).ToArray();
            var rows = opened.ReadFeatures([.. places.Select(_ => random.NextInt64(opened.Count))]);
            for (var i = 0; i < places.Length; i++)
            {
                Nudge(rows.Row(i), 0.05f, random, queries.AsSpan(places[i] * _dimension, _dimension));
            }
        }

        Normalization.NormalizeRows(queries, _dimension);
        return queries;
    }

    private float[] Rows(int seed, int count, double copies)
    {
        var random = new Random(seed);
        var rows = Normal(random, count * _dimension);
        Normalization.NormalizeRows(rows, _dimension);
        if (_centreCount == 0)
        {
            return rows;
        }

        for (var r = 0; r < count; r++)
        {
            var row = rows.AsSpan(r * _dimension, _dimension);
            if (r > 0 && random.NextDouble() < copies)
            {
                var earlier = rows.AsSpan(random.Next(r) * _dimension, _dimension);
                if (random.NextDouble() < ExactCopies)
                {
                    earlier.CopyTo(row);
                    continue;
                }

                Nudge(earlier, (float)Math.Pow(10, -3 + (1.5 * random.NextDouble())), random, row);
            }
            else
            {
                // Log-uniform: the first centre has rows / ln(centres) of them, the last one rows / (centres * ln(centres)).
                var centre = (int)Math.Pow(_centreCount, random.NextDouble()) - 1;
                var spread = 0.35f + (0.35f * random.NextSingle());
                TensorPrimitives.Multiply(row, spread, row);
                TensorPrimitives.MultiplyAdd(_centres.AsSpan(centre * _dimension, _dimension), MathF.Sqrt(1 - (spread * spread)), row, row);
            }

            Normalization.NormalizeRow(row);
        }

        return rows;
    }

    /// <summary>Unit vectors around a common one, at a similarity of about 0.5 with each other.</summary>
    private float[] Centres()
    {
        var random = new Random(RowSeed);
        var common = Normal(random, _dimension);
        Normalization.NormalizeRow(common);
        var centres = Normal(random, _centreCount * _dimension);
        Normalization.NormalizeRows(centres, _dimension);
        for (var at = 0; at < centres.Length; at += _dimension)
        {
            var centre = centres.AsSpan(at, _dimension);
            TensorPrimitives.Add(centre, common, centre);
            Normalization.NormalizeRow(centre);
        }

        return centres;
    }

    private void Nudge(ReadOnlySpan<float> row, float noise, Random random, Span<float> destination)
    {
        var direction = Normal(random, _dimension);
        Normalization.NormalizeRow(direction);
        TensorPrimitives.MultiplyAdd(direction, noise, row, destination);
    }

    /// <summary>
    /// Normally distributed numbers (Box and Muller: the length and angle of pairs), which make a vector's direction uniform.
    /// Numbers from a cube would not do: their largest is twice as near to their average, which flatters a quantised scan.
    /// </summary>
    public static float[] Normal(Random random, int count)
    {
        var half = (count + 1) / 2;
        var bits = new uint[2 * half];
        random.NextBytes(MemoryMarshal.AsBytes(bits.AsSpan()));
        var values = new float[2 * half];
        TensorPrimitives.ConvertTruncating<uint, float>(bits, values);
        TensorPrimitives.Add(values, 1, values);
        TensorPrimitives.Multiply(values, 1 / 4_294_967_296f, values); // above 0, at most 1
        var length = values.AsSpan(0, half);
        var angle = values.AsSpan(half);
        TensorPrimitives.Log(length, length);
        TensorPrimitives.Multiply(length, -2, length);
        TensorPrimitives.Sqrt(length, length);
        var (sine, cosine) = (new float[half], new float[half]);
        TensorPrimitives.Multiply(angle, 2, angle);
        TensorPrimitives.SinCosPi(angle, sine, cosine);
        TensorPrimitives.Multiply(length, sine, angle);
        TensorPrimitives.Multiply(length, cosine, length);
        return count == values.Length ? values : values[..count];
    }
}
