using Whence.Search;
using Whence.Vectors;

namespace Whence.Bench.Search;

/// <summary>An image found by a search.</summary>
internal readonly record struct Match(long Id, float Similarity);

/// <summary>
/// Everything that the bench of the search asks of Whence, in one place: here over a scan that gives every similarity, so that a
/// few queries at a time go through it.
/// </summary>
internal sealed class SearchEngine : IDisposable
{
    private const int QueriesAtATime = 16;

    private readonly ExactSearch _search;
    private readonly int _threads;

    private SearchEngine(FeatureIndex index, int threads)
    {
        _search = new ExactSearch(index, null, threads);
        _threads = threads;
        ScannedFiles = [.. index.Manifest.Parts.Select(part => Path.Combine(index.Folder, part.FeaturesFile))];
    }

    /// <summary>The files that a scan reads from end to end.</summary>
    public IReadOnlyList<string> ScannedFiles { get; }

    /// <summary>Rows whose similarity was computed in full precision so far.</summary>
    public long Rescored { get; private set; }

    /// <summary>Opens an index; makes what the search keeps beside it where that is missing.</summary>
    public static SearchEngine Open(string folder, int threads) => new(FeatureIndex.Open(folder), threads);

    /// <summary>Per query the k most similar, best first, the smaller id first among equals.</summary>
    public Match[][] Nearest(FeatureMatrix queries, int k) => Each(
        queries, (_, similarities) => Array.ConvertAll(TopK.Select(similarities, k), found => new Match(found.Id, found.Similarity)));

    /// <summary>Per query and similarity the number of rows at or above it.</summary>
    public long[][] Ranks(FeatureMatrix queries, float[][] similarities) => Each(
        queries, (q, all) => Array.ConvertAll(similarities[q], similarity => (long)all.Count(other => other >= similarity)));

    /// <summary>Per query the similarities of given rows.</summary>
    public float[][] Similarities(FeatureMatrix queries, long[][] ids) =>
        Each(queries, (q, all) => Array.ConvertAll(ids[q], id => all[id]));

    public void Dispose()
    {
    }

    private T[] Each<T>(FeatureMatrix queries, Func<int, float[], T> answer)
    {
        var answers = new T[queries.Rows];
        for (var first = 0; first < queries.Rows; first += QueriesAtATime)
        {
            var (start, count) = (first, Math.Min(QueriesAtATime, queries.Rows - first));
            var values = queries.Span.Slice(start * queries.Columns, count * queries.Columns).ToArray();
            var similarities = _search.Similarities(new FeatureMatrix(count, queries.Columns, values));
            Rescored += similarities.Sum(s => (long)s.Length);
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = _threads }, i => answers[start + i] = answer(start + i, similarities[i]));
        }

        return answers;
    }
}
