using Whence.Calibration;
using Whence.Files;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// Search of an index by similarity (Eq. 2: sim(F(x), F~(x~))): raw feature, mapper h, L2 normalisation, dot product.
/// <para>
/// The canonical similarity is the dot product of the float32-normalised rows, accumulated in double in a fixed order and rounded to
/// float32. Every answer is what comparing the canonical similarities of all rows gives, on every machine and with any number
/// of threads; quantised rows only decide which rows need not be looked at closely. Among equal similarities the smaller id
/// comes first.
/// </para>
/// Thread-safe. Removed images are never found.
/// </summary>
public sealed class ExactSearch : IDisposable
{
    // Queries that go over the index together: the 2k candidates that each gathers take no more than this.
    private const long GatheredBytes = 1L << 30;
    private const int MostQueries = 1024;

    // With more queries a fine pass pays (measured; d = 768): what it saves in rows that are looked at is unknown beforehand.
    internal const int MostCoarseQueries = 12;

    // A coarse pass leaves some three times k rows per query to be read one by one; from a quarter of all rows on that costs more than a fine pass.
    private const int CoarseShare = 4;

    private readonly FeatureIndex _index;
    private readonly CanonicalRows _rows;
    private readonly RowSet _members;
    private readonly int _threads;
    private long _rescored;

    private ExactSearch(FeatureIndex index, CanonicalRows rows, RowSet members, int threads) =>
        (_index, _rows, _members, _threads) = (index, rows, members, threads);

    /// <summary>Length of the vectors that are compared.</summary>
    public int Dimension => _rows.Dimension;

    /// <summary>Number of images that are searched.</summary>
    public long Searched => _members.Count;

    /// <summary>Number of canonical similarities computed so far: how often a bound did not decide.</summary>
    public long Rescored => Interlocked.Read(ref _rescored);

    /// <summary>Opens a search, and makes the index's search layout where it is missing or stale.</summary>
    /// <param name="index">The index.</param>
    /// <param name="options">Mapper, rows, threads; null for the defaults.</param>
    /// <param name="cancellation">Stops the making of the layout.</param>
    /// <exception cref="WhenceException">The mapper does not fit the index, or the index is damaged.</exception>
    public static ExactSearch Open(FeatureIndex index, SearchOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(index);
        options ??= new();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1, nameof(options));
        CheckMapper(index, options.Mapper);
        index.CheckSizes();
        if (index.Count > uint.MaxValue)
        {
            throw new WhenceException($"{index.Folder}: {index.Count} images, a search takes {uint.MaxValue}; make several indexes of them.");
        }

        var members = options.Rows ?? RowSet.All(index.Count);
        if (members.Length != index.Count)
        {
            throw new ArgumentException($"The set is of {members.Length} rows, the index has {index.Count}.", nameof(options));
        }

        var layout = SearchLayout.Find(index, options.Mapper);
        if (options.BuildLayout)
        {
            new SearchLayoutBuilder(index, options.Mapper, layout).Build(options.Threads, options.Progress, cancellation);
        }

        var rows = new CanonicalRows(index, options.Mapper, layout, options.Map);
        return new ExactSearch(index, rows, members.Without(index.Removed), options.Threads);
    }

    /// <summary>The k most similar images of each query.</summary>
    /// <param name="queries">q x <see cref="Dimension"/>, mapped and L2-normalised.</param>
    /// <param name="k">At least 0; all images where there are fewer.</param>
    /// <param name="cancellation">Stops between blocks of rows.</param>
    /// <returns>Per query at most k matches: similarity descending, the smaller id first among equals.</returns>
    /// <exception cref="WhenceException">A row that matters is damaged or not finite.</exception>
    public Match[][] Nearest(FeatureMatrix queries, int k, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        var wanted = (int)Math.Min(k, _members.Count);
        return wanted == 0
            ? [.. Enumerable.Repeat(Array.Empty<Match>(), Check(queries))]
            : Best(queries, wanted, 0, keys => Math.Min(keys.Length, wanted), cancellation);
    }

    /// <summary>Every image within a distance of each query's most similar one: <c>s >= s_max - distance</c>.</summary>
    /// <param name="queries">q x <see cref="Dimension"/>, mapped and L2-normalised.</param>
    /// <param name="distance">At least 0.</param>
    /// <param name="cancellation">Stops between blocks of rows.</param>
    /// <returns>Per query the matches in the order of <see cref="Nearest"/>.</returns>
    /// <exception cref="WhenceException">A row that matters is damaged or not finite.</exception>
    public Match[][] Within(FeatureMatrix queries, float distance, CancellationToken cancellation = default)
    {
        if (!(distance >= 0))
        {
            throw new ArgumentOutOfRangeException(nameof(distance), distance, "A distance is at least 0.");
        }

        return Best(queries, 1, distance, keys => CountWithin(keys, distance), cancellation);
    }

    /// <summary>Every image at least as similar to a query as asked for.</summary>
    /// <param name="queries">q x <see cref="Dimension"/>, mapped and L2-normalised.</param>
    /// <param name="similarities">A similarity per query; minus infinity finds all images.</param>
    /// <param name="cancellation">Stops between blocks of rows.</param>
    /// <returns>Per query the matches in the order of <see cref="Nearest"/>.</returns>
    /// <exception cref="WhenceException">A row that matters is damaged or not finite.</exception>
    public Match[][] Above(FeatureMatrix queries, ReadOnlySpan<float> similarities, CancellationToken cancellation = default)
    {
        CheckLengths(Check(queries), similarities.Length);
        var thresholds = similarities.ToArray();
        CheckNumbers(thresholds);
        return Turns(queries, MostQueries, (turn, first) =>
        {
            var own = thresholds.AsSpan(first, turn.Rows).ToArray();
            var scan = Scan(turn, new AboveScan(own), turn.Rows <= MostCoarseQueries, cancellation);
            return ForEach(turn, scan.Matches, cancellation);
        });
    }

    /// <summary>
    /// The number of images at or above given similarities. That is the rank of an image of such a similarity, which stands behind all
    /// those that it ties with.
    /// </summary>
    /// <param name="queries">q x <see cref="Dimension"/>, mapped and L2-normalised.</param>
    /// <param name="similarities">Per query any number of canonical similarities, see <see cref="Similarities"/>.</param>
    /// <param name="cancellation">Stops between blocks of rows.</param>
    /// <returns>Per query a count for each of them.</returns>
    /// <exception cref="WhenceException">A row that matters is damaged or not finite.</exception>
    public long[][] Ranks(FeatureMatrix queries, float[][] similarities, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(similarities);
        CheckLengths(Check(queries), similarities.Length);
        Array.ForEach(similarities, CheckNumbers);
        return Turns(queries, MostQueries, (turn, first) =>
        {
            var own = similarities[first..(first + turn.Rows)];
            var scan = Scan(turn, new RankScan(own), turn.Rows <= MostCoarseQueries, cancellation);
            return ForEach(turn, scan.Counts, cancellation);
        });
    }

    /// <summary>Eq. 6 for each query: its best similarity, its denominator over all images, and how many images have a share.</summary>
    /// <param name="queries">q x <see cref="Dimension"/>, mapped and L2-normalised.</param>
    /// <param name="calibrator">tau and lambda.</param>
    /// <param name="cancellation">Stops between blocks of rows.</param>
    /// <returns>Per query what turns a similarity into an influence.</returns>
    /// <exception cref="WhenceException">A row that matters is damaged or not finite.</exception>
    public Influence[] Influences(FeatureMatrix queries, Calibrator calibrator, CancellationToken cancellation = default) =>
        Influences(queries, calibrator, Nearest(queries, 1, cancellation), cancellation);

    /// <summary>The same for queries whose best images are known.</summary>
    internal Influence[] Influences(FeatureMatrix queries, Calibrator calibrator, Match[][] nearest, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(calibrator);
        calibrator.Validate();
        var maxima = Array.ConvertAll(nearest, best => best.Length > 0 ? best[0].Similarity : float.NegativeInfinity);
        return Turns(queries, MostQueries, (turn, first) =>
        {
            var own = maxima[first..(first + turn.Rows)];
            var scan = Scan(turn, new InfluenceScan(calibrator, own), turn.Rows <= MostCoarseQueries, cancellation);
            return ForEach(turn, scan.Influence, cancellation);
        });
    }

    /// <summary>Canonical similarities of given images, removed ones too.</summary>
    /// <param name="queries">q x <see cref="Dimension"/>, mapped and L2-normalised.</param>
    /// <param name="ids">Per query ids in any order.</param>
    /// <param name="cancellation">Stops between blocks of rows.</param>
    /// <returns>Per query a similarity for each id, in [-1, 1] but for the last bit's rounding.</returns>
    /// <exception cref="ArgumentOutOfRangeException">No row has such an id.</exception>
    /// <exception cref="WhenceException">A row is damaged or not finite.</exception>
    public float[][] Similarities(FeatureMatrix queries, long[][] ids, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ids);
        CheckLengths(Check(queries), ids.Length);
        var sorted = Array.ConvertAll(ids, own => own.Select(id => id >= 0 && id < _index.Count
            ? (uint)id
            : throw new ArgumentOutOfRangeException(nameof(ids), id, "No row has that id.")).Distinct().Order().ToArray());
        var found = Rescore(queries, sorted, cancellation);
        return [.. ids.Select((own, q) => Array.ConvertAll(own, id => found[q][Array.BinarySearch(sorted[q], (uint)id)]))];
    }

    /// <summary>Closes the files.</summary>
    public void Dispose() => _rows.Dispose();

    private Match[][] Best(FeatureMatrix queries, int k, float distance, Func<ulong[], int> count, CancellationToken cancellation)
    {
        Check(queries);
        var sample = distance == 0 ? SampledThreshold.Rows(_members, k) : null;
        return Turns(queries, (int)Math.Clamp(GatheredBytes / (2L * k * sizeof(ulong)), 1, MostQueries), (turn, _) =>
        {
            var coarse = (long)turn.Rows * k <= _members.Count / CoarseShare;
            return coarse || sample is null
                ? BestByBounds(turn, k, distance, coarse, count, cancellation)
                : BestBySample(turn, k, sample, count, cancellation);
        });
    }

    /// <summary>
    /// For k that is a good part of all rows: a sample tells about where the k-th similarity is, and all rows from there on are compared as they
    /// come. The few queries that the sample promised too much go the other way, together.
    /// </summary>
    private Match[][] BestBySample(FeatureMatrix queries, int k, RowSet sample, Func<ulong[], int> count, CancellationToken cancellation)
    {
        var thresholds = SampledThreshold.Of(queries.Rows, k, sample.Count, _members.Count, visitor =>
            new RowScan(_index, _rows, sample, _threads, coarse: false).Run(queries, visitor, cancellation));
        var scan = Scan(queries, new NearestScan(thresholds, k), coarse: false, cancellation);
        var matches = ForEach(queries, scan.Matches, cancellation);
        var missed = Enumerable.Range(0, matches.Length).Where(q => matches[q] is null).ToArray();
        var again = new FeatureMatrix(missed.Length, queries.Columns, [.. missed.SelectMany(q => queries.Row(q).ToArray())]);

        // Half as many in a turn: until lists are cut, they may hold 4k.
        var found = Turns(again, Math.Max(1, queries.Rows / 2), (turn, _) => BestByBounds(turn, k, 0, coarse: false, count, cancellation));
        for (var i = 0; i < missed.Length; i++)
        {
            matches[missed[i]] = found[i];
        }

        return matches!;
    }

    private Match[][] BestByBounds(FeatureMatrix queries, int k, float distance, bool coarse, Func<ulong[], int> count, CancellationToken cancellation)
    {
        var scan = Scan(queries, new BestScan(queries.Rows, k, distance), coarse, cancellation);
        var first = ForEach(queries, scan.First, cancellation);
        var similarities = Rescore(queries, first, cancellation);
        var rest = ForEach(queries, q => scan.Rest(q, similarities[q]), cancellation);
        var others = Array.Exists(rest, ids => ids.Length > 0) ? Rescore(queries, rest, cancellation) : Array.ConvertAll(rest, _ => Array.Empty<float>());
        return ForEach(queries, q =>
        {
            var keys = new ulong[first[q].Length + rest[q].Length];
            Pack(similarities[q], first[q], keys);
            Pack(others[q], rest[q], keys.AsSpan(first[q].Length));
            RankKey.Sort(keys);
            return RankKey.Unpack(keys.AsSpan(0, count(keys)));
        }, cancellation);
    }

    private static void Pack(float[] similarities, uint[] ids, Span<ulong> keys)
    {
        for (var i = 0; i < ids.Length; i++)
        {
            keys[i] = RankKey.Pack(similarities[i], ids[i]);
        }
    }

    private static int CountWithin(ulong[] keys, float distance)
    {
        var count = 0;
        while (count < keys.Length && RankKey.Similarity(keys[count]) >= (double)RankKey.Similarity(keys[0]) - distance)
        {
            count++;
        }

        return count;
    }

    private float[][] Rescore(FeatureMatrix queries, uint[][] ids, CancellationToken cancellation)
    {
        Interlocked.Add(ref _rescored, ids.Sum(own => (long)own.Length));
        return Rescoring.Run(queries, ids, _index, _rows, _threads, cancellation);
    }

    private TVisitor Scan<TVisitor>(FeatureMatrix queries, TVisitor visitor, bool coarse, CancellationToken cancellation)
        where TVisitor : IScanVisitor
    {
        Interlocked.Add(ref _rescored, new RowScan(_index, _rows, _members, _threads, coarse).Run(queries, visitor, cancellation));
        return visitor;
    }

    private T[] ForEach<T>(FeatureMatrix queries, Func<int, T> answer, CancellationToken cancellation)
    {
        var answers = new T[queries.Rows];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = _threads, CancellationToken = cancellation };
        Unwrap.Aggregate(() => Parallel.For(0, answers.Length, parallel, q => answers[q] = answer(q)));
        return answers;
    }

    private static T[] Turns<T>(FeatureMatrix queries, int size, Func<FeatureMatrix, int, T[]> answer)
    {
        var answers = new List<T>(queries.Rows);
        for (var first = 0; first < queries.Rows; first += size)
        {
            var count = Math.Min(size, queries.Rows - first);
            var turn = new FeatureMatrix(count, queries.Columns, queries.Span.Slice(first * queries.Columns, count * queries.Columns).ToArray());
            answers.AddRange(answer(turn, first));
        }

        return [.. answers];
    }

    // The bounds of quantised rows hold for vectors that are no longer than 1.
    private int Check(FeatureMatrix queries) => CheckQueries(queries, Dimension);

    /// <summary>Number of queries, which must be vectors of a length, of norm 1 at most.</summary>
    internal static int CheckQueries(FeatureMatrix queries, int dimension)
    {
        ArgumentNullException.ThrowIfNull(queries);
        if (queries.Columns != dimension)
        {
            throw new ArgumentException($"Queries have {queries.Columns} values, expected {dimension}.", nameof(queries));
        }

        for (var q = 0; q < queries.Rows; q++)
        {
            if (!(Normalization.Norm(queries.Row(q)) <= 1.00001))
            {
                throw new ArgumentException($"Query {q} has norm {Normalization.Norm(queries.Row(q))}; normalise queries to 1.", nameof(queries));
            }
        }

        return queries.Rows;
    }

    private static void CheckLengths(int queries, int given)
    {
        if (queries != given)
        {
            throw new ArgumentException($"{given} entries for {queries} queries.");
        }
    }

    private static void CheckNumbers(float[] similarities)
    {
        if (similarities is null || Array.Exists(similarities, float.IsNaN))
        {
            throw new ArgumentException("A similarity is not a number.", nameof(similarities));
        }
    }

    private static void CheckMapper(FeatureIndex index, Mapper? mapper)
    {
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

        if (mapper is { OutputDimension: > IndexManifest.LargestDimension })
        {
            throw new WhenceException(
                $"{index.Folder}: the mapper makes vectors of {mapper.OutputDimension} values, at most {IndexManifest.LargestDimension} can be searched; use a smaller one.");
        }
    }
}
