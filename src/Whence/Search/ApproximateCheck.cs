using System.Diagnostics;
using Whence.Calibration;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>Measures an <see cref="ApproximateSearch"/> beside the exact one on the data that it is meant for.</summary>
public static class ApproximateCheck
{
    // One query at a time tells what a single question costs; an exact search from disk takes long.
    private const int MostAlone = 20;

    /// <summary>Asks both searches the same and compares the answers.</summary>
    /// <param name="index">The index.</param>
    /// <param name="options">How many queries and how they are made, how many images are compared.</param>
    /// <param name="search">Mapper, rows, threads; null for the defaults.</param>
    /// <param name="queries">
    /// q x d features to ask with, at least one, mapped and L2-normalised (<see cref="Attributor.Features"/>); null for images of the index
    /// itself, as the options say.
    /// </param>
    /// <param name="cancellation">Stops between queries or blocks of rows.</param>
    /// <exception cref="WhenceException">There is no approximate index, it is damaged, or the index has no images.</exception>
    public static ApproximateCheckResult Run(
        FeatureIndex index, ApproximateCheckOptions? options = null, SearchOptions? search = null, FeatureMatrix? queries = null,
        CancellationToken cancellation = default)
    {
        options ??= new();
        options.Validate();
        using var approximate = ApproximateSearch.Open(index, search, cancellation);
        approximate.CheckVectors();
        queries ??= Sample(approximate, index, options, search ?? new());
        var inView = Math.Max(options.Top, options.Candidates);
        var alone = Enumerable.Range(0, Math.Min(queries.Rows, MostAlone)).Select(q => new FeatureMatrix(1, queries.Columns, queries.Row(q).ToArray())).ToArray();

        // Once before the clock runs: what follows is about memory that is warm, for both alike.
        approximate.Nearest(alone[0], inView, cancellation);
        approximate.Exact.Nearest(alone[0], options.Top, cancellation);
        var approximateAlone = Time(() => Array.ForEach(alone, q => approximate.Nearest(q, inView, cancellation)));
        var exactAlone = Time(() => Array.ForEach(alone, q => approximate.Exact.Nearest(q, options.Top, cancellation)));
        Match[][] found = [], expected = [];
        var approximateTogether = Time(() => found = approximate.Nearest(queries, inView, cancellation));
        var exactTogether = Time(() => expected = approximate.Exact.Nearest(queries, options.Top, cancellation));
        var influences = approximate.Exact.Influences(queries, options.Calibration with { None = null }, expected, cancellation);

        // Images of one similarity are as good as each other.
        var recalls = expected.Select((own, q) => own.Length == 0 ? 1 : found[q].Take(own.Length).Count(m => m.Similarity >= own[^1].Similarity) / (double)own.Length).ToArray();
        return new ApproximateCheckResult
        {
            Queries = queries.Rows,
            IsExact = approximate.IsExact(inView),
            Recall = recalls.Average(),
            LowestRecall = recalls.Min(),
            BestFound = expected.Where((own, q) => own.Length == 0 || (found[q].Length > 0 && found[q][0].Similarity == own[0].Similarity)).Count() / (double)queries.Rows,
            InfluenceFound = found.Select((own, q) => own.Sum(m => influences[q].Of(m.Similarity))).Average(),
            ApproximateAlone = approximateAlone / alone.Length,
            ExactAlone = exactAlone / alone.Length,
            ApproximateTogether = approximateTogether / queries.Rows,
            ExactTogether = exactTogether / queries.Rows,
        };
    }

    /// <summary>Rows of the index, each with noise of a given length added, normalised again.</summary>
    private static FeatureMatrix Sample(ApproximateSearch search, FeatureIndex index, ApproximateCheckOptions options, SearchOptions searchOptions)
    {
        var random = new Random(options.Seed);
        var members = (searchOptions.Rows ?? RowSet.All(index.Count)).Without(index.Removed);
        if (members.Count == 0)
        {
            throw new WhenceException($"{index.Folder}: it has no images to search; index some first.");
        }

        // Drawing again what is no member ends soon unless nearly all are gone; then the members are listed.
        var few = members.Count * 100 < members.Length ? Enumerable.Range(0, checked((int)members.Length)).Where(id => members.Contains(id)).ToArray() : null;
        var rows = new float[options.Queries * search.Dimension];
        for (var q = 0; q < options.Queries; q++)
        {
            var id = few is null ? random.NextInt64(members.Length) : few[random.Next(few.Length)];
            while (!members.Contains(id))
            {
                id = random.NextInt64(members.Length);
            }

            var row = rows.AsSpan(q * search.Dimension, search.Dimension);
            var (feature, mapped) = (index.ReadFeatures([id]), searchOptions.Mapper);
            (mapped?.Apply(feature) ?? feature).Row(0).CopyTo(row);
            Normalization.NormalizeRow(row);
            AddNoise(row, options.Noise, random);
        }

        return new FeatureMatrix(options.Queries, search.Dimension, rows);
    }

    private static void AddNoise(Span<float> row, double length, Random random)
    {
        var noise = new float[row.Length];
        for (var i = 0; i < noise.Length; i++)
        {
            // Box and Muller: a direction of which none is preferred.
            noise[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        Normalization.NormalizeRow(noise);
        for (var i = 0; i < noise.Length; i++)
        {
            row[i] += (float)length * noise[i];
        }

        Normalization.NormalizeRow(row);
    }

    private static TimeSpan Time(Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed;
    }
}

/// <summary>Options of <see cref="ApproximateCheck"/>.</summary>
public sealed record ApproximateCheckOptions
{
    /// <summary>Queries to ask, at least 1. Default 100.</summary>
    public int Queries { get; init; } = 100;

    /// <summary>K of recall@K, at least 1. Default 100.</summary>
    public int Top { get; init; } = 100;

    /// <summary>Images to find for each query, as in <see cref="ApproximateOptions.Candidates"/>; at least <see cref="Top"/> are.</summary>
    public int Candidates { get; init; } = ApproximateOptions.DefaultCandidates;

    /// <summary>
    /// Length of the random vector that is added to a normalised feature before it is normalised again, at least 0: the query then has a
    /// cosine of about 1 / sqrt(1 + noise^2) to that image. Default 0.5 (cosine 0.89), 0 asks with the images as they are.
    /// </summary>
    public double Noise { get; init; } = 0.5;

    /// <summary>Seed of the sample and the noise. Default 1.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Parameters of Eq. 6 for the influence that is found.</summary>
    public Calibrator Calibration { get; init; } = Calibrator.Unfitted;

    internal void Validate()
    {
        if (Queries < 1 || Top < 1 || Candidates < 1 || !(Noise >= 0) || !double.IsFinite(Noise))
        {
            throw new ArgumentException($"Queries is {Queries}, Top {Top}, Candidates {Candidates} and Noise {Noise}; the first three are at least 1, the last at least 0.");
        }
    }
}

/// <summary>What <see cref="ApproximateCheck"/> measured.</summary>
public sealed record ApproximateCheckResult
{
    /// <summary>Queries asked.</summary>
    public required int Queries { get; init; }

    /// <summary>True where the approximate search looks at all images, because there are few: then there is nothing to measure.</summary>
    public required bool IsExact { get; init; }

    /// <summary>Mean recall@K, in [0, 1]: how many of the K most similar images were found, those as similar as the K-th counted alike.</summary>
    public required double Recall { get; init; }

    /// <summary>The recall@K of the query that it is lowest for.</summary>
    public required double LowestRecall { get; init; }

    /// <summary>Share of the queries whose most similar image was found, in [0, 1]: for the others s_(0) of Eq. 6 is too small.</summary>
    public required double BestFound { get; init; }

    /// <summary>Mean share of the exact influence (Eq. 6) that the images found have, in [0, 1]: by its inverse their shares come out too large.</summary>
    public required double InfluenceFound { get; init; }

    /// <summary>Time of an approximate search of one query.</summary>
    public required TimeSpan ApproximateAlone { get; init; }

    /// <summary>Time of an exact search of one query for its K best.</summary>
    public required TimeSpan ExactAlone { get; init; }

    /// <summary>Time per query of one approximate search of all.</summary>
    public required TimeSpan ApproximateTogether { get; init; }

    /// <summary>Time per query of one exact search of all.</summary>
    public required TimeSpan ExactTogether { get; init; }
}
