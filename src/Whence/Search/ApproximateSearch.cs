using Whence.Files;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// Search of an index by the graphs of its <see cref="ApproximateIndex"/>: nearly always the most similar images, without looking at all
/// rows, and from disk where the index does not fit into memory. What the graphs find is rescored, so a similarity is the canonical one
/// of <see cref="ExactSearch"/>; only whether an image is found is uncertain. <see cref="ApproximateCheck"/> measures it.
/// <para>
/// What graphs are no help for is searched exactly: parts that came after they were built, a graph of whose rows the filter leaves less
/// than an eighth, and everything where more than an eighth of all images is asked for.
/// </para>
/// Thread-safe. Removed images are never found.
/// </summary>
public sealed class ApproximateSearch : IDisposable
{
    // Where a graph looks at about as many rows as an exact search: it compares several rows for each that it keeps in view.
    private const int Worthwhile = 8;

    // A graph finds the better the more it keeps in view; a quarter more than wanted also makes up for bfloat16's rounding.
    private const int LeastInView = 256;

    private readonly Graph[] _graphs;
    private readonly ExactSearch? _rest;
    private readonly RowSet? _filter;
    private readonly int _threads;

    private ApproximateSearch(ExactSearch exact, Graph[] graphs, ExactSearch? rest, RowSet? filter, int threads) =>
        (Exact, _graphs, _rest, _filter, _threads) = (exact, graphs, rest, filter, threads);

    /// <summary>The exact search of the same images, for what needs it.</summary>
    public ExactSearch Exact { get; }

    /// <summary>Length of the vectors that are compared.</summary>
    public int Dimension => Exact.Dimension;

    /// <summary>Number of images that are searched.</summary>
    public long Searched => Exact.Searched;

    /// <summary>Number of images among them that are searched exactly: the index grew, or the filter leaves few.</summary>
    public long SearchedExactly => _graphs.Length == 0 ? Searched : _rest?.Searched ?? 0;

    /// <summary>Opens a search. The structure of each graph is checked, which reads about a tenth of its file.</summary>
    /// <param name="index">The index.</param>
    /// <param name="options">Mapper, rows, threads; null for the defaults.</param>
    /// <param name="cancellation">Stops the making of the search layout.</param>
    /// <exception cref="WhenceException">
    /// There is no approximate index for this mapper, it is damaged, or USearch's native library cannot be loaded; or
    /// <see cref="ExactSearch.Open"/> fails.
    /// </exception>
    public static ApproximateSearch Open(FeatureIndex index, SearchOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(index);
        options ??= new();
        Usearch.Require();
        var exact = ExactSearch.Open(index, options, cancellation);
        var (graphs, rest) = (Array.Empty<Graph>(), default(ExactSearch));
        try
        {
            var members = (options.Rows ?? RowSet.All(index.Count)).Without(index.Removed);
            var found = ApproximateIndex.Find(index, options.Mapper);
            var entries = Entries(index, found);
            var useful = entries.Where(e => members.CountMembers(e.FirstId, e.Rows) * (long)Worthwhile >= e.Rows).ToArray();
            graphs = Open(useful, found, exact.Dimension);
            var left = useful.Aggregate(members, (set, e) => set.WithoutRange(e.FirstId, e.Rows));
            rest = left.Count > 0 && useful.Length > 0 ? ExactSearch.Open(index, options with { Rows = left }, cancellation) : null;
            return new ApproximateSearch(exact, graphs, rest, members.Count == index.Count ? null : members, options.Threads);
        }
        catch
        {
            Array.ForEach(graphs, g => g.Dispose());
            rest?.Dispose();
            exact.Dispose();
            throw;
        }
    }

    /// <summary>Whether <see cref="Nearest"/> looks at all images for so many of them, and so misses none.</summary>
    /// <param name="k">Images wanted.</param>
    public bool IsExact(int k) => _graphs.Length == 0 || (long)k * Worthwhile > Searched;

    /// <summary>The k most similar images of each query that are found, seldom not the k most similar ones.</summary>
    /// <param name="queries">q x <see cref="Dimension"/>, mapped and L2-normalised.</param>
    /// <param name="k">At least 0. The more are wanted, the surer the first of them.</param>
    /// <param name="cancellation">Stops between queries.</param>
    /// <returns>Per query at most k matches: similarity descending, the smaller id first among equals.</returns>
    /// <exception cref="WhenceException">A row that matters is damaged or not finite.</exception>
    public Match[][] Nearest(FeatureMatrix queries, int k, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        if (k == 0 || IsExact(k))
        {
            return Exact.Nearest(queries, k, cancellation);
        }

        ExactSearch.CheckQueries(queries, Dimension);
        var candidates = Candidates(queries, Math.Max(k + (k / 4), LeastInView), cancellation);
        var similarities = Exact.Similarities(queries, candidates, cancellation);
        var rest = _rest?.Nearest(queries, k, cancellation);
        return [.. candidates.Select((ids, q) => ids.Select((id, i) => new Match(id, similarities[q][i])).Concat(rest?[q] ?? [])
            .OrderByDescending(m => m.Similarity).ThenBy(m => m.Id).Take(k).ToArray())];
    }

    /// <summary>Whether the vectors in the graphs, which opening does not read, are as they were written.</summary>
    /// <exception cref="WhenceException">They are not.</exception>
    internal void CheckVectors() => Unwrap.Aggregate(() => Parallel.ForEach(
        _graphs, new ParallelOptions { MaxDegreeOfParallelism = _threads }, g => g.CheckVectors()));

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        Array.ForEach(_graphs, g => g.Dispose());
        _rest?.Dispose();
        Exact.Dispose();
    }

    // Of what all graphs find the best by approximate similarity.
    private long[][] Candidates(FeatureMatrix queries, int count, CancellationToken cancellation)
    {
        var found = new (long Id, float Similarity)[queries.Rows][][];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = _threads, CancellationToken = cancellation };
        for (var q = 0; q < queries.Rows; q++)
        {
            found[q] = new (long, float)[_graphs.Length][];
        }

        Unwrap.Aggregate(() => Parallel.For(0, (long)queries.Rows * _graphs.Length, parallel, i =>
        {
            var (q, g) = ((int)(i / _graphs.Length), (int)(i % _graphs.Length));
            found[q][g] = _graphs[g].Search(queries.Row(q), count, _filter);
        }));
        return Array.ConvertAll(found, own =>
            own.SelectMany(f => f).OrderByDescending(f => f.Similarity).Take(count).Select(f => f.Id).ToArray());
    }

    private static List<CoveredRows> Entries(FeatureIndex index, ApproximateIndex found)
    {
        var entries = new List<CoveredRows>();
        for (var place = 0; place < index.Manifest.Parts.Count;)
        {
            var entry = found.Find(index.Manifest.Parts.Skip(place));
            if (entry is not null)
            {
                entries.Add(new CoveredRows(entry, index.Manifest.Parts[place].FirstId, entry.Parts.Sum(p => p.Rows)));
            }

            place += entry?.Parts.Count ?? 1;
        }

        return entries.Count > 0 || index.Count == 0
            ? entries
            : throw new WhenceException(
                $"{index.Folder}: it has no approximate index for these features and this mapper; build one with 'whence ann build --index {index.Folder}'.");
    }

    private static Graph[] Open(CoveredRows[] entries, ApproximateIndex found, int dimension)
    {
        var graphs = new Graph?[entries.Length];
        try
        {
            Unwrap.Aggregate(() => Parallel.For(0, entries.Length, i =>
                graphs[i] = Graph.Open(found.PathOf(entries[i].Entry), entries[i].Entry, entries[i].FirstId, dimension)));
        }
        catch
        {
            Array.ForEach(graphs, g => g?.Dispose());
            throw;
        }

        return graphs!;
    }

    private readonly record struct CoveredRows(GraphEntry Entry, long FirstId, int Rows);
}
